"""What the public may read of a case, and only with code and secret word; called by portal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import attempts
from cases.codes import secret_matches
from cases.model import Case, CaseEvent, Unit
from cases.queries import case_by_code

WRONG_TRIES = 10
PUBLIC_EVENTS = ("replied", "asked", "resolved", "transferred")


@dataclass(frozen=True)
class PublicEvent:
    """One public step; `text` is the officer's answer, `unit` the new unit of a transfer."""

    at: datetime
    kind: str
    text: str = ""
    unit: str = ""


@dataclass(frozen=True)
class PublicStatus:
    """All a status page may know: nothing of the citizen, the description, the place or the conversation."""

    code: str
    status: str
    unit: str
    opened_at: datetime
    due_at: datetime
    resting: bool
    resolved_at: datetime | None
    events: tuple[PublicEvent, ...]


def subjects(code: str, address: str, key: str) -> tuple[str, str]:
    """Under what names wrong tries are counted: the code, whether or not it exists, and the network address."""
    return attempts.subject("portal-code", code, key), attempts.subject("portal-address", address, key)


def blocked(session: Session, names: Sequence[str], now: datetime) -> bool:
    """Whether one of these names has had too many wrong tries."""
    return attempts.too_many(session, names, WRONG_TRIES, now)


def note_wrong(session: Session, names: Sequence[str], now: datetime) -> None:
    """Count a wrong try against each of these names."""
    attempts.note(session, names, now)


def opened_with(session: Session, code: str, typed: str, data_keys: Sequence[str]) -> Case | None:
    """The case; None for an unknown code and for a wrong word alike, after the same work."""
    case = case_by_code(session, code)
    right = secret_matches(code, typed, [key.encode() for key in data_keys])
    return case if right else None


def open_status(session: Session, code: str, typed: str, data_keys: Sequence[str]) -> PublicStatus | None:
    """The public side of a case; None as `opened_with`."""
    case = opened_with(session, code, typed, data_keys)
    if case is None:
        return None
    return PublicStatus(
        code=case.code,
        status=case.status,
        unit=case.unit.name,
        opened_at=case.opened_at,
        due_at=case.due_at,
        resting=case.waiting_since is not None,
        resolved_at=case.resolved_at,
        events=_events(session, case),
    )


def _events(session: Session, case: Case) -> tuple[PublicEvent, ...]:
    query = select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.kind.in_(PUBLIC_EVENTS))
    return tuple(_event(session, event) for event in session.scalars(query.order_by(CaseEvent.id)))


def _event(session: Session, event: CaseEvent) -> PublicEvent:
    if event.kind != "transferred":
        return PublicEvent(event.at, event.kind, text=event.data["text"])
    # The citizen has read the reason in the chat; it may name people, so this page only says where the case went.
    target = session.get(Unit, event.data["target"])
    return PublicEvent(event.at, event.kind, unit=target.name if target else "")
