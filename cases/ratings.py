"""What a citizen says of a result: that it is done, and how satisfied they are; called by actions.

A rating counts once for each case: a later one replaces it, for a week. The figures read the case (`Case.rating`).
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from cases.history import record
from cases.model import Case, CaseEvent
from cases.steps import touch
from cases.workflow import Status
from core.db import ROW_LOCK

SCORES = range(1, 6)
MAY_CHANGE = timedelta(days=7)  # since the first rating of this result


class RatingClosedError(Exception):
    """The case is not reported as dealt with, or its rating is older than a week. Not worth a retry."""


def confirm(session: Session, case: Case, turn_id: int, now: datetime) -> None:
    """The citizen says that it is done; noted once for each result. Raises RatingClosedError."""
    if _is_repeat(session, case, turn_id) or any(event.kind == "confirmed" for event in _since_result(case)):
        return
    if case.status != Status.RESOLVED:
        raise RatingClosedError(case.code)
    record(session, case, "confirmed", now, turn=turn_id)
    touch(case)


def rate(session: Session, case: Case, score: int, turn_id: int, now: datetime) -> None:
    """Keep 1 to 5; the same turn again changes nothing. Raises RatingClosedError, ValueError."""
    if score not in SCORES:
        raise ValueError(score)
    if _is_repeat(session, case, turn_id):
        return
    first = next((event.at for event in _since_result(case) if event.kind == "rated"), now)
    if case.status != Status.RESOLVED or now - first > MAY_CHANGE:
        raise RatingClosedError(case.code)
    record(session, case, "rated", now, score=score, turn=turn_id)
    touch(case)


def _is_repeat(session: Session, case: Case, turn_id: int) -> bool:
    session.refresh(case, with_for_update={**ROW_LOCK, "of": Case})  # an officer may be moving it at this very moment
    return any(event.data.get("turn") == turn_id for event in case.events)


def _since_result(case: Case) -> list[CaseEvent]:
    """What happened since the result that stands now was told."""
    results = [event.id for event in case.events if event.kind == "resolved"]
    return [event for event in case.events if event.id > max(results, default=0)]
