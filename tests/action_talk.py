"""A talk with the bot's actions without Rasa: what is understood is given, what is said comes from domain.yml."""

import asyncio
import itertools
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import yaml
from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.case_talk import CaseTalk, Followup
from actions.context import Context
from actions.filing import FileCase
from actions.followup import add_to_case, dispute, tell_status
from actions.place import Placer
from actions.reader import Reader
from actions.report import ValidateReportForm
from cases.codes import fold
from core.db import transaction
from core.inbox import get_conversation
from tests.offices import Office
from tests.support import ROOT

FOLLOWUPS = {"track_case": tell_status, "add_info": add_to_case, "dispute_result": dispute}
_turns = itertools.count(1_000_000)


@cache
def responses() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "domain.yml").read_text("utf-8"))["responses"]
    return loaded


def context_of(office: Office) -> Context:
    gazetteer = office.rulebook.gazetteer
    units = {unit.ref.id: unit.ref for unit in gazetteer.units()}
    parents = {unit.ref.id: unit.parent_id for unit in gazetteer.units() if unit.parent_id}
    placer = Placer(gazetteer, units)
    reader = Reader(placer, {code: found.label for code, found in office.rulebook.categories.items()})
    return Context(office.config, office.database, office.rulebook, placer, reader, units, parents, office.clock)


@dataclass
class Talk:
    """One citizen: `say` words or `tap` a button shown last; `heard` is all the bot said to them."""

    office: Office
    user: str
    slots: dict[str, Any] = field(default_factory=dict)
    buttons: list[dict[str, str]] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    messages: int = 0  # of the citizen
    last: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.context = context_of(self.office)
        with transaction(self.office.database) as session:
            self.id = get_conversation(session, "zalo", self.user, self.office.clock()).id

    def say(self, text: str = "", intent: str = "report", category: str = "waste", **facts: Any) -> str:
        """What the bot answers; a text equal to a button's title chooses it, as at the gateway."""
        self.messages += 1
        title = next((one["title"] for one in self.buttons if fold(one["title"]) == fold(text)), None)
        return self.tap(title, counted=True) if title else self._turn(_message(text, intent, category, {}), **facts)

    def tap(self, title: str, *, counted: bool = False) -> str:
        self.messages += not counted
        payload = next(one["payload"] for one in self.buttons if one["title"] == title)
        intent, brace, rest = payload.lstrip("/").partition("{")
        entities = yaml.safe_load(brace + rest) if brace else {}
        return self._turn(_message(payload, intent, "", entities), tapped=True, wordless=True)

    def again(self) -> str:
        """The last turn once more, from the state it began with: the worker had died."""
        self.slots = self.last["slots"]
        return self._turn(self.last["message"], **self.last["facts"])

    def _turn(self, message: dict[str, Any], **facts: Any) -> str:
        facts = {"turn_id": next(_turns), **facts}
        self.last = {"slots": dict(self.slots), "message": message, "facts": facts}
        message = {**message, "metadata": {"conversation_id": self.id, **facts}}
        intent, dispatcher = message["intent"]["name"], CollectingDispatcher()
        if not self.slots.get("requested_slot") and intent in FOLLOWUPS:
            self._run(Followup(self.context, f"action_{intent}", FOLLOWUPS[intent]), message, dispatcher)
        else:
            self._run(ValidateReportForm(self.context), message, dispatcher)
            if not self.slots.get("requested_slot"):
                self._run(FileCase(self.context), message, dispatcher)
        answers = [_spoken(one) for one in dispatcher.messages]
        self.buttons = [button for _, buttons in answers for button in buttons]
        self.heard += [text for text, _ in answers]
        return "\n".join(text for text, _ in answers)

    def _run(self, action: Action, message: dict[str, Any], dispatcher: CollectingDispatcher) -> None:
        tracker = Tracker("t", self.slots, message, [], False, None, {}, "action_listen")
        for event in asyncio.run(CaseTalk(self.context, action).run(dispatcher, tracker, {})):
            self.slots = {**self.slots, event["name"]: event["value"]}


def _message(text: str, intent: str, category: str, entities: dict[str, str]) -> dict[str, Any]:
    return {
        "text": text,
        "intent": {"name": intent, "confidence": 0.9},
        "category": {"name": category, "confidence": 0.8} if category else None,
        "category_ranking": [{"name": category, "confidence": 0.8}] if category else [],
        "entities": [{"entity": name, "value": value} for name, value in entities.items()],
    }


def _spoken(message: dict[str, Any]) -> tuple[str, list[dict[str, str]]]:
    found = responses()[message["response"]][0] if message.get("response") else {"text": message["text"]}
    text = re.sub(r"\{(\w+)\}", lambda name: str(message[name[1]]), found["text"])
    return text, [*(found.get("buttons") or []), *(message.get("buttons") or [])]
