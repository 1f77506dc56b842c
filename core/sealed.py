"""What citizens wrote rests sealed until its turn is understood: seals it, reads it, opens it for good.

Called by arrivals and signals at acceptance, by the worker for its turn, by cases.queries for what nobody understood.
"""

import json
from dataclasses import dataclass, field

from core.model import Inbound
from core.vault import Vault


@dataclass(frozen=True)
class Words:
    """The words of one inbound message in memory, however they rest; `original` is what stood there before an edit."""

    kind: str
    text: str = field(repr=False)
    payload: str | None = field(default=None, repr=False)
    original: str | None = field(default=None, repr=False)


def seal(vault: Vault, text: str, payload: str | None, original: str | None = None) -> bytes | None:
    """None when there are no words to seal."""
    if not (text or payload or original):
        return None
    return vault.seal(json.dumps([text, payload, original], ensure_ascii=False))


def words_of(vault: Vault, row: Inbound) -> Words:
    """Raises SealBrokenError when they were sealed with a key that is gone."""
    if row.sealed is None:
        return Words(row.kind, row.text, row.payload, row.original)
    text, payload, original = json.loads(vault.unseal(row.sealed))
    return Words(row.kind, text, payload, original)


def keep_plain(row: Inbound, words: Words) -> None:
    """They are understood: from now on they are the conversation's plain words."""
    row.kind = words.kind
    row.text, row.payload, row.original, row.sealed = words.text, words.payload, words.original, None


def keep_sealed(vault: Vault, row: Inbound, words: Words) -> None:
    row.kind, row.text, row.payload, row.original = words.kind, "", None, None
    row.sealed = seal(vault, words.text, words.payload, words.original)
