"""Rasa's door with the real actions behind it: the rules of data/rules.yml, the sentences of domain.yml, no model.

What a typed sentence means is told by the test (`means`); what a button means is what it carries. For tests that follow
a wish from the citizen's message through worker and actions to rows and replies.
"""

import asyncio
import copy
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from actions.server import build_context, build_executor
from core.config import load_config
from core.db import Database
from tests.fakes import Reply
from tests.support import ROOT, Clock, FakeRasa

_NAME = re.compile(r"\{([a-z_]+)\}")


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


class ActingRasa(FakeRasa):
    """Understands what it is told to, does what the rules say."""

    def __init__(self, database: Database, clock: Clock, folder: Path) -> None:
        settings = {"TIEPDAN_DEMO": "1", "VAR_DIR": str(folder), "DATABASE_URL": f"sqlite:///{folder}/unused.db"}
        config = load_config(settings, Path("/nonexistent"))
        self.context = replace(build_context(config), database=database, clock=clock)
        self.means: dict[str, str] = {}
        self._executor = build_executor(self.context)
        super().__init__(self._act)

    def _act(self, question: Mapping[str, Any]) -> Reply:
        message, state = self._understood(question), question["state"]
        slots, loop = dict(state.get("slots") or {}), state.get("loop")
        first = "report_form" if loop else actions_by_intent()[message["intent"]["name"]]
        replies: list[dict[str, Any]] = []
        self._run(first, message, slots, replies)
        if first == "report_form" and slots.get("requested_slot") is None:
            self._run("action_file_case", message, slots, replies)
        loop = "report_form" if slots.get("requested_slot") else None
        kept = {name: value for name, value in slots.items() if value is not None}
        return Reply(
            {
                "replies": replies,
                "state": {"v": 1, "slots": kept, "loop": loop},
                "understood": {"intent": message["intent"]["name"]},
            }
        )

    def _understood(self, question: Mapping[str, Any]) -> dict[str, Any]:
        text, entities = question["text"] or "", []
        intent = question["metadata"].get("meant") or self.means.get(text, "inform")
        if question["payload"]:
            intent, brace, rest = question["payload"].lstrip("/").partition("{")
            given = json.loads(brace + rest) if brace else {}
            entities = [{"entity": name, "value": value} for name, value in given.items()]
        assert {entity["entity"] for entity in entities} <= set(domain()["entities"])
        return {
            "text": question["payload"] or text,
            "intent": {"name": intent, "confidence": 1.0},
            "entities": entities,
            "category": {"name": "waste", "confidence": 0.9},
            "category_ranking": [{"name": "waste", "confidence": 0.9}],
            "metadata": question["metadata"],
        }

    def _run(self, action: str, message: dict[str, Any], slots: dict[str, Any], replies: list[dict[str, Any]]) -> None:
        if action.startswith("utter_"):
            replies.append(_spoken({"response": action}))
            return
        call = {
            "next_action": "validate_report_form" if action == "report_form" else action,
            "sender_id": "turn",
            "tracker": {"sender_id": "turn", "slots": dict(slots), "latest_message": message, "events": []},
            "domain": {},
        }
        done = asyncio.run(self._executor.run(call))
        assert done is not None
        slots.update({event["name"]: event["value"] for event in done.events if event["event"] == "slot"})
        replies.extend(_spoken(said) for said in done.responses)


def _spoken(said: Mapping[str, Any]) -> dict[str, Any]:
    """A reply as the bot gives it: the sentence of domain.yml with its values, then what the action added."""
    reply: dict[str, Any] = {}
    if said.get("response"):
        reply = copy.deepcopy(domain()["responses"][said["response"]][0])
        reply["text"] = _NAME.sub(lambda found: str(said.get(found[1], found[0])), reply["text"])
    elif said.get("text"):
        reply["text"] = said["text"]
    reply["buttons"] = reply.get("buttons", []) + [dict(button) for button in said.get("buttons") or ()]
    return reply | ({"custom": said["custom"]} if said.get("custom") else {})
