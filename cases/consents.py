"""What citizens allow beyond the handling of their case: asked once, answered freely, withdrawn at any time.

Called by actions, which ask, by `corrections`, and by who would use a telephone number. Consent is
per purpose, silence is none (Luật Bảo vệ dữ liệu cá nhân 91/2025 Art. 9; Nghị định 356/2025 Art. 6).
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, ForeignKey, Index, Select, String, UniqueConstraint, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import ROW_LOCK, Base, UtcDateTime, insert_once
from core.model import Conversation, Turn

VERSION = "2026-11-28"  # of the sentences utter_consent_*: a new one whenever their wording changes


class Purpose(StrEnum):
    """What is asked for, in the order of asking: one after each case that is filed, each once in a life."""

    CONTACT = "contact"  # being called at the number that was given
    TRAINING = "training"  # de-identified words teach the assistant
    NEWS = "news"


class Consent(Base):
    """A question put (`given` None) or an answer to it. Append-only: only `withdrawn_at` may be set, once."""

    __tablename__ = "consents"
    __table_args__ = (
        UniqueConstraint("turn_id", "kind"),
        Index("ix_consents_conversation_id_kind", "conversation_id", "kind"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    kind: Mapped[str] = mapped_column(String(20))
    version: Mapped[str] = mapped_column(String(20))
    given: Mapped[bool | None]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    turn_id: Mapped[int]  # in which it was put or answered
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def next_question(session: Session, conversation_id: int, turn_id: int, now: datetime) -> Purpose | None:
    """The purpose to ask about in this turn, noted as asked; None when there is none left. A repeat says the same."""
    conversation = _locked(session, conversation_id)
    rows = session.scalars(select(Consent).where(Consent.conversation_id == conversation_id)).all()
    for row in rows:
        if row.turn_id == turn_id and row.given is None:
            return Purpose(row.kind)
    asked = {row.kind for row in rows}
    found = next((purpose for purpose in Purpose if purpose not in asked and _fits(purpose, conversation)), None)
    if found is not None:
        _add(session, conversation_id, found, None, turn_id, now)
    return found


def answer(
    session: Session, conversation_id: int, purpose: Purpose, turn_id: int, now: datetime, *, given: bool
) -> None:
    """Keep the citizen's word; a refusal ends what was given before. Repeats are harmless."""
    _locked(session, conversation_id)
    if _add(session, conversation_id, purpose, given, turn_id, now) and not given:
        _end(session, conversation_id, now, purpose)


def withdraw(session: Session, conversation_id: int, turn_id: int, now: datetime) -> list[Purpose]:
    """Take back everything that is given, at once; what this very turn has taken back counts when it is taken again."""
    _locked(session, conversation_id)
    _end(session, conversation_id, now)
    began = session.get_one(Turn, turn_id).created_at
    ours = (Consent.conversation_id == conversation_id, Consent.withdrawn_at >= began)
    ended = set(session.scalars(select(Consent.kind).where(*ours)))
    return [purpose for purpose in Purpose if purpose in ended]


def end_all(session: Session, conversation_id: int, now: datetime) -> None:
    """Nothing is allowed any more."""
    _end(session, conversation_id, now)


def standing(session: Session, conversation_id: int) -> list[Purpose]:
    """What this citizen allows now."""
    given = set(session.scalars(select(Consent.kind).where(Consent.conversation_id == conversation_id, *_stands())))
    return [purpose for purpose in Purpose if purpose in given]


def refused(session: Session, conversation_id: int, purpose: Purpose) -> bool:
    """Whether the citizen has said no, or has taken a yes back; who was never asked has refused nothing."""
    answered = select(Consent.id).where(Consent.conversation_id == conversation_id, Consent.kind == purpose)
    said = session.scalars(answered.where(Consent.given.is_not(None)).limit(1)).first() is not None
    return said and purpose not in standing(session, conversation_id)


def allowing(purpose: Purpose) -> Select[int]:
    """The ids of all conversations whose citizen allows it now."""
    return select(Consent.conversation_id).where(Consent.kind == purpose, *_stands())


def _stands() -> tuple[ColumnElement[bool], ...]:
    return Consent.given.is_(True), Consent.withdrawn_at.is_(None)


def _fits(purpose: Purpose, conversation: Conversation) -> bool:
    """A call needs a number; on Messenger, whose servers are abroad, less is asked."""
    return purpose is not Purpose.CONTACT or (conversation.phone is not None and conversation.channel != "messenger")


def _add(
    session: Session, conversation_id: int, purpose: Purpose, given: bool | None, turn_id: int, now: datetime
) -> bool:
    values = {"conversation_id": conversation_id, "kind": purpose.value, "version": VERSION, "given": given, "at": now}
    return insert_once(session, Consent, {**values, "turn_id": turn_id})


def _end(session: Session, conversation_id: int, now: datetime, purpose: Purpose | None = None) -> None:
    query = update(Consent).where(Consent.conversation_id == conversation_id, *_stands())
    if purpose is not None:
        query = query.where(Consent.kind == purpose)
    session.execute(query.values(withdrawn_at=now))


def _locked(session: Session, conversation_id: int) -> Conversation:
    """Two repeats of one turn follow each other instead of meeting."""
    return session.get_one(Conversation, conversation_id, with_for_update=ROW_LOCK)
