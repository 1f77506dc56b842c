"""Links with which an officer sets a password, each good once and for a day; called by desk.

An administrator hands the link over and never knows a password; a new account begins with one too.
"""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Select, String, select, update
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from cases.model import Officer
from core.db import ROW_LOCK, Base, UtcDateTime
from core.vault import digest

GOOD_FOR = timedelta(hours=24)


class PasswordReset(Base):
    """One link; the row keeps its digest only."""

    __tablename__ = "password_resets"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"), index=True)
    made_by: Mapped[int] = mapped_column(ForeignKey("officers.id"))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    officer: Mapped[Officer] = relationship(foreign_keys=[officer_id])


def make(session: Session, officer: Officer, by: Officer, now: datetime) -> str:
    """A new link's token; earlier links of this officer are worth nothing from now on."""
    withdraw(session, officer.id, now)
    token = secrets.token_urlsafe(32)
    row = PasswordReset(token_digest=digest(token), officer_id=officer.id, made_by=by.id, made_at=now)
    session.add(row)
    session.flush()
    return token


def withdraw(session: Session, officer_id: int, now: datetime) -> None:
    """Every link of this officer that is still open stops working."""
    unused = (PasswordReset.officer_id == officer_id, PasswordReset.used_at.is_(None))
    session.execute(update(PasswordReset).where(*unused).values(used_at=now))


def officer_of(session: Session, token: str, now: datetime) -> Officer | None:
    """Whose password this link sets; None for an unknown, used or old one and for a closed account alike."""
    found = session.scalars(_usable(token, now)).first()
    return found.officer if found else None


def use(session: Session, token: str, now: datetime) -> Officer | None:
    """Take the link, once: of two at the same moment the second gets None."""
    found = session.scalars(_usable(token, now).with_for_update(of=PasswordReset, **ROW_LOCK)).first()
    if found is None:
        return None
    found.used_at = now
    return found.officer


def _usable(token: str, now: datetime) -> Select[PasswordReset]:
    return (
        select(PasswordReset)
        .join(Officer, Officer.id == PasswordReset.officer_id)
        .where(
            PasswordReset.token_digest == digest(token),
            PasswordReset.used_at.is_(None),
            PasswordReset.made_at > now - GOOD_FOR,
            Officer.active.is_(True),
        )
        .options(joinedload(PasswordReset.officer))
    )
