"""Files what was confirmed and tells the code; called by the report form and, as its last step, by Rasa."""

import asyncio
from collections.abc import Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.context import Context
from actions.draft import EMPTY, Draft, from_slots
from actions.place import Location
from actions.privacy import ask_consent
from actions.said import Said, read_said
from cases.codes import secret_word
from cases.deadlines import format_deadline
from cases.model import Case
from cases.service import Draft as CaseDraft
from cases.service import open_case
from core.db import transaction


class Filing:
    """From a confirmed draft to a case and its receipt; filing the same draft again tells the same code."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def tell(self, dispatcher: CollectingDispatcher, said: Said, draft: Draft) -> None:
        receipt = self._file(said, draft)
        case_id = receipt.pop("case_id")
        dispatcher.utter_message(response="utter_filed", json_message={"case_id": case_id}, **receipt)

    def _file(self, said: Said, draft: Draft) -> dict[str, str]:
        location = draft.location or Location()
        matter = CaseDraft(
            conversation_id=said.conversation_id,
            category=draft.category or "other",
            description=draft.description or "",
            address=location.address,
            ward_id=location.ward_id,
            area_id=location.area_id or self._area_of(location.ward_id),
            lat=location.lat,
            lon=location.lon,
            place_method=location.method,
            place_confidence=location.confidence,
        )
        source = f"turn:{draft.began or said.turn_id}:{draft.ordinal}"
        wishes = {"behalf": draft.behalf, "anonymous": draft.anonymous}
        with transaction(self._context.database) as session:
            case = open_case(
                session,
                self._context.in_force.at(session),
                matter,
                source,
                self._context.clock(),
                {name: wish for name, wish in wishes.items() if wish},
            )
            return self._receipt(case)

    def _area_of(self, ward_id: str | None) -> str | None:
        return self._context.parents.get(ward_id) if ward_id else None

    def _receipt(self, case: Case) -> dict[str, str]:
        return {
            "case_id": str(case.id),
            "code": case.code,
            "unit": self._context.placer.name(case.unit_id),
            "due": format_deadline(case.due_at),
            "secret": secret_word(case.code, self._context.config.data_keys[0].encode()),
            "link": f"{self._context.config.public_url}/?ma={case.code}",
        }


class FileCase(Action):  # type: ignore[misc]
    """Files the last matter that was confirmed; a turn that is repeated tells the same code again."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._filing = Filing(context)

    def name(self) -> str:
        return "action_file_case"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        draft = from_slots(tracker.slots)
        if not draft.confirm:
            return []
        await asyncio.to_thread(self._filing.tell, dispatcher, read_said(tracker), draft)
        await asyncio.to_thread(ask_consent, dispatcher, self._context, read_said(tracker))
        return [SlotSet(name, value) for name, value in EMPTY.items()]
