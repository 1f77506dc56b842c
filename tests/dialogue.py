"""Rasa's part of a turn without Rasa, for tests that follow what citizens write through worker and actions to rows.

The rules of data/rules.yml, the sentences of domain.yml and the actions are the real ones. There is no model: a test
says what the classifiers make of the words (`Heard`), and so shows what happens when they err; a tap means what its
payload carries. `FakeRasa(dialogue.answer)` is the bot's HTTP door with it; tests/talk.py has citizens who talk through
that. How the real Rasa follows the same rules is for tests/test_dialogue.py, with real processes.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from actions.context import Context
from actions.server import build_context, build_executor
from cases.codes import find_code
from core.db import Database
from tests.fakes import Reply
from tests.pages import config_for
from tests.support import ROOT, Clock

_NAME = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class Heard:
    """What the classifiers make of a message, and how sure they are."""

    intent: str = "inform"
    confidence: float = 1.0
    category: str = "waste"
    sure: float = 0.9
    runner_up: tuple[str, float] | None = None
    asks: str = ""  # the topic that a report also asks about


class Dialogue:
    """A function like the real one: the question of the worker in, replies and the new state out."""

    def __init__(self, database: Database, clock: Clock, folder: Path) -> None:
        self.context = replace(_delivered(), config=config_for(folder), database=database, clock=clock)
        self.heard = Heard()
        self.means: dict[str, str] = {}  # the intent of a text, whatever else is heard
        self.answers: list[list[str]] = []  # the texts of each answer, repeats included
        self._executor = build_executor(self.context)

    def answer(self, question: Mapping[str, Any]) -> Reply:
        state = question["state"]
        missed = state.get("missed") or 0
        message = self._understood(question)
        message["metadata"] = {**question["metadata"], "missed": missed, "noticed": True}
        slots, intent = dict(state.get("slots") or {}), message["intent"]["name"]
        replies: list[dict[str, Any]] = []
        step = "report_form" if state.get("loop") else actions_by_intent()[intent]
        step = self._run(step, message, slots, replies) or step
        if step == "report_form" and slots.get("requested_slot") is None:
            self._run("action_file_case", message, slots, replies)
        self.answers.append([reply["text"] for reply in replies])
        again = any(reply.get("custom", {}).get("missed") for reply in replies)
        new = {
            "v": 1,
            "slots": {name: value for name, value in slots.items() if value is not None},
            "loop": "report_form" if slots.get("requested_slot") else None,
            "noticed": "yes",
            "missed": missed + 1 if again else 0,
        }
        return Reply({"replies": replies, "state": new, "understood": {"intent": intent}})

    def _understood(self, question: Mapping[str, Any]) -> dict[str, Any]:
        text, payload, heard = question["text"] or "", question["payload"], self.heard
        if payload:
            intent, brace, rest = payload.removeprefix("/").partition("{")
            given = json.loads(brace + rest) if brace else {}
            assert given.keys() <= set(domain()["entities"]), "a button carries what the domain does not know"
            return {"text": payload, "intent": {"name": intent, "confidence": 1.0}, "entities": _entities(given)}
        meant = question["metadata"].get("meant") or self.means.get(text)
        intent, confidence = (meant, 1.0) if meant else (heard.intent, heard.confidence)
        code = find_code(text)  # as bot/entities.py finds it
        category = {"name": heard.category, "confidence": heard.sure}
        others = [{"name": heard.runner_up[0], "confidence": heard.runner_up[1]}] if heard.runner_up else []
        return {
            "text": text,
            "intent": {"name": intent, "confidence": confidence},
            "entities": _entities({"case_code": code} if code else {}),
            "intent_ranking": [{"name": intent, "confidence": confidence}, *others],
            "asks": heard.asks,
            "category": category,
            "category_ranking": [category],
        }

    def _run(
        self, action: str, message: dict[str, Any], slots: dict[str, Any], replies: list[dict[str, Any]]
    ) -> str | None:
        """One action by way of the action server, in place of Rasa's call to it, and the one it hands over to."""
        if action.startswith("utter_"):
            replies.append(_reply({"response": action}))
            return None
        call = {
            "next_action": "validate_report_form" if action == "report_form" else action,
            "sender_id": "turn",
            "tracker": {"sender_id": "turn", "slots": dict(slots), "latest_message": message, "events": []},
            "domain": {},
        }
        done = asyncio.run(self._executor.run(call))
        assert done is not None
        slots.update({event["name"]: event["value"] for event in done.events if event["event"] == "slot"})
        replies.extend(_reply(response) for response in done.responses)
        follows = next((event["name"] for event in done.events if event["event"] == "followup"), None)
        if follows:
            self._run(follows, message, slots, replies)
        return follows


@cache
def domain() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "domain.yml").read_text("utf-8"))
    return found


@cache
def actions_by_intent() -> dict[str, str]:
    """The step that answers each intent outside the form."""
    found = {}
    for rule in yaml.safe_load((ROOT / "data/rules.yml").read_text("utf-8"))["rules"]:
        first, *rest = rule["steps"]
        for step in first.get("or", [first]):
            if "intent" in step:
                found[step["intent"]] = rest[0]["action"]
    return found


@cache
def _delivered() -> Context:
    """What the action server reads at its start, read once; its database is never opened."""
    return build_context(replace(config_for(Path("/nonexistent")), database_url="postgresql:///never_opened"))


def _entities(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"entity": name, "value": value} for name, value in values.items()]


def _reply(said: Mapping[str, Any]) -> dict[str, Any]:
    """A reply as the bot gives it: the sentence of domain.yml with its values, then what the action added."""
    wording = domain()["responses"][said["response"]][0] if said.get("response") else {"text": said.get("text")}
    reply = {
        "text": _NAME.sub(lambda found: str(said.get(found[1], found[0])), wording.get("text") or ""),
        "buttons": [dict(one) for one in (*(wording.get("buttons") or ()), *(said.get("buttons") or ()))],
    }
    return {**reply, "custom": said["custom"]} if said.get("custom") else reply
