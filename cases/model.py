"""The tables of what the service means: unit, officer, case, case event; read by queries, written by service."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base, UtcDateTime
from core.model import Conversation


class Unit(Base):
    """A node of the tree city, district area, ward; the id carries the scheme, for codes collide between eras."""

    __tablename__ = "units"

    id: Mapped[str] = mapped_column(String(20), primary_key=True)  # city:01, legacy:006, 2025:00229
    scheme: Mapped[str] = mapped_column(String(10))  # city, legacy (until 30 June 2025), 2025
    code: Mapped[str] = mapped_column(String(10))
    kind: Mapped[str] = mapped_column(String(10))  # city, area, ward
    name: Mapped[str] = mapped_column(String(80))
    slug: Mapped[str] = mapped_column(String(60))  # dong_da for areas, kim-lien for wards
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"), index=True)
    lat: Mapped[float]  # degrees
    lon: Mapped[float]
    contact: Mapped[str] = mapped_column(String(300), default="")  # telephone, address, hours: for officers to read
    active: Mapped[bool] = mapped_column(default=True)  # a closed unit receives nothing; what it has stays


class Officer(Base):
    """A person of the city who logs in to the desk and sees the subtree of one unit."""

    __tablename__ = "officers"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(20))  # officer, coordinator, supervisor, administrator
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"))
    password_hash: Mapped[str] = mapped_column(String(200))  # argon2
    active: Mapped[bool] = mapped_column(default=True)
    is_demo: Mapped[bool] = mapped_column(default=False)
    may_export_personal: Mapped[bool] = mapped_column(default=False)  # words and phone numbers of citizens, in a file
    session_version: Mapped[int] = mapped_column(default=0)  # raised to end every session of this officer
    failed_logins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    leave_from: Mapped[datetime | None] = mapped_column(UtcDateTime)  # away in [from, until): no access, no new cases
    leave_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    unit: Mapped[Unit] = relationship()


NARROWED = (
    "unit_id", "area_id", "about_unit_id", "about_officer_id", "category", "ward_id", "channel", "urgency",
    "officer_id", "refused_for",
)  # fmt: skip


class Case(Base):
    """One matter a citizen reported, in the queue of one unit."""

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_unit_id_status", "unit_id", "status"),
        Index("ix_cases_area_id_status", "area_id", "status"),
        Index("ix_cases_status_due_at", "status", "due_at"),
        # The order of the queue, and all that its counts ask for: they read this index and not the cases.
        Index(
            "ix_cases_queue",
            "queue_class",
            "queue_at",
            "id",
            "unit_id",
            "area_id",
            "about_unit_id",
            "about_officer_id",
            "due_at",
            "status",
            "officer_id",
            "spoke_at",
        ),
        Index("ix_cases_unit_id_queue_class_queue_at_id", "unit_id", "queue_class", "queue_at", "id"),
        Index("ix_cases_area_id_queue_class_queue_at_id", "area_id", "queue_class", "queue_at", "id"),
        Index("ix_cases_category_queue_class_queue_at_id", "category", "queue_class", "queue_at", "id"),
        Index("ix_cases_officer_id_queue_class_queue_at_id", "officer_id", "queue_class", "queue_at", "id"),
        Index("ix_cases_status_alarm_at", "status", "alarm_at"),
        # All that a count over a period asks for, whatever it is narrowed to, and what says that a month has changed.
        Index("ix_cases_figures", "opened_at", "status", "changes", "id", *NARROWED),
        Index("ix_cases_endings", "resolved_at", "status", *NARROWED),
        Index("ix_cases_officer_id_status", "officer_id", "status"),
        Index("ix_cases_ward_id_category_opened_at", "ward_id", "category", "opened_at"),  # alike ones of a place
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)
    source: Mapped[str] = mapped_column(String(80), unique=True)  # turn and ordinal: a repeat is the same case
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"), index=True)
    channel: Mapped[str] = mapped_column(String(20))  # of the conversation, repeated for the figures
    category: Mapped[str] = mapped_column(String(30), index=True)
    description: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text, default="")  # the place as typed
    searchable: Mapped[str] = mapped_column(Text, default="")  # code, words and place without accents, for the search
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"))  # whose queue it is in
    ward_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"))  # where it is, when placed
    area_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"))  # old district of the place itself
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    place_method: Mapped[str] = mapped_column(String(40), default="")
    place_confidence: Mapped[float] = mapped_column(default=0.0)
    urgency: Mapped[str] = mapped_column(String(10))  # urgent, normal, complex
    status: Mapped[str] = mapped_column(String(20), default="new")
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))
    version: Mapped[int] = mapped_column(default=1)  # raised by every change: two officers cannot overwrite each other
    is_demo: Mapped[bool] = mapped_column(default=False)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    receive_by: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    received_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    first_answer_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    waiting_since: Mapped[datetime | None] = mapped_column(UtcDateTime)  # the clock rests while the citizen is asked
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reopened_count: Mapped[int] = mapped_column(default=0)
    queue_class: Mapped[int] = mapped_column(default=0)  # 0 needs an officer, 1 rests, 2 is closed; see `steps`
    queue_at: Mapped[datetime] = mapped_column(UtcDateTime)  # the order within it
    spoke_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, index=True
    )  # the citizen spoke last, no officer since
    offered_by_id: Mapped[str | None] = mapped_column(String(20), index=True)  # who handed it on, until it is accepted
    about_unit_id: Mapped[str | None] = mapped_column(String(20))  # a complaint about this unit: never in its queue
    about_officer_id: Mapped[int | None]  # or about this officer
    duplicate_of_id: Mapped[int | None] = mapped_column(index=True)  # the case this one was merged into
    doubts: Mapped[str] = mapped_column(String(200), default="", index=True)  # odd about its closing: codes
    extended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # the one extension was given
    late_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # the first limit missed; kept for ever
    unreceived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # nobody took it in time; kept for ever
    warned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    escalated_to: Mapped[str | None] = mapped_column(String(20))  # the highest unit told of the lateness
    hops: Mapped[int] = mapped_column(default=0)  # transfers by officers; a coordinator's do not count
    rating: Mapped[int | None]  # 1 to 5, the citizen's latest
    false_closures: Mapped[int] = mapped_column(default=0)  # how often the citizen said it is not done
    refused_for: Mapped[str | None] = mapped_column(String(40))  # code of the legal reason
    alarm_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when the sweeper looks next; None: at once
    changes: Mapped[int] = mapped_column(default=0, server_default="0")  # raised by the database with every update

    conversation: Mapped[Conversation] = relationship()
    unit: Mapped[Unit] = relationship(foreign_keys=[unit_id])
    ward: Mapped[Unit | None] = relationship(foreign_keys=[ward_id])
    area: Mapped[Unit | None] = relationship(foreign_keys=[area_id])
    officer: Mapped[Officer | None] = relationship()
    events: Mapped[list["CaseEvent"]] = relationship(order_by="CaseEvent.id", viewonly=True)


class CaseEvent(Base):
    """One thing that happened to a case. Append-only: the database itself refuses to change or delete a row."""

    __tablename__ = "case_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(30))
    actor: Mapped[str] = mapped_column(String(10))  # citizen, officer, system
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # text, reason, units; what the kind needs

    officer: Mapped[Officer | None] = relationship()
