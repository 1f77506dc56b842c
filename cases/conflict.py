"""Conflict of interest: a complaint about an office never lands in its own queue, and the reporter is masked there.

Called by filing when a case is opened, by the desk when an officer marks one, and before anything that tells who
reported. The rule of who sees such a case at all is in `queries.visible_to`.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.normalise import has_accents
from cases import audit
from cases.casebook import Casebook
from cases.codes import fold
from cases.corrections import without_identity
from cases.history import record
from cases.model import Case, CaseEvent, Officer, Unit
from cases.people_names import find_names
from cases.place_types import CITY_ID
from cases.steps import ActionRefusedError, check, plain_words, touch

REVEALED_FOR = timedelta(hours=8)  # a working day; then the reason is asked again
NAME = "(tên)"
_SURNAMES = (
    "nguyen|tran|le|pham|hoang|huynh|phan|vu|vo|dang|bui|do|ho|ngo|duong|ly|dinh|trinh|luong|mai|dao|doan|cao|ta|luu|kieu"
)  # fmt: skip
# "tôi tên (là) …", "họ tên: …", "ký tên …" and up to four words; a surname with its middle name, unless it is a street.
_NAMED = re.compile(
    r"(?:\b(?:ho va ten|ho ten|ky ten|ten)(?: (?:toi|em|chau|minh|con))?(?: la)?[ :,.\-]+"
    rf"|\b(?:toi|em|chau|minh) la (?=(?:{_SURNAMES})\b))(?P<name>[a-z]+(?: [a-z]+){{0,3}})"
)
_FULL = re.compile(
    rf"(?<!duong )(?<!pho )\b(?P<name>(?:{_SURNAMES})"
    r" (?:van|thi|duc|huu|dinh|xuan|quang|ngoc|minh|thanh)(?: [a-z]+){1,2})"
)


def is_about_an_office(casebook: Casebook, text: str) -> bool:
    """Whether the words accuse an office or its people; accents do not matter."""
    folded = " ".join(plain_words(text))
    return _says(folded, casebook.offices) and _says(folded, casebook.accusations)


def unit_above(session: Session, unit_id: str) -> str:
    """The unit that gets a complaint about this one; the city has none above and keeps it."""
    return session.get_one(Unit, unit_id).parent_id or CITY_ID


def mark(
    session: Session,
    case: Case,
    officer: Officer,
    unit_id: str,
    about_officer: str,
    reason: str,
    now: datetime,
    version: int,
) -> None:
    """Say that a case is about a unit (and one of its officers): it goes to the unit above, the reporter is masked."""
    check(case, version)
    unit = session.get(Unit, unit_id)
    if unit is None:
        raise ActionRefusedError("unknown_unit")
    named = session.scalars(select(Officer).where(Officer.username == about_officer)).first() if about_officer else None
    if about_officer and named is None:
        raise ActionRefusedError("unknown_officer")
    source = case.unit_id
    case.about_unit_id, case.about_officer_id = unit.id, named.id if named else None
    case.unit_id, case.officer_id, case.offered_by_id = unit_above(session, unit.id), None, None
    record(session, case, "conflict", now, officer, text=reason, source=source, target=case.unit_id, about=unit.id)
    touch(case)


def is_masked(case: Case) -> bool:
    """Whether the reporter is hidden from those the case is about."""
    return case.about_unit_id is not None or case.about_officer_id is not None


def sees_reporter(case: Case, officer: Officer, now: datetime) -> bool:
    """Whether this officer may read who reported: always, unless the case is masked; then after giving a reason."""
    if not is_masked(case):
        return True
    return any(_opens(event, officer, now) for event in case.events)


def reveal(session: Session, case: Case, officer: Officer, reason: str, now: datetime) -> None:
    """Let this officer read who reported, and leave it on the case and in the audit log for ever who did and why."""
    record(session, case, "revealed", now, officer, text=reason)
    audit.note(session, officer.id, "reporter_revealed", case.code, now, reason=reason)


def masked_description(case: Case) -> str:
    """The description without names and numbers."""
    return _without_names(without_identity(unicodedata.normalize("NFC", case.description)))


def _without_names(text: str) -> str:
    """Names as people type them on a phone, without capitals and accents; rather a word too many than a name."""
    text = _replaced(text, find_names(text))
    for pattern in (_NAMED, _FULL):
        folded = fold(text)
        if len(folded) != len(text):  # letters that do not match one to one: what was found could not be placed
            return NAME if pattern.search(folded) else text
        spans = [match.span("name") for match in pattern.finditer(folded)]
        marked = pattern is _FULL and has_accents(text)  # then a name with its marks has been found, or is none
        text = _replaced(text, [span for span in spans if not (marked and has_accents(text[slice(*span)]))])
    return text


def _replaced(text: str, found: Iterable[tuple[int, int]]) -> str:
    pieces, end = [], 0
    for start, stop in found:
        pieces += [text[end:start], NAME]
        end = stop
    return "".join([*pieces, text[end:]])


def _opens(event: CaseEvent, officer: Officer, now: datetime) -> bool:
    return event.kind == "revealed" and event.officer_id == officer.id and now - event.at < REVEALED_FOR


def _says(folded: str, phrases: Sequence[str]) -> bool:
    return re.search(rf"\b(?:{'|'.join(re.escape(fold(phrase)) for phrase in phrases)})\b", folded) is not None
