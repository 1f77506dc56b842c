"""More time for a case: once, with a reason the citizen is told, and never for one that is late; called by desk."""

from datetime import datetime

from sqlalchemy.orm import Session

from cases import clocks
from cases.history import record
from cases.model import Case, Officer
from cases.notices import notify
from cases.rulebook import Rulebook
from cases.steps import check, touch
from cases.workflow import OPEN


class ExtensionRefusedError(Exception):
    """The case is closed, was extended before or is late already. Not worth a retry."""


def may_extend(case: Case, now: datetime) -> bool:
    """An extension given after the limit has passed would only hide that it has."""
    late = case.late_at is not None or (case.status in clocks.RUNNING and case.due_at < now)
    return case.status in OPEN and case.extended_at is None and not late


def extend(
    session: Session, rulebook: Rulebook, case: Case, officer: Officer, reason: str, now: datetime, version: int
) -> None:
    """Move the limit once by what the rules give for this urgency. Raises StaleCaseError, ExtensionRefusedError."""
    check(case, version)
    if not may_extend(case, now):
        raise ExtensionRefusedError(case.code)
    clocks.note_lateness(session, case, now)
    before = case.due_at
    clocks.extend(rulebook, case, now)
    touch(case)
    event = record(
        session, case, "extended", now, officer, text=reason, before=before.isoformat(), due=case.due_at.isoformat()
    )
    notify(session, rulebook, case, event, reason)
