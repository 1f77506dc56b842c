"""What a citizen does about cases already filed: ask where they stand, add to one, say that it is not solved."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.orm import Session

from actions.context import Context
from actions.said import Said, read_said
from cases import followers
from cases.categories import label
from cases.codes import find_code
from cases.deadlines import format_deadline
from cases.model import Case
from cases.queries import NotFoundError, case_of_citizen, cases_of, followed_case
from cases.service import add_information, reopen
from cases.workflow import OPEN, Status
from core.db import ROW_LOCK, reading, transaction

MOST_LISTED = 5
Note = Callable[[Session, Case, int, str, datetime], None]  # what a follower says of a case, noted on it


@dataclass(frozen=True)
class Answer:
    """One response of domain.yml with its values."""

    response: str
    values: Mapping[str, str]


def tell_status(context: Context, said: Said) -> Answer:
    """Status by code for its own citizen only, or the list of own cases when no code was said."""
    code = said.entities.get("case_code") or find_code(said.text)
    with reading(context.database) as session:
        if code:
            return _status_by_code(context, session, said, code)
        own = cases_of(session, said.conversation_id)[:MOST_LISTED]
        followed = followers.followed_by(session, said.conversation_id)[:MOST_LISTED]
        if not own and not followed:
            return Answer("utter_no_case", {"link": context.config.public_url})
        if len(own) + len(followed) == 1:
            return Answer("utter_case_status", _values(context, own[0])) if own else _followed(context, followed[0])
        lines = [f"• {case.code}: {_status(context, case)}, {case.unit.name}" for case in own]
        lines += [f"• {case.code} (cùng theo dõi): {_status(context, case)}, {case.unit.name}" for case in followed]
        return Answer("utter_case_list", {"cases": "\n".join(lines)})


def _status_by_code(context: Context, session: Session, said: Said, code: str) -> Answer:
    try:
        return Answer("utter_case_status", _values(context, case_of_citizen(session, said.conversation_id, code)))
    except NotFoundError:
        pass
    try:
        return _followed(context, followed_case(session, said.conversation_id, code))
    except NotFoundError:
        return Answer("utter_case_unknown", {"code": code, "link": context.config.public_url})


def _followed(context: Context, case: Case) -> Answer:
    return Answer("utter_case_followed", followed_values(context, case))


def add_to_case(context: Context, said: Said) -> Answer:
    """Put this turn's words and photos on the named or newest open case of the citizen."""
    with transaction(context.database) as session:
        case = _done_by(session, said) or _chosen(session, said, lambda case: Status(case.status) in OPEN)
        if case is None:
            followed = _followed_one(session, said)
            return _as_follower(context, session, said, followed, followers.add_words, "utter_follower_heard")
        add_information(session, context.in_force.at(session), case, said.turn_id, context.clock())
        return Answer("utter_info_added", _values(context, case))


def dispute(context: Context, said: Said) -> Answer:
    """The matter is not solved: a resolved case is reopened, an open one gets the citizen's words.

    Of a case that they only follow it is noted: whoever filed it opens it again.
    """
    with transaction(context.database) as session:
        case = _done_by(session, said) or _chosen(session, said, lambda case: case.status == Status.RESOLVED)
        followed = None if case else _followed_one(session, said, resolved=True)
        if case is None and followed is None:
            case = _chosen(session, said, lambda case: Status(case.status) in OPEN)
            followed = None if case else _followed_one(session, said)
        if case is None:
            return _as_follower(context, session, said, followed, followers.dispute, "utter_follower_disputed")
        # A repeat of the turn that reopened it: the same answer again.
        if any(event.data.get("turn") == said.turn_id for event in case.events if event.kind == "reopened"):
            return Answer("utter_reopened", _values(context, case))
        if case.status == Status.RESOLVED:
            reason = said.text or context.rulebook.words.notices["tapped_not_done"]
            reopen(session, context.in_force.at(session), case, None, reason, context.clock(), turn_id=said.turn_id)
            return Answer("utter_reopened", _values(context, case))
        add_information(session, context.in_force.at(session), case, said.turn_id, context.clock())
        return Answer("utter_not_resolved_yet", _values(context, case))


def _as_follower(context: Context, session: Session, said: Said, case: Case | None, note: Note, heard: str) -> Answer:
    """The words belong to a case this citizen follows; with none they belong nowhere."""
    if case is None:
        return Answer("utter_no_case", {"link": context.config.public_url})
    note(session, case, said.turn_id, said.text, context.clock())
    return Answer(heard, followed_values(context, case))


def _followed_one(session: Session, said: Said, *, resolved: bool = False) -> Case | None:
    """The followed case that is named by its code, else the newest (of those reported as dealt with)."""
    code = said.entities.get("case_code") or find_code(said.text)
    if code is None:
        found = followers.followed_by(session, said.conversation_id)
        return next((case for case in found if not resolved or case.status == Status.RESOLVED), None)
    try:
        return followed_case(session, said.conversation_id, code)
    except NotFoundError:
        return None


def _done_by(session: Session, said: Said) -> Case | None:
    """The case this very turn has changed already, when the turn is taken again after a crash."""
    own = cases_of(session, said.conversation_id)
    return next((case for case in own if any(event.data.get("turn") == said.turn_id for event in case.events)), None)


def _chosen(session: Session, said: Said, fits: Callable[[Case], bool]) -> Case | None:
    code = said.entities.get("case_code") or find_code(said.text)
    own = cases_of(session, said.conversation_id)
    found = next((case for case in own if fits(case) and code in (None, case.code)), None)
    if found is None:
        return None
    # Seen without a lock; an officer may be at it: look again under the lock.
    session.refresh(found, with_for_update={**ROW_LOCK, "of": Case})
    return found if fits(found) else None


def _values(context: Context, case: Case) -> dict[str, str]:
    text = " ".join(case.description.split())
    return {
        "code": case.code,
        "status": _status(context, case),
        "description": text if len(text) <= 200 else text[:199] + "…",
        "unit": case.unit.name,
        "due": format_deadline(case.due_at),
        "answer": _last_answer(case),
    }


def followed_values(context: Context, case: Case) -> dict[str, str]:
    """What somebody who did not file it may know: its kind, state and result, no word of who did and no place."""
    results = [event.data["text"] for event in case.events if event.kind in {"resolved", "refused"}]
    ended = Status(case.status) not in OPEN
    return {
        "code": case.code,
        "status": _status(context, case),
        "category": label(context.rulebook.categories, case.category),
        "unit": case.unit.name,
        "due": format_deadline(case.due_at),
        "answer": f"\n• Kết quả: {results[-1]}" if results and ended else "",
    }


def _last_answer(case: Case) -> str:
    """The officers' last words to the citizen, as a line of its own; nothing when there are none."""
    spoken = [event.data["text"] for event in case.events if event.kind in {"replied", "asked", "resolved"}]
    return f"\n• Trả lời mới nhất: {spoken[-1]}" if spoken else ""


def _status(context: Context, case: Case) -> str:
    return context.rulebook.words.statuses[case.status]


class Followup(Action):  # type: ignore[misc]
    """An action that runs one of the functions above off the event loop and speaks its answer."""

    def __init__(self, context: Context, name: str, answer: Callable[[Context, Said], Answer]) -> None:
        self._context = context
        self._name = name
        self._answer = answer

    def name(self) -> str:
        return self._name

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        answer = await asyncio.to_thread(self._answer, self._context, read_said(tracker))
        dispatcher.utter_message(response=answer.response, **answer.values)
        return []
