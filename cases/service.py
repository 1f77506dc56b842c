"""What can happen to a case: opened by a citizen, moved by officers; every change with its event and its message.

Called by actions, webhook and desk inside their transaction; nothing here commits. A message to the citizen is
enqueued in the same transaction as the fact it reports, or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import clocks, conflict, incidents, transfers
from cases.categories import urgency_of
from cases.codes import new_code
from cases.coordination import destination
from cases.deadlines import due_by, receive_by
from cases.history import record
from cases.model import Case, Officer, Unit
from cases.notices import notify
from cases.rulebook import Rulebook
from cases.steps import StaleCaseError as StaleCaseError
from cases.steps import check, settle, touch
from cases.workflow import Move, Status, after
from core import outbox
from core.db import ROW_LOCK
from core.model import Conversation, Outbound

CITY_ID = "city:01"
ANSWER_WINDOW = timedelta(minutes=3)


class UnknownCategoryError(Exception):
    """A category that is not in the catalogue. Not worth a retry."""


class UnknownUnitError(Exception):
    """There is no such unit, or the case is already in its queue. Not worth a retry."""


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


def take(session: Session, case: Case, officer: Officer, now: datetime, version: int | None = None) -> None:
    """The officer answers for this case from now on; the first taking stops the receiving clock."""
    check(case, version)
    clocks.note_lateness(session, case, now)
    case.status = after(Move.TAKE, Status(case.status))
    _take(session, case, officer, now)
    touch(case)


def reply(
    session: Session,
    rulebook: Rulebook,
    case: Case,
    officer: Officer,
    text: str,
    now: datetime,
    version: int | None = None,
) -> None:
    """Tell the citizen something; the case stays in work."""
    _move(session, case, officer, Move.REPLY, now, version)
    case.first_answer_at = case.first_answer_at or now
    touch(case)
    event = record(session, case, "replied", now, officer, text=text)
    notify(session, rulebook, case, event, text)


def ask(
    session: Session,
    rulebook: Rulebook,
    case: Case,
    officer: Officer,
    text: str,
    now: datetime,
    version: int | None = None,
) -> None:
    """Ask the citizen; the handling clock rests until they answer, and their next words go to this case."""
    waiting_since = case.waiting_since
    _move(session, case, officer, Move.ASK, now, version)
    case.waiting_since = waiting_since or now
    case.first_answer_at = case.first_answer_at or now
    conversation = _conversation(session, case)
    conversation.awaiting_case_id, conversation.awaiting_until = case.id, None
    touch(case)
    event = record(session, case, "asked", now, officer, text=text)
    notify(session, rulebook, case, event, text)


def citizen_answered(session: Session, rulebook: Rulebook, case: Case, turn_id: int, now: datetime) -> None:
    """The citizen's turn belongs to this case: note it, wake the clock, tell them it arrived. Repeats are harmless."""
    add_information(session, rulebook, case, turn_id, now)
    conversation = _conversation(session, case)
    # "Dạ chào anh", the answer, a photo: what follows soon is the same answer.
    conversation.awaiting_case_id, conversation.awaiting_until = case.id, now + ANSWER_WINDOW
    conversation.officer_spoke = False
    text = rulebook.words.notices["answer_kept"].format(code=case.code, unit=_unit(session, case.unit_id).name)
    outbox.enqueue(session, case.conversation_id, f"turn:{turn_id}:0", text, now, author="system", case_id=case.id)


def add_information(
    session: Session, rulebook: Rulebook, case: Case, turn_id: int, now: datetime, text: str = ""
) -> None:
    """The citizen sent more about an open case: note the turn once and wake the clock if it was resting.

    `text` are words of more than this turn: a report that took several and turned out to be of this case.
    """
    session.refresh(case, with_for_update={**ROW_LOCK, "of": Case})  # an officer may be moving it at this very moment
    if any(event.data.get("turn") == turn_id for event in case.events):
        return
    clocks.note_lateness(session, case, now)
    if case.status == Status.WAITING_CITIZEN:
        case.status = after(Move.ANSWER, Status(case.status))
        _stop_awaiting(session, case)
        clocks.wake(rulebook, case, now)
    case.spoke_at = case.spoke_at or now
    record(session, case, "citizen_answered", now, None, turn=turn_id, **({"text": text} if text else {}))
    touch(case)


def transfer(
    session: Session,
    rulebook: Rulebook,
    case: Case,
    officer: Officer,
    unit_id: str,
    reason: str,
    now: datetime,
    version: int | None = None,
) -> None:
    """Hand the case to another unit's queue with a reason; the clocks keep running. Raises UnknownUnitError.

    Handed on a second time it goes to the coordinator above both units instead, who decides and may hand it on freely.
    """
    check(case, version)
    wanted = session.get(Unit, unit_id)
    if wanted is None or not wanted.active or wanted.id in {case.unit_id, case.about_unit_id}:
        raise UnknownUnitError(unit_id)
    clocks.note_lateness(session, case, now)
    clocks.wake(rulebook, case, now)
    case.status = after(Move.TRANSFER, Status(case.status))
    target, holder = destination(session, case, officer, wanted)
    source, case.unit_id, case.officer_id = case.unit_id, target.id, holder.id if holder else None
    case.offered_by_id, case.spoke_at = source, None
    if target.kind == "ward":
        case.ward_id = target.id
        case.area_id = case.area_id or target.parent_id
    _stop_awaiting(session, case)
    units = {"source": source, "target": target.id, "wanted": wanted.id}
    event = record(session, case, "transferred", now, officer, text=reason, **units)
    touch(case)
    notify(session, rulebook, case, event, reason, unit=target)


def correct_category(
    session: Session,
    rulebook: Rulebook,
    case: Case,
    officer: Officer,
    category: str,
    now: datetime,
    version: int | None = None,
) -> None:
    """Give the case its right category; the clocks keep running. The old one stays on record and teaches the bot.

    Raises UnknownCategoryError, StaleCaseError.
    """
    check(case, version)
    if category not in rulebook.categories:
        raise UnknownCategoryError(category)
    if category == case.category:
        return
    source, case.category = case.category, category
    record(session, case, "category_corrected", now, officer, source=source, target=category)
    touch(case)


def resolve(
    session: Session,
    rulebook: Rulebook,
    case: Case,
    officer: Officer,
    text: str,
    now: datetime,
    version: int | None = None,
) -> None:
    """Say that the matter is dealt with and how; the citizen is told and may have it reopened."""
    _move(session, case, officer, Move.RESOLVE, now, version)
    clocks.wake(rulebook, case, now)
    case.resolved_at = now
    case.first_answer_at = case.first_answer_at or now
    _stop_awaiting(session, case)
    touch(case)
    event = record(session, case, "resolved", now, officer, text=text, on_time=case.late_at is None)
    notify(session, rulebook, case, event, text)


def reopen(
    session: Session,
    rulebook: Rulebook,
    case: Case,
    officer: Officer | None,
    reason: str,
    now: datetime,
    version: int | None = None,
    turn_id: int | None = None,
) -> None:
    """Take a resolved case back into work, by an officer or (officer None) because the citizen says it is not done."""
    check(case, version)
    case.status = after(Move.REOPEN, Status(case.status))
    clocks.reopen(rulebook, case, now)
    case.resolved_at = None
    case.reopened_count += 1
    case.spoke_at = now if officer is None else None
    event = record(session, case, "reopened", now, officer, text=reason, turn=turn_id)
    if officer is None:
        transfers.send_up_if_again(session, case, now)
    touch(case)
    if officer is not None:  # a citizen who asked for it is answered by the bot in the same chat
        notify(session, rulebook, case, event, reason)


def note_undelivered(session: Session, outbound: Outbound, now: datetime) -> None:
    """A message about a case could not be delivered: say so on the case, once per message."""
    if outbound.case_id is None:
        return
    case = session.get_one(Case, outbound.case_id)
    if any(event.data.get("outbound") == outbound.id for event in case.events):
        return
    record(session, case, "undelivered", now, outbound=outbound.id, reason=outbound.error)


def _move(session: Session, case: Case, officer: Officer, move: Move, now: datetime, version: int | None) -> None:
    check(case, version)
    clocks.note_lateness(session, case, now)
    case.status = after(move, Status(case.status))
    if case.officer_id is None:
        _take(session, case, officer, now)
    case.spoke_at, case.offered_by_id = None, None


def _take(session: Session, case: Case, officer: Officer, now: datetime) -> None:
    if case.officer_id == officer.id:
        return
    case.officer_id = officer.id
    case.offered_by_id = None
    case.received_at = case.received_at or now
    record(session, case, "taken", now, officer)


def stop_waiting(session: Session, rulebook: Rulebook, case: Case, now: datetime) -> None:
    """A case that ends is not waited for: its clock gets its rest back, the next words are for the bot."""
    clocks.note_lateness(session, case, now)
    clocks.wake(rulebook, case, now)
    _stop_awaiting(session, case)


def _stop_awaiting(session: Session, case: Case) -> None:
    """The next words are no longer for this case; a question about another case stays open."""
    conversation = _conversation(session, case)
    if conversation.awaiting_case_id == case.id:
        conversation.awaiting_case_id = None


def _conversation(session: Session, case: Case) -> Conversation:
    return session.get_one(Conversation, case.conversation_id)


def _unit(session: Session, unit_id: str) -> Unit:
    return session.get_one(Unit, unit_id)


def _free_code(session: Session) -> str:
    while True:
        code = new_code()
        if session.scalars(select(Case.id).where(Case.code == code)).first() is None:
            return code
