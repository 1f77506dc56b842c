"""The tables of incidents: alike reports of one place treated as one matter; see `incidents`."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cases.model import Case, Officer, Unit
from core.db import Base, UtcDateTime


class Incident(Base):
    """One matter that many people report; while it is open its category has one incident at a place."""

    __tablename__ = "incidents"
    __table_args__ = (
        Index(
            "uq_incidents_open_place",
            "category",
            "unit_id",
            unique=True,
            sqlite_where=text("status = 'open'"),
            postgresql_where=text("status = 'open'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    category: Mapped[str] = mapped_column(String(30))
    unit_id: Mapped[str] = mapped_column(ForeignKey("units.id"), index=True)  # the ward where it is
    status: Mapped[str] = mapped_column(String(10), default="open")  # open, resolved
    status_text: Mapped[str] = mapped_column(Text, default="")  # what the bot says first; empty until an officer writes
    status_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)

    unit: Mapped[Unit] = relationship()
    members: Mapped[list["IncidentCase"]] = relationship(order_by="IncidentCase.id", viewonly=True)


class IncidentCase(Base):
    """A case that belongs to an incident, or was taken out of one and never joins it again by itself."""

    __tablename__ = "incident_cases"
    __table_args__ = (UniqueConstraint("incident_id", "case_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    joined_at: Mapped[datetime] = mapped_column(UtcDateTime)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    case: Mapped[Case] = relationship()


class IncidentMessage(Base):
    """One message to everybody of an incident; the token comes from the shown form, so that a repeat is the same."""

    __tablename__ = "incident_messages"
    __table_args__ = (UniqueConstraint("incident_id", "token"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    token: Mapped[str] = mapped_column(String(36))
    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    recipients: Mapped[int] = mapped_column(default=0)

    officer: Mapped[Officer] = relationship()
