"""Asking a citizen for a phone number in the chat, by the platform's own form; called by the desk.

A number is asked for a purpose that is said, at most once a day, and never from who does not want to be called.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from cases import conflict, consents, queries, windows
from cases.history import record
from cases.model import Case, Officer, Unit
from cases.notices import officer_spoke
from cases.rulebook import Rulebook
from cases.steps import ActionRefusedError, check, touch
from cases.windows import Facts, Policy, Route
from cases.workflow import OPEN, Status
from core import outbox
from core.enclosure import contact_request
from core.model import Conversation

ANSWER_WINDOW = timedelta(hours=2)  # the citizen's next words within it are taken for the answer
FREE = Policy(human_agent=False, billed_a_day=0)  # only where the window is open: no paid message, no special tag


def obstacle(session: Session, case: Case, officer: Officer, now: datetime) -> str:
    """Why this officer may not ask now, by a code of the desk; "" when they may."""
    conversation = session.get_one(Conversation, case.conversation_id)
    if Status(case.status) not in OPEN or not conflict.sees_reporter(case, officer, now):
        return "move_not_allowed"
    if queries.has_phone(session, conversation):
        return "phone_known"
    if consents.refused(session, conversation.id, consents.Purpose.CONTACT):
        return "phone_refused"
    if not _window_is_open(conversation, now):
        return "phone_window"
    return "phone_today" if _asked_today(case, now) else ""


def ask(session: Session, rulebook: Rulebook, case: Case, officer: Officer, now: datetime, version: int) -> None:
    """Ask; the clocks run on, and what the citizen writes soon goes to the case. Raises ActionRefusedError."""
    check(case, version)
    problem = obstacle(session, case, officer, now)
    if problem:
        raise ActionRefusedError(problem)
    event = record(session, case, "phone_asked", now, officer)
    touch(case)
    conversation = session.get_one(Conversation, case.conversation_id)
    officer_spoke(conversation)
    if not _awaits(conversation, now):
        conversation.awaiting_case_id, conversation.awaiting_until = case.id, now + ANSWER_WINDOW
    unit = session.get_one(Unit, case.unit_id).name
    told = {"unit": unit[:1].upper() + unit[1:], "code": case.code}
    title, subtitle, text = (
        rulebook.words.notices[f"phone_{part}"].format(**told) for part in ("title", "subtitle", "asked")
    )
    form = contact_request(title, subtitle)
    key = f"event:{event.id}"
    outbox.enqueue(session, conversation.id, key, text, now, author="officer", case_id=case.id, attachment=form)


def _awaits(conversation: Conversation, now: datetime) -> bool:
    """An officer waits for an answer already: that question goes on."""
    until = conversation.awaiting_until
    return conversation.awaiting_case_id is not None and (until is None or until >= now)


def _window_is_open(conversation: Conversation, now: datetime) -> bool:
    facts = Facts(conversation.channel, "officer", True, conversation.last_inbound_at, conversation.left_at)
    return conversation.left_at is None and windows.plan(facts, FREE, now).route is Route.REPLY


def _asked_today(case: Case, now: datetime) -> bool:
    """Since midnight in Hà Nội; what was taken back was not asked."""
    undone = {number for event in case.events if event.kind == "undone" for number in event.data["events"]}
    asked = [event.at for event in case.events if event.kind == "phone_asked" and event.id not in undone]
    return any(at >= windows.day_began(now) for at in asked)
