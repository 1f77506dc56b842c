"""How the queues are: how many wait and since when, what was given up, when tokens end; for metrics and alarms."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.model import Attachment, ChannelToken, Inbound, Outbound, Turn


@dataclass(frozen=True)
class Queue:
    """How many wait, and the seconds since the oldest of them came; 0 when none waits."""

    depth: int
    age: float


@dataclass(frozen=True)
class Vitals:
    """One look at the store; `tokens` holds the seconds each channel's access token is still good for."""

    inbox: Queue
    outbox: Queue
    media: Queue
    dead_letters: int
    tokens: dict[str, float]


def vitals(session: Session, now: datetime) -> Vitals:
    """Counts what is open; the indexes on status make each of these short."""
    unanswered = select(func.count(Inbound.id), func.min(Inbound.received_at)).outerjoin(
        Turn, Turn.id == Inbound.turn_id
    )
    unsent = select(func.count(Outbound.id), func.min(Outbound.created_at)).where(Outbound.status == "waiting")
    media = select(func.count(Attachment.id), func.min(Inbound.received_at)).join(Inbound)
    inbox = session.execute(unanswered.where((Inbound.turn_id.is_(None)) | (Turn.status == "open"))).one()
    outbox = session.execute(unsent).one()
    waiting = session.execute(media.where(Attachment.status == "waiting")).one()
    tokens = session.execute(select(ChannelToken.channel, ChannelToken.expires_at)).all()
    return Vitals(
        inbox=_queue(inbox[0], inbox[1], now),
        outbox=_queue(outbox[0], outbox[1], now),
        media=_queue(waiting[0], waiting[1], now),
        dead_letters=session.scalar(select(func.count(Outbound.id)).where(Outbound.status == "dead")) or 0,
        tokens={channel: (ends - now).total_seconds() for channel, ends in tokens if ends is not None},
    )


def _queue(depth: int, oldest: datetime | None, now: datetime) -> Queue:
    return Queue(depth, max((now - oldest).total_seconds(), 0.0) if oldest is not None else 0.0)
