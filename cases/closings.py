"""Ends of a case other than "done": refused with a reason of law, merged, marked as abuse; called by the desk.

`version` is that of the page the officer decided on: each function raises StaleCaseError when the case has moved on,
and ActionRefusedError when it cannot be done as asked; then nothing is changed.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from cases import conflict, service
from cases.history import record
from cases.model import Case, Officer, Unit
from cases.notices import duplicates_of, notify
from cases.rulebook import Rulebook
from cases.steps import ActionRefusedError, check, touch
from cases.workflow import OPEN, Move, Status, after
from core.db import ROW_LOCK


def refuse(
    session: Session,
    rulebook: Rulebook,
    case: Case,
    officer: Officer,
    reason: str,
    body: str,
    text: str,
    now: datetime,
    version: int,
) -> None:
    """Refuse with a reason of law that names the right body; the citizen is told both, `text` comes after them."""
    check(case, version)
    refusal = rulebook.casebook.refusals.get(reason)
    if refusal is None:
        raise ActionRefusedError("unknown_reason")
    if "{body}" in refusal.text and not body:
        raise ActionRefusedError("body_missing")
    unit = session.get_one(Unit, case.unit_id)
    words = "\n".join(part for part in (refusal.text.format(unit=unit.name, body=body), text) if part)
    _close(session, rulebook, case, officer, Move.REFUSE, now)
    case.first_answer_at = case.first_answer_at or now
    event = record(session, case, "refused", now, officer, text=words, reason=reason, body=body)
    notify(session, rulebook, case, event, words)


def mark_abuse(
    session: Session, rulebook: Rulebook, case: Case, officer: Officer, reason: str, now: datetime, version: int
) -> None:
    """Advertising, insults, play: closed without a message, because answering is what such writers want."""
    check(case, version)
    _close(session, rulebook, case, officer, Move.MARK_ABUSE, now)
    record(session, case, "marked_abuse", now, officer, text=reason)


def merge(
    session: Session, rulebook: Rulebook, case: Case, into: Case, officer: Officer, now: datetime, version: int
) -> None:
    """The case says the same as another one, which goes on for both; its citizen hears what happens to that one."""
    check(case, version)
    if into.id == case.id or into.status not in OPEN or into.duplicate_of_id is not None:
        raise ActionRefusedError("merge_target")
    if conflict.is_masked(case) != conflict.is_masked(into):
        raise ActionRefusedError("merge_target")  # a masked reporter must not become readable by way of another case
    for earlier in duplicates_of(session, case):
        earlier.duplicate_of_id = into.id
    case.duplicate_of_id = into.id
    _close(session, rulebook, case, officer, Move.MERGE, now)
    event = record(session, case, "merged", now, officer, into=into.code)
    notify(session, rulebook, case, event, into.code)
    record(session, into, "absorbed", now, officer, other=case.code)
    touch(into)


def find_other(session: Session, found: Case | None) -> Case:
    """The case to merge into, locked; raises ActionRefusedError when there is none this officer may see."""
    if found is None:
        raise ActionRefusedError("merge_target")
    session.refresh(found, with_for_update=ROW_LOCK)
    return found


def _close(session: Session, rulebook: Rulebook, case: Case, officer: Officer, move: Move, now: datetime) -> None:
    service.stop_waiting(session, rulebook, case, now)  # first: a case that has ended can no longer be found late
    case.status = after(move, Status(case.status))
    case.officer_id = case.officer_id or officer.id
    case.received_at = case.received_at or now
    case.resolved_at, case.spoke_at, case.offered_by_id = now, None, None
    touch(case)
