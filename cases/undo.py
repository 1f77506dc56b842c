"""Ten seconds in which an officer may take back a move: nothing has reached the citizen yet; called by the desk.

The case is put back as it was and its messages are cancelled, but what happened stays in its events, with one more
that says it was taken back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from cases.casework_model import ClosingText, UndoStep
from cases.history import record
from cases.model import Case, CaseEvent, Officer
from cases.queries import case_for
from cases.steps import touch
from core.db import ROW_LOCK
from core.model import Conversation, Outbound

LASTS = timedelta(seconds=10)
# Never put back: who the case is, and what every change raises or derives anew.
_FIXED = {"id", "code", "source", "conversation_id", "description", "version", "searchable", "queue_class", "queue_at"}
_FIXED |= {"opened_at", "is_demo", "changes"}
_OF_CONVERSATION = ("awaiting_case_id", "awaiting_until", "options", "officer_spoke")


class TooLateError(Exception):
    """The ten seconds are over, the message is on its way, or somebody has changed the case. Not worth a retry."""


@contextmanager
def offered(session: Session, case: Case, officer: Officer, now: datetime) -> Iterator[None]:
    """Around a move: keep the case as it was, and hold back what the citizen is told until it is over."""
    before, version = _state(session, case), case.version
    last = session.scalar(select(func.max(CaseEvent.id)).where(CaseEvent.case_id == case.id)) or 0
    yield
    if case.version == version:
        return
    for message in _messages(session, case, last):
        message.next_at = now + LASTS
    session.execute(delete(UndoStep).where(UndoStep.case_id == case.id))
    step = UndoStep(case_id=case.id, officer_id=officer.id, version=case.version, until=now + LASTS)
    step.last_event_id, step.before = last, before
    session.add(step)
    session.flush()


def step_for(session: Session, case: Case, officer: Officer, now: datetime) -> UndoStep | None:
    """The chance this officer still has on this case."""
    step = session.get(UndoStep, case.id)
    fits = step is not None and step.officer_id == officer.id and step.version == case.version and now < step.until
    return step if fits else None


def case_of_step(session: Session, officer: Officer, code: str, now: datetime) -> Case:
    """The case behind this officer's own chance, locked, even where the move has taken it out of their sight.

    Raises TooLateError where the chance was theirs and is over: then nothing is locked, and seen only what they may.
    """
    query = select(Case).join(UndoStep, UndoStep.case_id == Case.id).where(Case.code == code)
    mine = query.where(UndoStep.officer_id == officer.id)
    found = session.scalars(mine.where(UndoStep.until > now).with_for_update(**ROW_LOCK, of=Case)).first()
    if found is not None:
        return found
    if session.scalar(mine.with_only_columns(UndoStep.case_id)) is not None:
        raise TooLateError(code)
    return case_for(session, officer, code, lock=True)


def take_back(session: Session, case: Case, officer: Officer, now: datetime) -> list[dict[str, str]]:
    """Put the case back, cancel its messages, say so in its events; returns the files that nobody is sent now.

    Raises TooLateError; then nothing is changed.
    """
    step = step_for(session, case, officer, now)
    if step is None:
        raise TooLateError(case.code)
    messages = _messages(session, case, step.last_event_id)
    undone = session.scalars(
        select(CaseEvent.id).where(CaseEvent.case_id == case.id, CaseEvent.id > step.last_event_id)
    ).all()
    told = session.scalar(select(func.count(Outbound.id)).where(Outbound.key.in_([f"event:{one}" for one in undone])))
    if any(message.leased_until is not None and message.leased_until > now for message in messages):
        raise TooLateError(case.code)
    if told and not messages:  # sent already
        raise TooLateError(case.code)
    for message in messages:
        message.status = "cancelled"
    _restore(session, case, step.before)
    session.execute(delete(ClosingText).where(ClosingText.case_id == case.id))
    session.delete(step)
    record(session, case, "undone", now, officer, events=list(undone))
    touch(case)
    return [found for message in messages if (found := message.attachment) is not None and found["kind"] == "file"]


def _state(session: Session, case: Case) -> dict[str, Any]:
    conversation = session.get_one(Conversation, case.conversation_id)
    columns = {name: _plain(getattr(case, name)) for name in Case.__table__.columns.keys() if name not in _FIXED}
    return {"case": columns, "conversation": {name: _plain(getattr(conversation, name)) for name in _OF_CONVERSATION}}


def _restore(session: Session, case: Case, before: dict[str, Any]) -> None:
    conversation = session.get_one(Conversation, case.conversation_id, with_for_update=ROW_LOCK)
    for row, values in ((case, before["case"]), (conversation, before["conversation"])):
        for name, value in values.items():
            setattr(row, name, _moment(value) if name.endswith(("_at", "_by", "_since", "_until")) else value)


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _moment(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _messages(session: Session, case: Case, last_event_id: int) -> list[Outbound]:
    """What the events after this one tell citizens and is not sent yet, of followers and merged cases as well."""
    events = select(CaseEvent.id).where(CaseEvent.case_id == case.id, CaseEvent.id > last_event_id)
    keys = [f"event:{event_id}" for event_id in session.scalars(events)]
    waiting = select(Outbound).where(Outbound.status == "waiting").with_for_update(**ROW_LOCK)
    found: list[Outbound] = []
    for key in keys:
        told = waiting.where((Outbound.key == key) | Outbound.key.startswith(f"{key}:"))
        found += session.scalars(told).all()
    return found
