"""Requests about one's own data that a person has to carry out, with the clocks of the law; actions make them.

The desk lists them and says that one is done. What can be done at once is done by `personal` and `consents` instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from cases import audit
from cases.deadlines import LOCAL, Calendar, add_working_days
from cases.model import Officer
from cases.rulebook import Rulebook
from core import outbox
from core.db import ROW_LOCK, Base, UtcDateTime, insert_once
from core.model import Conversation


class Kind(StrEnum):
    CORRECT = "correct"
    DELETE = "delete"


class About(StrEnum):
    """What the request is about."""

    PHONE = "phone"
    CASES = "cases"
    OTHER = "other"


class UnknownRequestError(Exception):
    """There is no such request. Not worth a retry."""


class AnsweredError(Exception):
    """Somebody has answered it already; nothing was changed and nothing sent."""


class DataRequest(Base):
    """One request of a citizen; the words of it stay in the conversation."""

    __tablename__ = "data_requests"
    __table_args__ = (
        UniqueConstraint("turn_id", "kind"),
        Index("ix_data_requests_done_at_due_at", "done_at", "due_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    about: Mapped[str] = mapped_column(String(20))
    turn_id: Mapped[int]
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answer_by: Mapped[datetime] = mapped_column(UtcDateTime)  # the first answer
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    done_by: Mapped[int | None] = mapped_column(ForeignKey("officers.id"))

    conversation: Mapped[Conversation] = relationship()


@dataclass(frozen=True)
class Limits:
    """The clocks of the law for such requests."""

    source: str
    first_answer_working_days: int
    days: dict[str, int]


@cache
def load_limits() -> Limits:
    content: dict[str, Any] = yaml.safe_load((Path(__file__).with_name("catalogue") / "law.yml").read_text("utf-8"))
    return Limits(**content["data_requests"])


def ask(
    session: Session, calendar: Calendar, conversation_id: int, kind: Kind, about: About, turn_id: int, now: datetime
) -> DataRequest:
    """Note a request; a repeat, or the same wish while it is still open, is the request that is there already."""
    session.get_one(Conversation, conversation_id, with_for_update=ROW_LOCK)
    same = select(DataRequest).where(DataRequest.conversation_id == conversation_id, DataRequest.kind == kind)
    found = session.scalars(same.where(DataRequest.about == about, DataRequest.done_at.is_(None))).first()
    if found is not None:
        return found
    limits = load_limits()
    values = {
        "conversation_id": conversation_id,
        "kind": kind.value,
        "about": about.value,
        "turn_id": turn_id,
        "asked_at": now,
        "answer_by": add_working_days(calendar, now, limits.first_answer_working_days),
        "due_at": _end_of_day(now, limits.days[kind]),
    }
    insert_once(session, DataRequest, values)
    return session.scalars(same.where(DataRequest.turn_id == turn_id)).one()


def _end_of_day(now: datetime, days: int) -> datetime:
    """The last moment of the local day that many days from now."""
    day = now.astimezone(LOCAL).date() + timedelta(days=days + 1)
    return datetime.combine(day, time(), LOCAL) - timedelta(seconds=1)


def open_requests(session: Session) -> Sequence[DataRequest]:
    """What waits for an administrator, the first due first."""
    query = select(DataRequest).where(DataRequest.done_at.is_(None)).options(joinedload(DataRequest.conversation))
    return session.scalars(query.order_by(DataRequest.due_at, DataRequest.id)).all()


def done_lately(session: Session, limit: int = 50) -> Sequence[DataRequest]:
    query = select(DataRequest).where(DataRequest.done_at.is_not(None)).order_by(DataRequest.done_at.desc())
    return session.scalars(query.options(joinedload(DataRequest.conversation)).limit(limit)).all()


def of_conversation(session: Session, conversation_id: int) -> Sequence[DataRequest]:
    return session.scalars(select(DataRequest).where(DataRequest.conversation_id == conversation_id)).all()


def counts(session: Session, now: datetime) -> tuple[int, int]:
    """How many are open, and how many of them are late."""
    waiting = select(func.count(DataRequest.id)).where(DataRequest.done_at.is_(None))
    return session.scalar(waiting) or 0, session.scalar(waiting.where(DataRequest.due_at < now)) or 0


def finish(session: Session, rulebook: Rulebook, request_id: int, officer: Officer, text: str, now: datetime) -> None:
    """It is carried out, or cannot be, and why: the citizen is told in the same breath."""
    found = session.get(DataRequest, request_id, with_for_update=ROW_LOCK)
    if found is None:
        raise UnknownRequestError(request_id)
    if found.done_at is not None:
        raise AnsweredError(request_id)
    found.done_at, found.done_by = now, officer.id
    audit.note(session, officer.id, "data_request_done", f"data_request:{found.id}", now, kind=found.kind)
    words = rulebook.words.notices["data_request_done"].format(text=text)
    outbox.enqueue(session, found.conversation_id, f"data_request:{found.id}", words, now, author="officer")
