"""What can happen to a case: opened by a citizen (`filing`), moved by officers; each change with event and message.

Called by actions, webhook and desk inside their transaction; nothing here commits. A message to the citizen is
enqueued in the same transaction as the fact it reports, or not at all.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from cases import clocks, transfers
from cases.coordination import destination
from cases.filing import Draft as Draft
from cases.filing import open_case as open_case
from cases.history import record
from cases.links import accounts_of
from cases.model import Case, Officer, Unit
from cases.notices import notify
from cases.rulebook import Rulebook
from cases.steps import StaleCaseError as StaleCaseError
from cases.steps import check, touch
from cases.workflow import Move, Status, after
from core import outbox
from core.db import ROW_LOCK
from core.model import Conversation, Outbound

ANSWER_WINDOW = timedelta(minutes=3)


class UnknownCategoryError(Exception):
    """A category that is not in the catalogue. Not worth a retry."""


class UnknownUnitError(Exception):
    """There is no such unit, or the case is already in its queue. Not worth a retry."""


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
    enclosure: Mapping[str, str] | None = None,
) -> None:
    """Tell the citizen something, with a file if there is one; the case stays in work."""
    _move(session, case, officer, Move.REPLY, now, version)
    case.first_answer_at = case.first_answer_at or now
    touch(case)
    of_file = {"file": enclosure["title"]} if enclosure else {}
    event = record(session, case, "replied", now, officer, text=text, **of_file)
    notify(session, rulebook, case, event, text, enclosure=enclosure)


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
    for conversation in accounts_of(session, case):
        conversation.awaiting_case_id, conversation.awaiting_until = case.id, None
    touch(case)
    event = record(session, case, "asked", now, officer, text=text)
    notify(session, rulebook, case, event, text)


def citizen_answered(
    session: Session, rulebook: Rulebook, case: Case, turn_id: int, now: datetime, account: Conversation | None = None
) -> None:
    """The citizen's turn belongs to this case: note it, wake the clock, tell them it arrived. Repeats are harmless.

    `account` is where they wrote, when it is not where the case was filed.
    """
    add_information(session, rulebook, case, turn_id, now)
    conversation = account or session.get_one(Conversation, case.conversation_id)
    # "Dạ chào anh", the answer, a photo: what follows soon is the same answer.
    conversation.awaiting_case_id, conversation.awaiting_until = case.id, now + ANSWER_WINDOW
    conversation.officer_spoke = False
    text = rulebook.words.notices["answer_kept"].format(code=case.code, unit=_unit(session, case.unit_id).name)
    outbox.enqueue(session, conversation.id, f"turn:{turn_id}:0", text, now, author="system", case_id=case.id)


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
    for conversation in accounts_of(session, case):
        if conversation.awaiting_case_id == case.id:
            conversation.awaiting_case_id = None


def _unit(session: Session, unit_id: str) -> Unit:
    return session.get_one(Unit, unit_id)
