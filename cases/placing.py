"""Officers put right where a case is and how urgent; called by the desk. Both stay on record.

`version` is that of the page the officer decided on: each function raises StaleCaseError when the case has moved on,
and ActionRefusedError when it cannot be done as asked; then nothing is changed.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from cases import clocks
from cases.deadlines import Urgency
from cases.history import record
from cases.model import Case, Officer, Unit
from cases.rulebook import Rulebook
from cases.steps import ActionRefusedError, check, touch
from cases.workflow import OPEN


def correct_place(
    session: Session, case: Case, officer: Officer, ward_id: str, address: str, now: datetime, version: int
) -> None:
    """The ward and address where it really is; handing it to that ward is a transfer, a step of its own."""
    check(case, version)
    ward = session.get(Unit, ward_id) if ward_id else None
    if ward_id and (ward is None or ward.kind != "ward"):
        raise ActionRefusedError("unknown_unit")
    source, before = case.ward_id, case.address
    if ward is not None:
        case.ward_id, case.area_id = ward.id, ward.parent_id
        case.place_method = "officer"
    case.address = address or case.address
    record(session, case, "place_corrected", now, officer, source=source, target=case.ward_id, before=before)
    touch(case)


def correct_urgency(
    session: Session,
    rulebook: Rulebook,
    case: Case,
    officer: Officer,
    urgency: str,
    reason: str,
    now: datetime,
    version: int,
) -> None:
    """Another urgency has another limit, counted from the day the case came: it never starts anew."""
    check(case, version)
    if urgency not in list(Urgency) or case.status not in OPEN:
        raise ActionRefusedError("unknown_urgency")
    if urgency == case.urgency:
        return
    source = case.urgency
    clocks.change_urgency(session, rulebook, case, Urgency(urgency), now)
    record(session, case, "urgency_corrected", now, officer, source=source, target=urgency, text=reason)
    touch(case)
