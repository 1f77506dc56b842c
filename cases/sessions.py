"""Sessions of the desk, one row for each login, so that any of them can be looked at and ended; called by desk."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, UtcDateTime
from core.vault import digest

LASTS = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=5)  # a row is not written with every click


class DeskSession(Base):
    """One login of an officer; the cookie carries the token, the row only its digest."""

    __tablename__ = "desk_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"), index=True)
    address: Mapped[str] = mapped_column(String(45))
    browser: Mapped[str] = mapped_column(String(160))  # as the browser calls itself
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def begin(session: Session, officer_id: int, address: str, browser: str, now: datetime) -> str:
    """A new session; returns the token for the cookie, which is kept nowhere else."""
    token = secrets.token_urlsafe(32)
    session.add(
        DeskSession(
            token_digest=digest(token),
            officer_id=officer_id,
            address=address[:45],
            browser=browser[:160],
            began_at=now,
            seen_at=now,
        )
    )
    return token


def of_token(session: Session, officer_id: int, token: str, now: datetime) -> DeskSession | None:
    """The running session of this cookie; None when it was ended, is too old, or is another officer's."""
    mine = (DeskSession.token_digest == digest(token), DeskSession.officer_id == officer_id)
    return session.scalars(select(DeskSession).where(*mine, *_running(now))).first()


def running(session: Session, officer_id: int, now: datetime) -> Sequence[DeskSession]:
    """The sessions of an officer that are open now, the one used last first."""
    query = select(DeskSession).where(DeskSession.officer_id == officer_id, *_running(now))
    return session.scalars(query.order_by(DeskSession.seen_at.desc(), DeskSession.id.desc())).all()


def end(session: Session, officer_id: int, session_id: int, now: datetime) -> bool:
    """End one session of this officer; False when it is not theirs or over already."""
    mine = (DeskSession.id == session_id, DeskSession.officer_id == officer_id)
    found = session.scalars(select(DeskSession).where(*mine, *_running(now))).first()
    if found is None:
        return False
    found.ended_at = now
    return True


def seen(session: Session, session_id: int, now: datetime) -> None:
    """The session was used now."""
    session.get_one(DeskSession, session_id).seen_at = now


def _running(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return DeskSession.ended_at.is_(None), DeskSession.began_at > now - LASTS
