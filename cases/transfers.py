"""Between units and officers: accepting and returning a transfer, assigning, a second false closing; called by desk.

`version` is that of the page the officer decided on: each function raises StaleCaseError when the case has moved on,
and ActionRefusedError when it cannot be done as asked; then nothing is changed.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from cases.coordination import coordinator_above
from cases.history import record
from cases.model import Case, Officer, Unit
from cases.officers import may_act
from cases.steps import ActionRefusedError, check, touch
from cases.workflow import OPEN, Status

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
    """A second "not done": the coordinator of the next unit up decides, not those who said twice that it was.

    Without any coordinator further up it goes to the queue of the next unit.
    """
    above = session.get_one(Unit, case.unit_id).parent_id
    if case.false_closures < AGAIN or above is None:
        return
    coordinator = coordinator_above(session, case.unit_id, case.unit_id)
    source, case.unit_id = case.unit_id, coordinator.unit_id if coordinator else above
    case.officer_id = coordinator.id if coordinator else None
    record(session, case, "sent_up", now, source=source, target=case.unit_id)
