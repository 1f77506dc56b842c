"""A citizen takes a report back; called by actions. What officers did and wrote on the case stays where it is."""

from datetime import datetime

from sqlalchemy.orm import Session

from cases import service
from cases.followers import followers_of
from cases.history import record
from cases.model import Case
from cases.rulebook import Rulebook
from cases.steps import touch
from cases.workflow import OPEN, Move, Status, after
from core.db import ROW_LOCK


def withdraw(session: Session, rulebook: Rulebook, case: Case, turn_id: int, now: datetime) -> bool:
    """Close the case as withdrawn and say True; while others wait for the same case it goes on for them: False.

    A repeat of the turn changes nothing. Raises MoveNotAllowedError when the case has ended some other way.
    """
    session.refresh(case, with_for_update={**ROW_LOCK, "of": Case})  # an officer may be moving it at this very moment
    done = next((event.kind for event in case.events if event.data.get("turn") == turn_id), None)
    if done is not None:
        return done == "withdrawn"
    status = after(Move.WITHDRAW, Status(case.status))
    if followers_of(session, case):
        record(session, case, "withdrawal_noted", now, turn=turn_id)
        touch(case)
        return False
    service.stop_waiting(session, rulebook, case, now)  # first: a case that has ended can no longer be found late
    case.status = status
    case.resolved_at, case.spoke_at, case.offered_by_id = now, None, None
    record(session, case, "withdrawn", now, turn=turn_id)
    touch(case)
    return True


def may_withdraw(case: Case) -> bool:
    return case.status in OPEN
