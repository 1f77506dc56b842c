"""The tables of case work: who follows a case, proofs of closing, companies, references outside, texts sent, undo."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cases.model import Officer
from core.db import Base, UtcDateTime


class Follower(Base):
    """A citizen who has the same matter as a case of somebody else, and hears what becomes of it."""

    __tablename__ = "followers"
    __table_args__ = (UniqueConstraint("case_id", "conversation_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"), index=True)
    turn_id: Mapped[int | None]  # in which turn they joined
    joined_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Proof(Base):
    """A photo or document with which an officer shows that the work was done."""

    __tablename__ = "proofs"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    stored_name: Mapped[str] = mapped_column(String(80))  # random name under VAR_DIR/proofs
    mime: Mapped[str] = mapped_column(String(80))
    size: Mapped[int]  # bytes
    digest: Mapped[str] = mapped_column(String(64), index=True)  # SHA-256 of what was uploaded
    look: Mapped[str | None] = mapped_column(String(16), index=True)  # perceptual hash of a picture, hex
    used_before: Mapped[str | None] = mapped_column(String(20))  # code of the case where it was seen; see `proof`

    officer: Mapped[Officer] = relationship()


class Forward(Base):
    """A case handed to a contractor or company; the unit still owns it and tracks what they say."""

    __tablename__ = "forwards"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    company: Mapped[str] = mapped_column(String(40))  # code in catalogue/companies.yml
    reference: Mapped[str] = mapped_column(String(80), default="")  # their own number
    status: Mapped[str] = mapped_column(String(10), default="sent")  # sent, accepted, done, refused
    note: Mapped[str] = mapped_column(Text, default="")
    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"))
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OutsideReference(Base):
    """The number of this matter in another system: iHanoi, 1022, the national portal."""

    __tablename__ = "outside_references"
    __table_args__ = (UniqueConstraint("case_id", "system", "reference"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    system: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str] = mapped_column(String(80), index=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ClosingText(Base):
    """What a closing said, as a print of its words: the same words for another matter are boilerplate."""

    __tablename__ = "closing_texts"
    __table_args__ = (Index("ix_closing_texts_print_case_id", "print", "case_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    print: Mapped[str] = mapped_column(String(64))


class UndoStep(Base):
    """The case as it was before an officer's last move, kept for the seconds in which it may be taken back."""

    __tablename__ = "undo_steps"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"))
    version: Mapped[int]  # of the case after the move: any later change ends the chance
    until: Mapped[datetime] = mapped_column(UtcDateTime)
    last_event_id: Mapped[int]  # the last event before the move
    before: Mapped[dict[str, Any]] = mapped_column(JSON)  # columns of case and conversation
