"""Wrong tries at a door (login, the portal's form), counted per subject; called by desk.auth and portal_access."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Index, String, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, UtcDateTime

WINDOW = timedelta(minutes=15)


class Attempt(Base):
    """One wrong try; the subject is a keyed hash, so that no address or code can be read from this table."""

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_subject_at", "subject", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


def subject(kind: str, value: str, key: str) -> str:
    """The name under which tries of one kind ("portal-code") at one value are counted."""
    return hmac.digest(key.encode(), f"{kind}:{value}".encode(), hashlib.sha256).hex()


def too_many(session: Session, subjects: Sequence[str], limit: int, now: datetime) -> bool:
    """Whether any of the subjects has used up its tries of the last quarter of an hour."""
    recent = (Attempt.subject.in_(subjects), Attempt.at > now - WINDOW)
    counts = select(func.count()).where(*recent).group_by(Attempt.subject)
    return any(count >= limit for count in session.scalars(counts))


def note(session: Session, subjects: Sequence[str], now: datetime) -> None:
    """Count one try against each subject, and forget those that no longer count."""
    session.execute(delete(Attempt).where(Attempt.at <= now - WINDOW))
    session.add_all(Attempt(subject=name, at=now) for name in subjects)


def take_back(session: Session, subjects: Sequence[str], at: datetime) -> None:
    """The try noted at this moment turned out to be right."""
    session.execute(delete(Attempt).where(Attempt.subject.in_(subjects), Attempt.at == at))
