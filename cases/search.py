"""Finding cases by typed words, by code or by a phone number; called by cases.queue. Accents do not matter.

A word counts from its beginning ("rac" finds "rác thải"). SQLite has its own full-text table beside `cases`,
PostgreSQL an index over the same column (migrations 0005 and 0012).
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, column, false, func, literal_column, select, text
from sqlalchemy.orm import Session

from cases.codes import parse_code
from cases.masking import mask
from cases.model import Case
from cases.steps import OPEN_MARK, area_mark, plain_words, unit_mark
from core.model import Conversation
from core.vault import Vault

# A word that stands in half of all cases: the newest of them are looked at, which keeps the search quick.
MOST_FOUND = 2000


def matching(
    session: Session, vault: Vault, typed: str, *, units: Sequence[str] | None, area_id: str | None, is_open: bool
) -> ColumnElement[bool]:
    """The condition that a case is what was typed; `units` (None: all) and `area_id` narrow where to look."""
    phones = mask(typed).phones
    if phones:
        return _by_phone(session, vault, phones)
    code = parse_code(typed)
    if code:
        return Case.code == code
    words = plain_words(typed)[:12]
    if not words:
        return false()
    marks = [] if units is None else [*map(unit_mark, units), *([area_mark(area_id)] if area_id else [])]
    state = OPEN_MARK if is_open else ""
    if session.get_bind().dialect.name == "postgresql":
        return _postgresql(words, marks, state)
    return _sqlite(words, marks, state)


def _by_phone(session: Session, vault: Vault, phones: Iterable[str]) -> ColumnElement[bool]:
    """The whole number, never a part of it: what is stored is a keyed hash. Masked reporters are not found by it."""
    hashes = [print_ for phone in phones for print_ in vault.fingerprints(phone)]
    people = session.scalars(select(Conversation.id).where(Conversation.phone_hash.in_(hashes))).all()
    return Case.conversation_id.in_(people) & Case.about_unit_id.is_(None) & Case.about_officer_id.is_(None)


def _sqlite(words: Sequence[str], marks: Sequence[str], state: str) -> ColumnElement[bool]:
    parts = [f'"{word}"*' for word in words]
    parts += [f'("{'" OR "'.join(marks)}")'] if marks else []
    parts += [f'"{state}"'] if state else []
    found = text("SELECT rowid FROM case_search WHERE case_search MATCH :typed ORDER BY rowid DESC LIMIT :most")
    found = found.bindparams(typed=" AND ".join(parts), most=MOST_FOUND)
    return Case.id.in_(found.columns(column("rowid")))


def _postgresql(words: Sequence[str], marks: Sequence[str], state: str) -> ColumnElement[bool]:
    parts = [f"'{word}':*" for word in words]
    parts += [f"({' | '.join(marks)})"] if marks else []
    parts += [state] if state else []
    simple: ColumnElement[str] = literal_column("'simple'")
    return func.words_of_case(Case.searchable).op("@@")(func.to_tsquery(simple, " & ".join(parts)))
