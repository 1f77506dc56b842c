"""Citizens who have the same matter as a case of somebody else: joining, their words, how many; called by all.

A follower hears what becomes of the case and nothing of who filed it or what they wrote. Whoever filed a case that was
merged into another one follows that one, as do those who had joined it: this is read from the merging, not kept twice,
so that a merging taken back takes them back as well.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, delete, or_, select
from sqlalchemy.orm import Session, joinedload

from cases.casework_model import Follower
from cases.history import record
from cases.model import Case, CaseEvent
from cases.steps import touch
from cases.workflow import OPEN
from core.db import ROW_LOCK, insert_once


def join(
    session: Session,
    case: Case,
    conversation_id: int,
    turn_id: int | None,
    now: datetime,
    words: str = "",
    began: int | None = None,
) -> bool:
    """This citizen follows the case from now on; False when they do already, or it is their own.

    `words` are what they were about to report, since the turn `began`: for the officers, never for who filed the case.
    """
    if case.conversation_id == conversation_id:
        return False
    values = {"case_id": case.id, "conversation_id": conversation_id, "turn_id": turn_id, "joined_at": now}
    if not insert_once(session, Follower, values):
        return False
    since: dict[str, Any] = {"began": began} if began else {}
    record(session, case, "joined", now, turn=turn_id, text=words, **since)
    return True


def leave(session: Session, case: Case, conversation_id: int, turn_id: int, now: datetime) -> bool:
    """This citizen follows the case no more, nor what was merged into it; False when they had not joined.

    What they said stays for the officers. A repeat of the turn changes nothing and says the same.
    """
    session.refresh(case, with_for_update={**ROW_LOCK, "of": Case})
    if any(event.kind == "left" and event.data.get("turn") == turn_id for event in case.events):
        return True
    gone = session.execute(delete(Follower).where(_joined(case, conversation_id)))
    if not cast("CursorResult[Any]", gone).rowcount:
        return False
    record(session, case, "left", now, turn=turn_id)
    return True


def has_joined(session: Session, case: Case, conversation_id: int) -> bool:
    """Whether they follow by a wish of their own, and not because their own case was merged into this one."""
    return session.scalars(select(Follower.id).where(_joined(case, conversation_id))).first() is not None


def add_words(session: Session, case: Case, turn_id: int, text: str, now: datetime) -> None:
    """A follower tells more, once per turn; it answers no question that the reporter was asked."""
    if _is_new(session, case, turn_id):
        record(session, case, "follower_said", now, turn=turn_id, text=text)
        _call(case, now)


def dispute(session: Session, case: Case, turn_id: int, text: str, now: datetime) -> None:
    """A follower says that it is not solved: noted for the officers; only who filed the case opens it again."""
    if _is_new(session, case, turn_id):
        record(session, case, "follower_disputed", now, turn=turn_id, text=text)
        _call(case, now)


def followed_by(session: Session, conversation_id: int) -> Sequence[Case]:
    """The cases this citizen follows, the newest first; for a case that was merged the one that goes on for it."""
    joined = select(Follower.case_id).where(Follower.conversation_id == conversation_id)
    mine = or_(Case.id.in_(joined), Case.conversation_id == conversation_id)
    went_on = select(Case.duplicate_of_id).where(mine, Case.duplicate_of_id.is_not(None))
    query = select(Case).where(or_(Case.id.in_(joined), Case.id.in_(went_on)))
    query = query.where(Case.duplicate_of_id.is_(None), Case.conversation_id != conversation_id)
    return session.scalars(query.order_by(Case.opened_at.desc(), Case.id.desc()).options(joinedload(Case.unit))).all()


def followers_of(session: Session, case: Case) -> frozenset[int]:
    """The conversations that follow this case, each once; never that of who filed it."""
    return _followers(session, [case]).get(case.id, frozenset())


def counts(session: Session, cases: Sequence[Case]) -> Mapping[int, int]:
    """How many other citizens have the same matter, by case id; without those that have none."""
    return {case_id: len(people) for case_id, people in _followers(session, cases).items() if people}


def _joined(case: Case, conversation_id: int) -> ColumnElement[bool]:
    merged = select(Case.id).where(Case.duplicate_of_id == case.id)
    these = or_(Follower.case_id == case.id, Follower.case_id.in_(merged))
    return (Follower.conversation_id == conversation_id) & these


def _followers(session: Session, cases: Sequence[Case]) -> Mapping[int, frozenset[int]]:
    own = {case.id: case.conversation_id for case in cases}
    merged = select(Case.id, Case.duplicate_of_id, Case.conversation_id).where(Case.duplicate_of_id.in_(own))
    leading = {case_id: case_id for case_id in own}
    people: defaultdict[int, set[int]] = defaultdict(set)
    for case_id, into, conversation_id in session.execute(merged):
        leading[case_id] = into or case_id
        people[leading[case_id]].add(conversation_id)
    joined = select(Follower.case_id, Follower.conversation_id).where(Follower.case_id.in_(leading))
    for case_id, conversation_id in session.execute(joined):
        people[leading[case_id]].add(conversation_id)
    return {case_id: frozenset(found - {own[case_id]}) for case_id, found in people.items()}


def _is_new(session: Session, case: Case, turn_id: int) -> bool:
    """Looked at under the lock: a turn that is taken again says the same once."""
    session.refresh(case, with_for_update={**ROW_LOCK, "of": Case})
    known = select(CaseEvent.data).where(CaseEvent.case_id == case.id, CaseEvent.kind.startswith("follower_"))
    return all(data.get("turn") != turn_id for data in session.scalars(known))


def _call(case: Case, now: datetime) -> None:
    """An open case is shown as one whose citizen spoke; a closed one stays as it is."""
    if case.status in OPEN:
        case.spoke_at = case.spoke_at or now
        touch(case)
