"""What the city keeps in its own words over the catalogue files: answers, replies, holidays, limits, settings.

A row stands above the catalogue's entry of the same kind and key. Taking it back empties the row instead of deleting
it, so that the sum of the versions only grows and tells every process when to read anew. Called by the editors of the
desk and by `in_force`.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import audit
from cases.model import Officer
from core.db import ROW_LOCK, Base, UtcDateTime, insert_once


class Kind(StrEnum):
    """What can be kept; the value stands before the key in the audit log (faq:bus)."""

    FAQ = "faq"
    GUIDE = "guide"
    REPLY = "reply"
    DAY = "day"
    YEAR = "year"
    LIMIT = "limit"
    SETTING = "setting"


class StaleKeptError(Exception):
    """Somebody changed the entry since the page was read. Reload and decide again; nothing was changed."""


class Kept(Base):
    """One entry of the city's own; `data` None means that the catalogue's word holds again."""

    __tablename__ = "kept_by_city"
    __table_args__ = (UniqueConstraint("kind", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(60))
    data: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    version: Mapped[int] = mapped_column(default=0)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_by: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))


def stamp(session: Session) -> int:
    """A number that grows with every change of any entry."""
    return session.scalar(select(func.coalesce(func.sum(Kept.version), 0))) or 0


def of_kind(session: Session, kind: Kind) -> dict[str, dict[str, Any]]:
    """Everything the city keeps of a kind, by key."""
    rows = session.scalars(select(Kept).where(Kept.kind == kind).order_by(Kept.key))
    return {row.key: row.data for row in rows if row.data is not None}


def version_of(session: Session, kind: Kind, key: str) -> int:
    """What a form carries so that two administrators cannot overwrite each other; 0 while there is no row."""
    return session.scalar(select(Kept.version).where(Kept.kind == kind, Kept.key == key)) or 0


def keep(
    session: Session,
    kind: Kind,
    key: str,
    data: Mapping[str, Any] | None,
    officer: Officer,
    now: datetime,
    version: int | None = None,
) -> None:
    """Put the city's word in force, or take it back with None; the audit log keeps the one before and the new one.

    Raises StaleKeptError when the entry is no longer at `version`.
    """
    insert_once(session, Kept, {"kind": kind, "key": key, "version": 0, "changed_at": now, "changed_by": officer.id})
    row = session.scalars(select(Kept).where(Kept.kind == kind, Kept.key == key).with_for_update(**ROW_LOCK)).one()
    if version is not None and row.version != version:
        raise StaleKeptError(f"{kind}:{key}")
    before, row.data = row.data, None if data is None else dict(data)
    row.version += 1
    row.changed_at, row.changed_by = now, officer.id
    action = "kept_withdrawn" if data is None else "kept_changed"
    audit.note(session, officer.id, action, f"{kind}:{key}", now, before=before, after=row.data)
