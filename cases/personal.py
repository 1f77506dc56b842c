"""What is held of one citizen: shown to them, handed over whole, erased as far as nothing else needs it.

Called by actions (chat) and portal (the whole file, opened by a link that only the chat has told). What belongs to a
case is kept: handling and archives need it (Luật Bảo vệ dữ liệu cá nhân 91/2025 Art. 14), and a person decides.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases import consents, data_requests
from cases.consents import Consent, Purpose
from cases.data_requests import DataRequest
from cases.links import own_cases
from cases.model import Case
from cases.queries import Message, messages_of
from core import attachments, erased
from core.db import ROW_LOCK
from core.model import Attachment, Conversation, Inbound, Outbound, Turn
from core.sealed import Words, keep_plain
from core.vault import SealBrokenError, Vault

ERASED = erased.told("theo yêu cầu của người gửi")
LINK_LASTS = timedelta(hours=24)
_LINK = "personal-file"  # what a sealed link is for: nothing else that is sealed can be passed for one


@dataclass(frozen=True)
class Held:
    """In short, for the chat; `codes` of the cases, the newest first."""

    codes: Sequence[str]
    phone: bool
    messages: int
    files: int
    allowed: Sequence[Purpose]


@dataclass(frozen=True)
class PersonalFile:
    """Everything, as the citizen may read it."""

    channel: str
    phone: str
    messages: Sequence[Message]
    files: int
    cases: Sequence[Case]
    consents: Sequence[Consent]
    requests: Sequence[DataRequest]


def held(session: Session, conversation_id: int) -> Held:
    mine = Inbound.conversation_id == conversation_id
    return Held(
        codes=[case.code for case in own_cases(session, conversation_id)],
        phone=session.get_one(Conversation, conversation_id).phone is not None,
        messages=session.scalar(select(func.count(Inbound.id)).where(mine)) or 0,
        files=_count_files(session, conversation_id),
        allowed=consents.standing(session, conversation_id),
    )


def link_token(vault: Vault, conversation_id: int, now: datetime) -> str:
    """Opens the whole file for a day; whoever has it reads it, so it is told in the citizen's own chat only."""
    return vault.seal(json.dumps([_LINK, conversation_id, (now + LINK_LASTS).timestamp()])).decode()


def conversation_of(vault: Vault, token: str, now: datetime) -> int | None:
    """Whose file a link opens; None when it is no link of ours, or is over."""
    try:
        kind, conversation_id, until = json.loads(vault.unseal(token.encode()))
    except (SealBrokenError, ValueError, TypeError):
        return None
    return int(conversation_id) if kind == _LINK and now.timestamp() < until else None


def whole_file(session: Session, vault: Vault, conversation_id: int) -> PersonalFile:
    conversation = session.get_one(Conversation, conversation_id)
    mine = select(Consent).where(Consent.conversation_id == conversation_id).order_by(Consent.id)
    return PersonalFile(
        channel=conversation.channel,
        phone=_opened(vault, conversation.phone),
        messages=messages_of(session, conversation_id, vault),
        files=_count_files(session, conversation_id),
        cases=own_cases(session, conversation_id),
        consents=session.scalars(mine).all(),
        requests=data_requests.of_conversation(session, conversation_id),
    )


def erase(session: Session, conversation_id: int, now: datetime) -> bool:
    """Erase the phone number, and words and files outside cases; every consent ends. Says whether cases remain.

    The turn in work is not touched: its words are this very wish. Repeats are harmless.
    """
    conversation = session.get_one(Conversation, conversation_id, with_for_update=ROW_LOCK)
    conversation.phone = conversation.phone_hash = conversation.held = conversation.source = None
    cases = own_cases(session, conversation_id)
    finished = select(Turn.id).where(Turn.conversation_id == conversation_id, Turn.status != "open")
    loose = set(session.scalars(finished)) - _turns_of(session, conversation_id, cases)
    _erase_inbounds(session, conversation_id, loose)
    _erase_replies(session, conversation_id, loose)
    consents.end_all(session, conversation_id, now)
    return bool(cases)


def _turns_of(session: Session, conversation_id: int, cases: Sequence[Case]) -> set[int]:
    """The turns in which a case was told, from its first words to its filing, and those that were added to it."""
    found = {int(event.data["turn"]) for case in cases for event in case.events if event.data.get("turn")}
    mine = select(Turn.id).where(Turn.conversation_id == conversation_id)
    for case in cases:
        kind, _, rest = case.source.partition(":")
        began = rest.partition(":")[0]
        if kind == "turn" and began.isdecimal():
            found |= set(session.scalars(mine.where(Turn.id >= int(began), Turn.created_at <= case.opened_at)))
    return found


def _erase_inbounds(session: Session, conversation_id: int, turns: set[int]) -> None:
    rows = session.scalars(
        select(Inbound).where(Inbound.conversation_id == conversation_id).with_for_update(**ROW_LOCK)
    )
    for row in rows:
        if row.turn_id not in turns:
            continue
        had_words = bool(row.text or row.sealed)
        keep_plain(row, Words(row.kind, ERASED if had_words else ""))
        row.location = row.choice = None
        for attachment in row.attachments:
            attachments.erase(attachment, "erased")


def _erase_replies(session: Session, conversation_id: int, turns: set[int]) -> None:
    """The bot repeats what people write; only what has been sent, or never will be."""
    settled = Outbound.status.in_(("sent", "dead", "dropped"))
    mine = (Outbound.conversation_id == conversation_id, Outbound.case_id.is_(None), Outbound.author == "bot", settled)
    for row in session.scalars(select(Outbound).where(*mine)):
        kind, _, rest = row.key.partition(":")
        turn = rest.partition(":")[0]
        if kind == "turn" and turn.isdecimal() and int(turn) in turns:
            row.text, row.buttons = ERASED, []


def _count_files(session: Session, conversation_id: int) -> int:
    query = select(func.count(Attachment.id)).join(Inbound).where(Inbound.conversation_id == conversation_id)
    return session.scalar(query.where(Attachment.status == "stored")) or 0


def _opened(vault: Vault, sealed: bytes | None) -> str:
    try:
        return vault.unseal(sealed) if sealed else ""
    except SealBrokenError:
        return ""
