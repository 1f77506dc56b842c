"""Writing what happened to a case: one event, append-only; called by every module that moves cases."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from cases.model import Case, CaseEvent, Officer

BY_THE_SYSTEM = frozenset(
    {"undelivered", "due_soon", "overdue", "unreceived", "escalated", "sent_up", "incident_joined"}
)


def record(
    session: Session, case: Case, kind: str, now: datetime, officer: Officer | None = None, **data: Any
) -> CaseEvent:
    """Write an event of a case with who did it, and on the case what the figures need of it; `data` is kept as JSON."""
    actor = "officer" if officer else ("system" if kind in BY_THE_SYSTEM else "citizen")
    event = CaseEvent(case_id=case.id, at=now, kind=kind, actor=actor, officer_id=officer and officer.id, data=data)
    session.add(event)
    _count(case, event)
    session.flush()
    return event


def _count(case: Case, event: CaseEvent) -> None:
    """What the figures need of an event also stands on the case, so that they need not read every event."""
    if event.kind == "rated":
        case.rating = int(event.data["score"])
    elif event.kind == "refused":
        case.refused_for = str(event.data.get("reason") or event.data.get("template") or "other")[:40]
    elif event.kind == "reopened" and event.actor == "citizen":
        case.false_closures += 1
