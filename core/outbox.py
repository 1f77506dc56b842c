"""The durable outbox: messages to citizens, enqueued with the fact they report, sent in order by the worker."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, exists, func, not_, or_, select, update
from sqlalchemy.orm import Session, aliased

from core.db import ROW_LOCK, insert_once
from core.inbox import LeaseLostError
from core.model import Conversation, Outbound

LEASE = timedelta(seconds=60)  # longer than waiting for a token, renewing it and sending
GIVE_UP_AFTER = timedelta(hours=24)
LONGEST_WAIT = timedelta(minutes=5)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


def enqueue(
    session: Session,
    conversation_id: int,
    key: str,
    text: str,
    now: datetime,
    *,
    author: str,
    buttons: Sequence[Mapping[str, str]] = (),
    case_id: int | None = None,
    attachment: Mapping[str, str] | None = None,
) -> bool:
    """Write one message to a citizen in the caller's transaction; the same `key` again changes nothing: False.

    `attachment` comes from `core.enclosure`.
    """
    # The row lock keeps id order equal to commit order within a conversation, which is the order of sending.
    session.execute(select(Conversation.id).where(Conversation.id == conversation_id).with_for_update(**ROW_LOCK))
    values = {
        "key": key,
        "conversation_id": conversation_id,
        "case_id": case_id,
        "author": author,
        "text": text,
        "buttons": [dict(button) for button in buttons],
        "attachment": dict(attachment) if attachment else None,
        "status": "waiting",
        "attempts": 0,
        "next_at": now,
        "created_at": now,
    }
    return insert_once(session, Outbound, values)


def claim(session: Session, worker: str, now: datetime) -> Outbound | None:
    """Lease the oldest due message that is the first unsent one of its conversation; None when there is none.

    An officer's words that may still be taken back do not keep the bot from answering; what is said about their own
    case waits behind them.
    """
    earlier = aliased(Outbound)
    may_be_taken_back = and_(earlier.author == "officer", earlier.attempts == 0, earlier.next_at > now)
    others = func.coalesce(Outbound.case_id, 0) != func.coalesce(earlier.case_id, 0)
    answers = and_(Outbound.author != "officer", others)
    blocked = exists().where(
        earlier.conversation_id == Outbound.conversation_id,
        earlier.status == "waiting",
        earlier.id < Outbound.id,
        not_(and_(may_be_taken_back, answers)),
    )
    free = or_(Outbound.leased_until.is_(None), Outbound.leased_until <= now)
    due = (Outbound.status.in_(("waiting", "held")), Outbound.next_at <= now)
    query = select(Outbound).where(*due, free, ~blocked)
    found = session.scalars(query.order_by(Outbound.id).limit(1).with_for_update(**ROW_LOCK, skip_locked=True)).first()
    if found is None:
        return None
    found.status = "waiting"
    found.attempts += 1
    found.worker = worker
    found.leased_until = now + LEASE
    session.flush()
    return found


def held(session: Session, outbound_id: int, worker: str) -> Outbound:
    """The message, locked, if this worker still holds it; LeaseLostError otherwise."""
    found = session.scalars(select(Outbound).where(Outbound.id == outbound_id).with_for_update(**ROW_LOCK)).one()
    if found.status != "waiting" or found.worker != worker:
        raise LeaseLostError(f"outbound {outbound_id}")
    return found


def sent(outbound: Outbound, external_id: str | None, now: datetime) -> None:
    """The platform took the message."""
    outbound.status = "sent"
    outbound.external_id = external_id
    outbound.sent_at = now
    outbound.leased_until = None
    outbound.error = None


def retry(
    outbound: Outbound, error: str, now: datetime, *, jitter: float = 1.0, at_least: timedelta = timedelta(0)
) -> bool:
    """Try again later with a growing wait; after a day the message is dead, and this says False.

    `jitter` keeps messages that failed together from coming back together.
    """
    if now - outbound.created_at >= GIVE_UP_AFTER:
        dead(outbound, error)
        return False
    wait = min(timedelta(seconds=2 ** min(outbound.attempts - 1, 10)), LONGEST_WAIT)
    outbound.next_at = now + max(wait * jitter, at_least)
    outbound.leased_until = None
    outbound.error = error[:200]
    return True


def hold(outbound: Outbound, reason: str, until: datetime | None = None) -> None:
    """It may not be sent now: it goes out when the citizen comes back, or is looked at again at `until`."""
    outbound.status = "held"
    outbound.next_at = until or NEVER
    outbound.leased_until = None
    outbound.error = reason[:200]


def drop(outbound: Outbound, reason: str) -> None:
    """It has lost its sense, for instance because a person answered meanwhile; nobody needs to look at it."""
    outbound.status = "dropped"
    outbound.leased_until = None
    outbound.error = reason[:200]


def dead(outbound: Outbound, error: str) -> None:
    """The message will not be sent unless an administrator says `manage.py retry`."""
    outbound.status = "dead"
    outbound.leased_until = None
    outbound.error = error[:200]


def revive(session: Session, outbound_ids: Sequence[int], now: datetime) -> int:
    """Put dead messages back into the queue (`manage.py retry`); counts them. An empty list means all of them."""
    query = update(Outbound).where(Outbound.status == "dead")
    if outbound_ids:
        query = query.where(Outbound.id.in_(outbound_ids))
    # A fresh start for its age as well, or the first failure would bury it again.
    result = session.connection().execute(query.values(status="waiting", attempts=0, next_at=now, created_at=now))
    return result.rowcount


def dead_letters(session: Session) -> Sequence[Outbound]:
    """Every message that was given up, oldest first."""
    return session.scalars(select(Outbound).where(Outbound.status == "dead").order_by(Outbound.id)).all()


def charged_since(session: Session, at: datetime) -> int:
    """How many messages the platforms have billed since then."""
    return session.scalar(select(func.count(Outbound.id)).where(Outbound.charged_at >= at)) or 0


def release(session: Session, worker: str, now: datetime) -> int:
    """Return what the threads of a worker of this name held when it died; called by its successor at start."""
    mine = Outbound.worker.startswith(f"{worker}/", autoescape=True)
    query = update(Outbound).where(Outbound.status == "waiting", mine, Outbound.leased_until > now)
    return session.connection().execute(query.values(leased_until=None)).rowcount
