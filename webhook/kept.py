"""What becomes of a citizen's words when their turn ends: plain, still sealed, or forgotten; called by converse."""

from dataclasses import replace

from cases.masking import mask, without_papers
from core import attachments, erased, sealed
from core.model import Inbound, Turn
from core.sealed import Words
from core.vault import Vault

FORGOTTEN = erased.told("theo quy định về tố cáo, khiếu nại")


def keep_plain(turn: Turn, vault: Vault) -> None:
    """They are understood, or an officer waits for them: the conversation's words from now on."""
    for member in turn.members:
        sealed.keep_plain(member, _kept_of(member, vault))


def keep_sealed(turn: Turn, vault: Vault) -> None:
    """Nobody here has understood them: a person at the desk may, the database may not."""
    for member in turn.members:
        sealed.keep_sealed(vault, member, _kept_of(member, vault))


def forget(turn: Turn, vault: Vault) -> None:
    """What was told of a denunciation or petition is not kept (Luật Tố cáo Art. 8, 9)."""
    for member in turn.members:
        told = sealed.words_of(vault, member).text
        sealed.keep_plain(member, Words(member.kind, FORGOTTEN if told else ""))
        member.location = None
        for attachment in member.attachments:
            attachments.erase(attachment, "forgotten")


def _kept_of(member: Inbound, vault: Vault) -> Words:
    """Without numbers of identity papers and bank cards: nobody here needs them to work a case.

    A form gave us its phone number, which is sealed elsewhere; the rest of it is not kept, only that it came.
    """
    words = sealed.words_of(vault, member)
    if words.kind == "other":
        kind = "contact" if mask(words.payload or "").phones else words.kind
        words = replace(words, kind=kind, payload=None)
    return replace(words, text=without_papers(words.text))
