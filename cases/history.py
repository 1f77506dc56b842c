"""Writing what happened to a case: one event, append-only; called by every module that moves cases."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from cases.model import Case, CaseEvent, Officer

BY_THE_SYSTEM = frozenset({"undelivered", "sent_up", "incident_joined"})


def record(
    session: Session, case: Case, kind: str, now: datetime, officer: Officer | None = None, **data: Any
) -> CaseEvent:
    actor = "officer" if officer else ("system" if kind in BY_THE_SYSTEM else "citizen")
    event = CaseEvent(case_id=case.id, at=now, kind=kind, actor=actor, officer_id=officer and officer.id, data=data)
    session.add(event)
    session.flush()
    return event
