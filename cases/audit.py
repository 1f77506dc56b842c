"""The audit log: every read of contact data and every change by an administrator, kept for ever; called by the desk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, ForeignKey, String, Text, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from cases.model import Officer
from core.db import Base, UtcDateTime


class AuditEntry(Base):
    """One read or change. Append-only like `case_events`; holds ids and outcomes, never a phone number or a name."""

    __tablename__ = "audit_log"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"), index=True)
    action: Mapped[str] = mapped_column(String(40), index=True)
    subject: Mapped[str] = mapped_column(
        String(80), index=True
    )  # what it was done to: a case code, officer:12, faq:bus
    reason: Mapped[str] = mapped_column(Text, default="")
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    officer: Mapped[Officer | None] = relationship()


@dataclass(frozen=True)
class Wanted:
    """What the search page asks for; empty means all. The period is [start, end)."""

    action: str = ""
    subject: str = ""
    officer_id: int | None = None
    start: datetime | None = None
    end: datetime | None = None


def note(
    session: Session, officer_id: int | None, action: str, subject: str, now: datetime, *, reason: str = "", **data: Any
) -> None:
    """Write it down in the transaction of the thing itself: both are kept, or neither."""
    session.add(AuditEntry(at=now, officer_id=officer_id, action=action, subject=subject, reason=reason, data=data))
    session.flush()


def search(session: Session, wanted: Wanted, *, limit: int, offset: int) -> tuple[Sequence[AuditEntry], int]:
    """A page of the log, the newest first, and the number of all that match."""
    condition = _conditions(wanted)
    total = session.scalar(select(func.count(AuditEntry.id)).where(*condition)) or 0
    query = select(AuditEntry).where(*condition).order_by(AuditEntry.id.desc()).limit(limit).offset(offset)
    return session.scalars(query.options(joinedload(AuditEntry.officer))).all(), total


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.action:
        found.append(AuditEntry.action == wanted.action)
    if wanted.subject:
        found.append(AuditEntry.subject.contains(wanted.subject, autoescape=True))
    if wanted.officer_id is not None:
        found.append(AuditEntry.officer_id == wanted.officer_id)
    if wanted.start is not None:
        found.append(AuditEntry.at >= wanted.start)
    if wanted.end is not None:
        found.append(AuditEntry.at < wanted.end)
    return found
