"""Turns about a case already filed come here first, whatever the classifier made of them; called by the action server.

An action of a rule runs only when the words, read in the light of what was asked about a case, are none about one.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.answer import PENDING, Answer
from actions.case_wish import Wish, read_wish
from actions.context import Context
from actions.followup import add_to_case, ask_what_to_add, dispute, tell_status
from actions.leaving import ask_leave, do_leave, stay
from actions.other_account import explain_lost, open_with_secret
from actions.own_cases import changed_by
from actions.rating import give_stars, say_done
from actions.said import Said, read_said
from actions.withdrawal import ask_withdraw, do_withdraw, keep
from actions.wording import content_words
from cases.links import own_case, own_cases
from cases.workflow import Status
from core.db import reading

ABOUT_CASE = "about_case"  # a detour of the form: a tap on a button that an officer's notice brought
SURE_OTHER = 0.60  # of a category, to take words for a new matter although more about a case was asked for
MATTER_WORDS = 4
REQUESTED = "requested_slot"


def answer_wish(context: Context, said: Said, wish: Wish) -> Answer | None:
    """What is done and said; None when there is no case the wish could be about."""
    return _ANSWERS[wish.what](context, said, wish) if wish.what in _ANSWERS else None


def mention_case(dispatcher: CollectingDispatcher, context: Context, said: Said) -> None:
    """In the middle of the form: do what was tapped, and leave the form's question open."""
    wish = read_wish(said, {}, told=False, placed=lambda _: False)
    answer = answer_wish(context, said, wish) if wish is not None else None
    if answer is not None:
        answer.mention(dispatcher)
    else:
        dispatcher.utter_message(response="utter_stale_button")


def _not_done(context: Context, said: Said, wish: Wish) -> Answer | None:
    """A result that is disputed; of a case without a result the status is told, unless something is told of it."""
    if wish.code is None:
        with reading(context.database) as session:
            resolved = [case for case in own_cases(session, said.conversation_id) if case.status == Status.RESOLVED]
            alike = [case.code for case in resolved if case.category == said.category]
        if _tells_matter(said) and resolved and not alike:
            return None
        return dispute(context, said, alike[0] if _tells_matter(said) and alike else None)
    if said.intent != "dispute_result":
        with reading(context.database) as session:
            case = own_case(session, said.conversation_id, wish.code)
            open_before = case is not None and case.status != Status.RESOLVED and changed_by(session, said) is None
        if case is None or open_before:
            return tell_status(context, said)
    return dispute(context, said, wish.code)


def _more(context: Context, said: Said, wish: Wish) -> Answer | None:
    """What was asked for; a report of another kind with a place of its own is a new matter."""
    if _tells_matter(said) and wish.code is not None and context.placer.from_words(said.text) is not None:
        with reading(context.database) as session:
            case = own_case(session, said.conversation_id, wish.code)
            if case is not None and case.category != said.category:
                return None
    return add_to_case(context, said, wish.code)


def _tells_matter(said: Said) -> bool:
    """Whether the words tell of something of a kind, and do not only answer."""
    sure = said.category_confidence >= SURE_OTHER
    return said.intent == "report" and sure and content_words(said.text) >= MATTER_WORDS


_ANSWERS: Mapping[str, Callable[[Context, Said, Wish], Answer | None]] = {
    "done": say_done,
    "rate": give_stars,
    "not_done": _not_done,
    "ask_withdraw": ask_withdraw,
    "withdraw": do_withdraw,
    "keep": keep,
    "ask_leave": lambda context, said, wish: ask_leave(context, said, wish) or ask_withdraw(context, said, wish),
    "leave": do_leave,
    "stay": stay,
    "secret": open_with_secret,
    "secret_lost": explain_lost,
    "ask_more": lambda context, said, wish: ask_what_to_add(context, said, wish.code),
    "more": _more,
    "add": lambda context, said, wish: add_to_case(context, said, wish.code),
    "nothing_more": lambda context, said, wish: Answer("utter_nothing_added", {"code": wish.code or ""}),
    "own": lambda context, said, wish: tell_status(context, said),
}


class CaseTalk(Action):  # type: ignore[misc]
    """An action of the rules, with the talk about filed cases before it."""

    def __init__(self, context: Context, inner: Action) -> None:
        self._context = context
        self._inner = inner

    def name(self) -> str:
        return str(self._inner.name())

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        pending = tracker.get_slot(PENDING) or {}
        if tracker.get_slot(REQUESTED) is None:
            answer = await asyncio.to_thread(self._answer, read_said(tracker), pending, tracker)
            if answer is not None:
                answer.speak(dispatcher)
                return [SlotSet(REQUESTED, None), SlotSet(PENDING, answer.pending)]
        events: list[dict[str, Any]] = await self._inner.run(dispatcher, tracker, domain)
        return events + _waits_on(pending, events)

    def _answer(self, said: Said, pending: Mapping[str, Any], tracker: Tracker) -> Answer | None:
        told = tracker.get_slot("description") is not None
        wish = read_wish(said, pending, told=told, placed=self._is_place)
        return answer_wish(self._context, said, wish) if wish is not None else None

    def _is_place(self, text: str) -> bool:
        return self._context.placer.from_words(text) is not None


def _waits_on(pending: Mapping[str, Any], events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was asked about a case survives one aside, and no report."""
    if not pending or any(event.get("name") == PENDING for event in events):
        return []
    reports = any(event.get("name") == REQUESTED and event.get("value") for event in events)
    kept = None if reports or pending.get("aside") else {**pending, "aside": True}
    return [SlotSet(PENDING, kept)]


class Followup(Action):  # type: ignore[misc]
    """An action that runs one of the functions of actions/followup off the event loop and speaks its answer."""

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
        answer.speak(dispatcher)
        return [SlotSet(PENDING, answer.pending)]


class SmallTalk(Action):  # type: ignore[misc]
    """The sentence for a greeting, thanks and the like that say nothing of a case."""

    def name(self) -> str:
        return "action_small_talk"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        dispatcher.utter_message(response=f"utter_{read_said(tracker).intent}")
        return []
