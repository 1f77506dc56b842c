"""The durable inbox: claims what citizens sent as turns, finishes them; called by the worker."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from core.db import ROW_LOCK
from core.model import Conversation, Inbound, Turn

LEASE = timedelta(seconds=40)  # longer than the slowest Rasa call, so that a living worker never loses its turn
MAX_MEMBERS = 20
MOST_SETTLES = 4


class LeaseLostError(Exception):
    """The turn or message was given to another worker meanwhile: throw this result away, do not retry."""


def claim(
    session: Session,
    worker: str,
    now: datetime,
    stands_alone: Callable[[Conversation, Inbound], bool],
    settle: timedelta = timedelta(),
) -> Turn | None:
    """Lease the oldest due turn, or make one from the oldest conversation with waiting messages; None when idle.

    `stands_alone` says whether a message must be a turn of its own (a tap); the others waiting together are one turn.
    Free words wait until nothing more came for `settle`, at most MOST_SETTLES times as long.
    """
    turn = _due_turn(session, now) or _new_turn(session, now, stands_alone, settle)
    if turn is None:
        return None
    turn.attempts += 1
    turn.worker = worker
    turn.leased_until = now + LEASE
    session.flush()
    return turn


def _due_turn(session: Session, now: datetime) -> Turn | None:
    free = or_(Turn.leased_until.is_(None), Turn.leased_until <= now)
    query = select(Turn).where(Turn.status == "open", Turn.next_at <= now, free).order_by(Turn.id).limit(1)
    return session.scalars(query.with_for_update(**ROW_LOCK, skip_locked=True)).first()


def _new_turn(
    session: Session, now: datetime, stands_alone: Callable[[Conversation, Inbound], bool], settle: timedelta
) -> Turn | None:
    busy = exists().where(Turn.conversation_id == Conversation.id, Turn.status == "open")
    query = (
        select(Conversation)
        .join(Inbound, Inbound.conversation_id == Conversation.id)
        .where(Inbound.turn_id.is_(None), ~busy, *_settled(now, settle))
        .order_by(Inbound.id)
        .limit(1)
        .with_for_update(**ROW_LOCK, of=Conversation, skip_locked=True)
    )
    conversation = session.scalars(query).first()
    if conversation is None:
        return None
    # The lock may have been won after another worker took the same work: look again under the lock.
    open_turn = select(Turn.id).where(Turn.conversation_id == conversation.id, Turn.status == "open")
    members = [] if session.scalar(open_turn) else _members(session, conversation, stands_alone)
    if not members:
        return None
    turn = Turn(conversation_id=conversation.id, status="open", attempts=0, failures=0, next_at=now, created_at=now)
    session.add(turn)
    session.flush()
    ids = [member.id for member in members]
    session.execute(update(Inbound).where(Inbound.id.in_(ids)).values(turn_id=turn.id))
    return turn


def _settled(now: datetime, settle: timedelta) -> Sequence[ColumnElement[bool]]:
    """Nobody is in the middle of a thought: no fresh words, or a tap after them, or they have gone on for long."""
    if not settle:
        return ()
    waiting = aliased(Inbound)
    mine = (waiting.conversation_id == Conversation.id, waiting.turn_id.is_(None))
    fresh = exists().where(*mine, waiting.settles, waiting.received_at > now - settle)
    ended = exists().where(*mine, or_(~waiting.settles, waiting.received_at <= now - MOST_SETTLES * settle))
    return (or_(~fresh, ended),)


def _members(
    session: Session, conversation: Conversation, stands_alone: Callable[[Conversation, Inbound], bool]
) -> Sequence[Inbound]:
    session.refresh(conversation)
    query = select(Inbound).where(Inbound.conversation_id == conversation.id, Inbound.turn_id.is_(None))
    waiting = session.scalars(query.order_by(Inbound.sent_at, Inbound.id).limit(MAX_MEMBERS)).all()
    if waiting and stands_alone(conversation, waiting[0]):
        return waiting[:1]
    for count, message in enumerate(waiting):
        if stands_alone(conversation, message):
            return waiting[:count]
    return waiting


def held(session: Session, turn_id: int, worker: str) -> Turn:
    """The turn, locked, if this worker still holds it; LeaseLostError otherwise."""
    turn = session.scalars(select(Turn).where(Turn.id == turn_id).with_for_update(**ROW_LOCK)).one()
    if turn.status != "open" or turn.worker != worker:
        raise LeaseLostError(f"turn {turn_id}")
    return turn


def finish(turn: Turn, now: datetime, intent: str | None = None) -> None:
    """The turn is answered; its members will not be taken again."""
    turn.status = "done"
    turn.intent = intent
    turn.finished_at = now
    turn.leased_until = None


def fail(turn: Turn, now: datetime, retry_at: datetime | None, *, counts: bool) -> None:
    """Give the turn back for `retry_at`, or end it as failed when that is None; `counts` marks a real failure."""
    turn.failures += int(counts)
    turn.leased_until = None
    if retry_at is not None:
        turn.next_at = retry_at
        return
    turn.status = "failed"
    turn.finished_at = now


def release(session: Session, worker: str, now: datetime) -> int:
    """Return what the threads of a worker of this name held when it died; called by its successor at start."""
    mine = Turn.worker.startswith(f"{worker}/", autoescape=True)
    query = update(Turn).where(Turn.status == "open", mine, Turn.leased_until > now)
    result = session.connection().execute(query.values(leased_until=None))
    return result.rowcount
