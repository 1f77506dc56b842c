"""Writes an event of a case for the services that move many cases at once: accounts and incidents."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from cases.model import Case, CaseEvent, Officer


def record(session: Session, case: Case, kind: str, now: datetime, officer: Officer | None = None, **data: Any) -> None:
    """One event; without an officer the system itself did it. The case is another version afterwards."""
    actor = "officer" if officer else "system"
    session.add(
        CaseEvent(case_id=case.id, at=now, kind=kind, actor=actor, officer_id=officer and officer.id, data=data)
    )
    case.version += 1
    session.flush()
