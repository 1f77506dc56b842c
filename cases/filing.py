"""A citizen's report becomes a case: in the right unit's queue, with its limits, once however often it comes.

Called inside the caller's transaction; nothing here commits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import conflict, incidents
from cases.categories import urgency_of
from cases.codes import new_code
from cases.deadlines import due_by, receive_by
from cases.history import record
from cases.model import Case, Unit
from cases.place_types import CITY_ID
from cases.rulebook import Rulebook
from cases.steps import settle
from cases.workflow import Status
from core.db import ROW_LOCK
from core.model import Conversation


@dataclass(frozen=True)
class Draft:
    """What a citizen wants to report; `ward_id`/`area_id` are unit ids, None when the place is not known that well."""

    conversation_id: int
    category: str
    description: str
    address: str = ""
    ward_id: str | None = None
    area_id: str | None = None
    lat: float | None = None
    lon: float | None = None
    place_method: str = ""
    place_confidence: float = 0.0


def open_case(
    session: Session,
    rulebook: Rulebook,
    draft: Draft,
    source: str,
    now: datetime,
    wishes: Mapping[str, Any] | None = None,
) -> Case:
    """File a case once per `source` (turn and ordinal); a repeat returns the case that is already there.

    `wishes` are noted on the opening event: `behalf` (for whom somebody else reports), `anonymous`.
    """
    # The conversation's lock makes two repeats of one turn follow each other instead of meeting.
    session.execute(select(Conversation.id).where(Conversation.id == draft.conversation_id).with_for_update(**ROW_LOCK))
    known = session.scalars(select(Case).where(Case.source == source)).first()
    if known is not None:
        return known
    urgency = urgency_of(rulebook.categories, draft.category, draft.description)
    code = _free_code(session)
    unit_id, about = _first_queue(session, rulebook, draft)
    case = Case(
        **vars(draft),
        code=code,
        searchable="",
        source=source,
        unit_id=unit_id,
        about_unit_id=about,
        urgency=urgency,
        status=Status.NEW,
        version=1,
        reopened_count=0,
        hops=0,
        channel=session.get_one(Conversation, draft.conversation_id).channel,
        false_closures=0,
        opened_at=now,
        receive_by=receive_by(rulebook.calendar, rulebook.deadlines, urgency, now),
        due_at=due_by(rulebook.calendar, rulebook.deadlines, urgency, now),
    )
    settle(case)
    session.add(case)
    session.flush()
    record(session, case, "opened", now, unit=case.unit_id, **(wishes or {}))
    incidents.consider(session, rulebook, case, now)
    return case


def _first_queue(session: Session, rulebook: Rulebook, draft: Draft) -> tuple[str, str | None]:
    """Whose queue a new case lands in, and which unit it is about when that must not be the same."""
    unit_id = _open_unit(session, draft.ward_id or draft.area_id or CITY_ID)
    if unit_id == CITY_ID or not conflict.is_about_an_office(rulebook.casebook, draft.description):
        return unit_id, None
    return conflict.unit_above(session, unit_id), unit_id


def _open_unit(session: Session, unit_id: str) -> str:
    """The unit, or when it is closed the next open one above it."""
    unit = session.get_one(Unit, unit_id)
    return unit_id if unit.active or unit.parent_id is None else _open_unit(session, unit.parent_id)


def _free_code(session: Session) -> str:
    while True:
        code = new_code()
        if session.scalars(select(Case.id).where(Case.code == code)).first() is None:
            return code
