"""The report form: reads each turn into the draft, asks for what is missing; called by Rasa once a turn."""

import asyncio
from collections.abc import Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.context import Context
from actions.detours import answer_detour
from actions.draft import EMPTY, Draft, Step, from_slots
from actions.filing import Filing
from actions.incident_news import incident_news
from actions.place import Location
from actions.said import Said, read_said
from actions.wording import without_swearing
from cases.categories import label
from cases.queries import cases_of
from cases.words import area_label
from core.db import reading

SUMMARY_LENGTH = 280
BEST_CATEGORIES = 3
COMMON_CATEGORIES = ("waste", "road_damage", "urban_order")
ZALO_BUTTONS = 5  # on one message (Zalo OA OpenAPI, text with buttons)


class ValidateReportForm(Action):  # type: ignore[misc]
    """One call of the form for each turn: understand, answer what was asked in between, put the next question."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reader = context.reader
        self._filing = Filing(context)

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
        if step.draft.confirm and step.draft.later:
            step = self._file_first(dispatcher, said, step.draft)
            self._speak(dispatcher, said, step)
        question = None if step.over else step.draft.next_question()
        if question and not step.silent:
            news = incident_news(self._context, before, step.draft) if question == "confirm" else None
            if news is not None:
                dispatcher.utter_message(response="utter_incident", **news)
            self._ask(dispatcher, said, question, step.draft)
        kept = step.draft.to_slots() if question or step.draft.confirm or step.keep else EMPTY
        return [SlotSet(name, value) for name, value in kept.items()] + [SlotSet("requested_slot", question)]

    def _file_first(self, dispatcher: CollectingDispatcher, said: Said, draft: Draft) -> Step:
        """One of several matters is confirmed: file it, and go on with the next in the same breath."""
        self._filing.tell(dispatcher, said, draft)
        return Step(self._reader.following(draft), ("utter_next_matter",))

    def _speak(self, dispatcher: CollectingDispatcher, said: Said, step: Step) -> None:
        for response in step.say:
            if response == "utter_stale_button" and step.over:
                self._stale_without_draft(dispatcher, said)
            else:
                dispatcher.utter_message(response=response, **_marks(response, step))
        if step.detour:
            answer_detour(dispatcher, self._context, said, step.detour)

    def _stale_without_draft(self, dispatcher: CollectingDispatcher, said: Said) -> None:
        with reading(self._context.database) as session:
            latest = next(iter(cases_of(session, said.conversation_id)), None)
            filed = (latest.code, self._context.rulebook.words.statuses[latest.status]) if latest else None
        if filed is None:
            dispatcher.utter_message(response="utter_stale_button")
            dispatcher.utter_message(response="utter_nothing_pending")
            return
        dispatcher.utter_message(response="utter_already_filed", code=filed[0], status=filed[1])

    def _ask(self, dispatcher: CollectingDispatcher, said: Said, question: str, draft: Draft) -> None:
        asks = {
            "description": self._ask_description,
            "location": self._ask_location,
            "category": self._ask_category,
            "confirm": self._ask_confirm,
        }
        asks[question](dispatcher, said, draft)

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
        if len(buttons) != ZALO_BUTTONS:  # a sixth would turn five buttons to tap into a list to type from
            buttons.append({"title": "Tôi không biết", "payload": '/inform{"skip": "location"}'})
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

    def _ask_confirm(self, dispatcher: CollectingDispatcher, said: Said, draft: Draft) -> None:
        location = draft.location or Location()
        dispatcher.utter_message(
            response="utter_summary",
            description=_short(draft.description or ""),
            category=label(self._context.rulebook.categories, draft.category or "other"),
            place=_short(location.address) or "chưa rõ",
            unit=self._context.placer.name(location.unit_id),
            media=_more(draft),
        )


def _marks(response: str, step: Step) -> dict[str, Any]:
    """What the worker and the bot's door must know of a reply: nothing is kept of it, or nothing was understood."""
    marks: dict[str, bool] = {}
    if step.forget:
        marks["forget"] = True
    if response.startswith("utter_fallback"):
        marks["missed"] = True
    return {"json_message": marks} if marks else {}


def _more(draft: Draft) -> str:
    """Further lines of the summary: for whom, without a name, with how many photos."""
    lines = [f"Báo giúp: {draft.behalf}"] if draft.behalf else []
    lines += ["Không nêu tên người gửi"] if draft.anonymous else []
    lines += [f"Ảnh, tệp kèm theo: {draft.media}"] if draft.media else []
    return "".join(f"\n• {line}" for line in lines)


def _option(context: Context, unit_id: str) -> dict[str, str]:
    unit = context.units[unit_id]
    return {"title": area_label(unit.name), "payload": f'/inform{{"{unit.kind}": "{unit_id}"}}'}


def _short(text: str) -> str:
    flat = " ".join(without_swearing(text).split())
    return flat if len(flat) <= SUMMARY_LENGTH else flat[: SUMMARY_LENGTH - 1].rstrip() + "…"
