"""The report form: reads each turn into the draft, asks for what is missing; called by Rasa once a turn."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.answer import PENDING
from actions.context import Context
from actions.detours import answer_detour
from actions.draft import EMPTY, Draft, Step, from_slots
from actions.filing import Filing
from actions.incident_news import incident_news
from actions.joining import Joining
from actions.own_cases import MOST_BUTTONS, shortened
from actions.place import Location
from actions.said import Said, read_said
from actions.wording import without_swearing
from cases.categories import label
from cases.links import own_cases
from cases.words import area_label
from core.db import reading

SUMMARY_LENGTH = 280
BEST_CATEGORIES = 3
COMMON_CATEGORIES = ("waste", "road_damage", "urban_order")
SUMMARIES = frozenset({"confirm", "join"})


class ValidateReportForm(Action):  # type: ignore[misc]
    """One call of the form for each turn: understand, answer what was asked in between, put the next question."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reader = context.reader
        self._filing = Filing(context)
        self._joining = Joining(context)

    def name(self) -> str:
        return "validate_report_form"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        # Off the event loop: the database may let one citizen wait, and the others must not wait with them.
        return await asyncio.to_thread(self._read_and_ask, dispatcher, tracker)

    def _read_and_ask(self, dispatcher: CollectingDispatcher, tracker: Tracker) -> list[dict[str, Any]]:
        said = read_said(tracker)
        asked = tracker.get_slot("requested_slot")
        before = from_slots(tracker.slots)
        step = self._reader.read(said, asked, before)
        if said.resumed and asked and before.description and not step.over:
            dispatcher.utter_message(response="utter_resumed", description=_short(before.description))
        self._speak(dispatcher, said, step)
        step = self._carried_out(dispatcher, said, step, shown=asked in SUMMARIES)
        question = None if step.over else step.draft.next_question()
        draft = step.draft
        if question and not step.silent:
            news = incident_news(self._context, before, draft) if question == "confirm" else None
            if news is not None:
                dispatcher.utter_message(response="utter_incident", **news)
            draft = self._ask(dispatcher, said, question, draft)
        if question == "confirm" and draft.offered:
            question = "join"
        kept = draft.to_slots() if question or draft.confirm or step.keep else EMPTY
        if step.pending is not None:
            kept = {**kept, PENDING: step.pending}
        return [SlotSet(name, value) for name, value in kept.items()] + [SlotSet("requested_slot", question)]

    def _carried_out(self, dispatcher: CollectingDispatcher, said: Said, step: Step, *, shown: bool) -> Step:
        """What is decided is done, and of several matters the next begins in the same breath.

        A matter of the citizen's own open case goes there before its summary was `shown`; after it they file it.
        """
        draft = step.draft
        if step.joins:
            answer = self._joining.join(said, draft)
            if answer is None:
                dispatcher.utter_message(response="utter_join_gone")
                return Step(replace(draft, offered=None))
            dispatcher.utter_message(response=answer.response, **answer.values)
            if draft.later:
                return self._next_matter(dispatcher, said, draft)
            return Step(Draft(), over=True, pending=answer.pending)
        if draft.confirm and draft.later:
            self._filing.tell(dispatcher, said, draft)
            return self._next_matter(dispatcher, said, draft)
        if shown or step.over or draft.next_question() != "confirm":
            return step
        code = self._joining.add_to_own(said, draft)
        if code is None:
            return step
        dispatcher.utter_message(response="utter_added_to_own", code=code)
        return Step(replace(draft, added=code), over=True, keep=True)

    def _next_matter(self, dispatcher: CollectingDispatcher, said: Said, draft: Draft) -> Step:
        step = Step(self._reader.following(draft), ("utter_next_matter",))
        self._speak(dispatcher, said, step)
        return step

    def _speak(self, dispatcher: CollectingDispatcher, said: Said, step: Step) -> None:
        for response in step.say:
            if response == "utter_stale_button" and step.over:
                self._stale_without_draft(dispatcher, said)
            else:
                dispatcher.utter_message(response=response, code=step.draft.added or "", **_marks(response, step))
        if step.detour:
            # What went into the citizen's own case has its code: more of it goes there as well.
            named = {"case_code": step.draft.added} if step.draft.added else {}
            answer_detour(dispatcher, self._context, replace(said, entities={**named, **said.entities}), step.detour)

    def _stale_without_draft(self, dispatcher: CollectingDispatcher, said: Said) -> None:
        with reading(self._context.database) as session:
            latest = next(iter(own_cases(session, said.conversation_id)), None)
            filed = (latest.code, self._context.rulebook.words.statuses[latest.status]) if latest else None
        if filed is None:
            dispatcher.utter_message(response="utter_stale_button")
            dispatcher.utter_message(response="utter_nothing_pending")
            return
        dispatcher.utter_message(response="utter_already_filed", code=filed[0], status=filed[1])

    def _ask(self, dispatcher: CollectingDispatcher, said: Said, question: str, draft: Draft) -> Draft:
        """Put the question; at the summary the draft also keeps what was offered beside it."""
        asks = {
            "description": self._ask_description,
            "location": self._ask_location,
            "category": self._ask_category,
        }
        if question == "confirm":
            return self._ask_confirm(dispatcher, said, draft)
        asks[question](dispatcher, said, draft)
        return draft

    def _ask_description(self, dispatcher: CollectingDispatcher, said: Said, draft: Draft) -> None:
        if said.media:
            dispatcher.utter_message(response="utter_need_description_after_media")
        elif draft.location and draft.location.address:
            place = _short(draft.location.address)
            dispatcher.utter_message(response="utter_need_description_after_place", place=place)
        else:
            dispatcher.utter_message(response="utter_need_description")

    def _ask_location(self, dispatcher: CollectingDispatcher, said: Said, draft: Draft) -> None:
        location = draft.location or Location()
        if not location.options:
            again = "utter_need_location_again" if location.asked and said.text else "utter_need_location"
            response = "utter_need_district" if location.address and not location.asked else again
            dispatcher.utter_message(response=response, address=_short(location.address))
            return
        buttons = [_option(self._context, unit_id) for unit_id in location.options]
        if len(buttons) != MOST_BUTTONS:  # a sixth would turn five buttons to tap into a list to type from
            buttons.append(
                {
                    "title": self._context.rulebook.words.chat["button_dont_know"],
                    "payload": '/inform{"skip": "location"}',
                }
            )
        if location.method == "pin":
            dispatcher.utter_message(response="utter_need_pin_ward", buttons=buttons)
        elif location.options[0].startswith("legacy:"):
            dispatcher.utter_message(response="utter_need_area", buttons=buttons)
        elif location.area_id:
            area = area_label(self._context.units[location.area_id].name)
            dispatcher.utter_message(response="utter_need_ward", buttons=buttons, area=area)
        else:
            dispatcher.utter_message(response="utter_need_which_ward", buttons=buttons)

    def _ask_category(self, dispatcher: CollectingDispatcher, said: Said, draft: Draft) -> None:
        categories = self._context.rulebook.categories
        best = [code for code in draft.likely if code in categories and code != "other"][:BEST_CATEGORIES]
        shown = [*(best or COMMON_CATEGORIES), "other"]
        buttons = [{"title": label(categories, code), "payload": f'/inform{{"category": "{code}"}}'} for code in shown]
        dispatcher.utter_message(response="utter_need_category", buttons=buttons)

    def _ask_confirm(self, dispatcher: CollectingDispatcher, said: Said, draft: Draft) -> Draft:
        location = draft.location or Location()
        chat = self._context.rulebook.words.chat
        offer = None if draft.alone else self._joining.offer(said, draft)
        dispatcher.utter_message(
            response="utter_summary_similar" if offer else "utter_summary",
            description=_short(draft.description or ""),
            category=label(self._context.rulebook.categories, draft.category or "other"),
            place=_short(location.address) or chat["unclear"],
            unit=self._context.placer.name(location.unit_id),
            media=_more(chat, draft),
            similar=offer.words if offer else "",
        )
        return replace(draft, offered=offer.code if offer else None)


def _marks(response: str, step: Step) -> dict[str, Any]:
    """What the worker and the bot's door must know of a reply: nothing is kept of it, or nothing was understood."""
    marks: dict[str, bool] = {}
    if step.forget:
        marks["forget"] = True
    if response.startswith("utter_fallback"):
        marks["missed"] = True
    return {"json_message": marks} if marks else {}


def _more(chat: Mapping[str, str], draft: Draft) -> str:
    """Further lines of the summary: for whom, without a name, with how many photos."""
    lines = [chat["on_behalf"].format(whom=draft.behalf)] if draft.behalf else []
    lines += [chat["anonymous"]] if draft.anonymous else []
    lines += [chat["files"].format(count=draft.media)] if draft.media else []
    return "".join(lines)


def _option(context: Context, unit_id: str) -> dict[str, str]:
    unit = context.units[unit_id]
    return {"title": area_label(unit.name), "payload": f'/inform{{"{unit.kind}": "{unit_id}"}}'}


def _short(text: str) -> str:
    return shortened(without_swearing(text), SUMMARY_LENGTH)
