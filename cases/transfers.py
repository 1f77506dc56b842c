"""Between units and officers: accepting and returning a transfer, assigning, a second false closing; called by desk."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.history import record
from cases.model import Case, CaseEvent, Officer, Unit
from cases.officers import may_act
from cases.steps import ActionRefusedError, check, touch
from cases.workflow import OPEN, Status

COORDINATOR = "coordinator"
AGAIN = 2  # the citizen has said twice that it is not done


def give_back(session: Session, case: Case, officer: Officer, reason: str, now: datetime, version: int) -> None:
    """Do not accept a transfer: back to the unit it came from, with a reason. The clocks keep running."""
    check(case, version)
    source = case.offered_by_id
    if source is None or case.status not in OPEN or source == case.about_unit_id:
        raise ActionRefusedError("not_offered")
    case.offered_by_id, here, case.unit_id = None, case.unit_id, source
    case.officer_id, case.status = None, Status.NEW
    record(session, case, "returned", now, officer, text=reason, source=here, target=source)
    touch(case)


def assign(session: Session, case: Case, officer: Officer, to: Officer, now: datetime, version: int) -> None:
    """Give the case to a colleague who may see and work it."""
    check(case, version)
    if case.status not in OPEN or not to.active or not may_act(to):
        raise ActionRefusedError("unknown_officer")
    case.officer_id, case.offered_by_id = to.id, None
    case.received_at = case.received_at or now
    if case.status in {Status.NEW, Status.REOPENED}:
        case.status = Status.IN_PROGRESS
    record(session, case, "assigned", now, officer, to=to.id, name=to.name)
    touch(case)


def send_up_if_again(session: Session, case: Case, now: datetime) -> None:
    """A second "not done": the coordinator of the next unit up decides, not those who said twice that it was."""
    by_citizen = select(func.count(CaseEvent.id)).where(
        CaseEvent.case_id == case.id, CaseEvent.kind == "reopened", CaseEvent.actor == "citizen"
    )
    above = session.get_one(Unit, case.unit_id).parent_id
    if (session.scalar(by_citizen) or 0) < AGAIN or above is None:
        return
    target, coordinator = _next_coordinator(session, above)
    source, case.unit_id, case.officer_id = case.unit_id, target, coordinator.id if coordinator else None
    record(session, case, "sent_up", now, source=source, target=target)


def _next_coordinator(session: Session, above: str) -> tuple[str, Officer | None]:
    """The nearest unit up that has a coordinator; without any, the next unit's queue."""
    here: str | None = above
    while here is not None:
        working = select(Officer).where(Officer.unit_id == here, Officer.role == COORDINATOR, Officer.active.is_(True))
        found = session.scalars(working.order_by(Officer.id)).first()
        if found is not None:
            return here, found
        here = session.get_one(Unit, here).parent_id
    return above, None
