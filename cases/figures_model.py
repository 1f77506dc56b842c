"""The tables of the figures: frozen months with their cases, exports in the background; see snapshots, export_jobs."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cases.model import Officer
from core.db import Base, UtcDateTime


class Snapshot(Base):
    """A month as it was reported: never changed after it was frozen."""

    __tablename__ = "snapshots"

    id: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[str] = mapped_column(String(7), unique=True)  # 2026-11, local
    as_of: Mapped[datetime] = mapped_column(UtcDateTime)
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))  # who froze it; None: the clock did
    totals: Mapped[dict[str, Any]] = mapped_column(JSON)  # every figure of the month, for the whole city

    officer: Mapped[Officer | None] = relationship()


class SnapshotCase(Base):
    """What the figures knew of one case when its month was frozen; the names are those of `Case`."""

    __tablename__ = "snapshot_cases"

    snapshot_id: Mapped[int] = mapped_column(ForeignKey("snapshots.id"), primary_key=True)
    id: Mapped[int] = mapped_column("case_id", primary_key=True)  # no foreign key: a case may be erased by law
    code: Mapped[str] = mapped_column(String(20))
    unit_id: Mapped[str] = mapped_column(String(20))
    ward_id: Mapped[str | None] = mapped_column(String(20))
    area_id: Mapped[str | None] = mapped_column(String(20))
    category: Mapped[str] = mapped_column(String(30))
    channel: Mapped[str] = mapped_column(String(20))
    urgency: Mapped[str] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(20))
    officer_id: Mapped[int | None]
    is_demo: Mapped[bool]
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    receive_by: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    first_answer_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reopened_count: Mapped[int]
    late_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    unreceived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    escalated_to: Mapped[str | None] = mapped_column(String(20))
    rating: Mapped[int | None]
    false_closures: Mapped[int]
    refused_for: Mapped[str | None] = mapped_column(String(40))
    undelivered: Mapped[bool]  # a reply about it could not be delivered


class RememberedFigures(Base):
    """What one month counted of its ended cases, for one scope, filter and breakdown; see `cases.remembered`."""

    __tablename__ = "remembered_figures"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)  # a digest of all that
    stamp: Mapped[str] = mapped_column(String(80))  # of the month's cases as they were counted
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    lines: Mapped[bytes] = mapped_column(LargeBinary)


class ExportJob(Base):
    """One file a person asked for, made by a worker; the row stays as the log when the file has expired."""

    __tablename__ = "export_jobs"
    __table_args__ = (Index("ix_export_jobs_status_created_at", "status", "created_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))  # csv, xlsx, docx
    filters: Mapped[dict[str, Any]] = mapped_column(JSON)  # as in the address of the dashboard
    personal: Mapped[bool]  # with what citizens wrote and their phone numbers
    reason: Mapped[str] = mapped_column(Text, default="")  # why personal data is needed
    status: Mapped[str] = mapped_column(String(10), default="waiting")  # waiting, running, done, failed, expired
    rows_done: Mapped[int] = mapped_column(default=0)
    rows_total: Mapped[int] = mapped_column(default=0)
    stored_name: Mapped[str | None] = mapped_column(String(80))  # random name under VAR_DIR/exports
    size: Mapped[int | None]  # bytes
    error: Mapped[str | None] = mapped_column(String(80))  # a code, no text
    attempts: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None] = mapped_column(String(80))
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    downloads: Mapped[int] = mapped_column(default=0)
    downloaded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    officer: Mapped[Officer] = relationship()
