"""A citizen's talk through the worker and the real actions: rows and messages out, no Rasa process.

The rules of data/rules.yml and the sentences of domain.yml are the real ones; what a classifier would make of the words
(intent, category) is said by the test, so that a test shows what happens when it errs.
"""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.context import Context
from actions.place import Placer
from actions.reader import Reader
from actions.server import build_executor
from cases.codes import find_code
from cases.model import Case, Officer
from cases.rulebook import Rulebook
from cases.service import Draft, open_case, resolve
from core import inbox
from core.db import Database, reading, transaction
from core.model import Attachment, Conversation, Inbound, Outbound, Turn
from tests.fakes import Reply
from tests.offices import config_for
from tests.support import DONG_DA, KIM_LIEN, ROOT, VAULT, Clock, FakeRasa, Filed, add_officer, add_units, said
from webhook.converse import Converser
from webhook.rasa_client import RasaClient

_PAYLOAD = re.compile(r"/(\w+)(\{.*\})?", re.DOTALL)
_NAME = re.compile(r"\{([a-z_]+)\}")


@cache
def _yaml(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


def rule_for(intent: str) -> str:
    """The action that data/rules.yml gives an intent outside the form."""
    for rule in _yaml("data/rules.yml")["rules"]:
        steps = [inner for step in rule["steps"] for inner in (step, *step.get("or", ()))]
        if any(step.get("intent") == intent for step in steps):
            return str(next(step["action"] for step in steps if "action" in step))
    raise KeyError(intent)


class Dialogue:
    """Rasa's part of a turn: intent to action, action server, responses; a function like the real one."""

    def __init__(self, context: Context) -> None:
        self._actions = build_executor(context).actions
        self.understood: dict[str, Any] = {}
        self.answers: list[list[str]] = []  # the texts of each answer, repeats included

    def answer(self, question: Mapping[str, Any]) -> Reply:
        state = dict(question["state"])
        slots = dict(state.get("slots") or {})
        tracker = Tracker("turn", slots, self._message(question), [], False, None, {}, None)
        dispatcher = CollectingDispatcher()
        intent = tracker.latest_message["intent"]["name"]
        first = "report_form" if state.get("loop") else rule_for(intent)
        for name in ("validate_report_form", "action_file_case") if first == "report_form" else (first,):
            if name == "action_file_case" and tracker.slots.get("requested_slot"):
                continue
            self._run(name, dispatcher, tracker)
        kept = {name: value for name, value in tracker.slots.items() if value is not None}
        loop = "report_form" if kept.get("requested_slot") else None
        replies = [_rendered(message) for message in dispatcher.messages]
        self.answers.append([reply["text"] for reply in replies])
        new = {"v": 1, "slots": kept, "loop": loop, "noticed": "yes", "missed": 0}
        return Reply({"replies": replies, "state": new, "understood": {"intent": intent}})

    def _run(self, name: str, dispatcher: CollectingDispatcher, tracker: Tracker) -> None:
        if name.startswith("utter_"):
            dispatcher.utter_message(response=name)
            return
        for event in asyncio.run(self._actions[name](dispatcher, tracker, {})):
            tracker.slots[event["name"]] = event["value"]

    def _message(self, question: Mapping[str, Any]) -> dict[str, Any]:
        payload = _PAYLOAD.fullmatch(question["payload"] or "")
        if payload:
            found = {"name": payload[1], "confidence": 1.0}
            entities = [{"entity": name, "value": value} for name, value in json.loads(payload[2] or "{}").items()]
            return {"text": payload[0], "intent": found, "entities": entities, "metadata": question["metadata"]}
        category = {"name": self.understood["category"], "confidence": self.understood["sure"]}
        intent = {"name": self.understood["intent"], "confidence": self.understood["confidence"]}
        code = find_code(question["text"])  # as bot/entities.py finds it
        entities = [{"entity": "case_code", "value": code}] if code else []
        values = {"text": question["text"], "intent": intent, "category": category, "entities": entities}
        return {**values, "category_ranking": [category], "metadata": question["metadata"]}


def _rendered(message: Mapping[str, Any]) -> dict[str, Any]:
    """What Rasa makes of a message of the action server."""
    wording = (_yaml("domain.yml")["responses"][message["response"]][0]) if message.get("response") else message
    text = _NAME.sub(lambda found: str(message.get(found[1], found[0])), wording.get("text") or "")
    buttons = [*(wording.get("buttons") or ()), *((message.get("buttons") or ()) if message.get("response") else ())]
    return {"text": text, "buttons": buttons, "custom": message.get("custom") or None}


@dataclass
class Talk(Filed):
    """Citizens, the worker and one officer over one database."""

    database: Database
    rulebook: Rulebook
    clock: Clock
    folder: Path
    user: str = "u1"
    dialogue: Dialogue = field(init=False)
    rasa: FakeRasa = field(init=False)
    messages: int = 0
    before: dict[int, tuple[Any, Any, bool]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tree = self.rulebook.gazetteer.units()
        units = {unit.ref.id: unit.ref for unit in tree}
        placer = Placer(self.rulebook.gazetteer, units)
        reader = Reader(placer, {code: found.label for code, found in self.rulebook.categories.items()})
        parents = {unit.ref.id: unit.parent_id for unit in tree if unit.parent_id}
        config = config_for(self.folder)
        context = Context(config, self.database, self.rulebook, placer, reader, units, parents, self.clock)
        self.dialogue = Dialogue(context)
        self.rasa = FakeRasa(self.dialogue.answer)
        with transaction(self.database) as session:
            add_units(session)
            add_officer(session, "kimlien", KIM_LIEN)

    @property
    def converser(self) -> Converser:
        return Converser(self.database, self.rulebook, RasaClient([self.rasa.url], 5.0), VAULT, self.clock)

    def file(self, user: str = "u1", category: str = "waste", text: str = "Rác chất đống ba ngày") -> str:
        """A case of this citizen at Kim Liên, filed a minute later than the one before; returns the code."""
        self.clock.advance(minutes=1)
        with transaction(self.database) as session:
            conversation = inbox.get_conversation(session, "zalo", user, self.clock())
            draft = Draft(conversation.id, category, text, "ngõ 12 Chùa Bộc", KIM_LIEN, DONG_DA)
            return open_case(session, self.rulebook, draft, f"filed:{self.clock()}", self.clock()).code

    def act(self, code: str, move: Callable[[Session, Case, Officer], object]) -> None:
        """What the officer of Kim Liên does, a minute later."""
        self.clock.advance(minutes=1)
        with transaction(self.database) as session:
            officer = session.scalars(select(Officer).where(Officer.username == "kimlien")).one()
            move(session, session.scalars(select(Case).where(Case.code == code)).one(), officer)

    def resolve(self, code: str, text: str = "Đã dọn xong lúc 16 giờ") -> None:
        self.act(code, lambda session, case, by: resolve(session, self.rulebook, case, by, text, self.clock()))

    def say(
        self,
        text: str = "",
        intent: str = "nlu_fallback",
        *,
        confidence: float = 0.9,
        category: str = "waste",
        sure: float = 0.3,
        photos: int = 0,
        **values: Any,
    ) -> list[str]:
        """One message and the bot's replies to it; `intent` and `category` are the classifier's."""
        self.dialogue.understood = {"intent": intent, "confidence": confidence, "category": category, "sure": sure}
        self.hear(text, photos=photos, **values)
        found = self._conversations()
        self.before = {row.id: (row.state, row.options, row.officer_spoke) for row in found}
        return self.work()

    def hear(self, text: str = "", *, photos: int = 0, **values: Any) -> None:
        """A message arrives and waits for the worker."""
        self.clock.advance(seconds=1)
        self.messages += 1
        kind = "media" if photos else "text"
        event = said(text, at=self.clock(), **{"user": self.user, "kind": kind, **values})
        with transaction(self.database) as session:
            inbox.accept(session, event, self.clock(), VAULT)
            row = session.scalars(select(Inbound).where(Inbound.external_id == event.external_id)).one()
            for _ in range(photos):
                photo = Attachment(inbound_id=row.id, kind="image", url="http://127.0.0.1/p", next_at=self.clock())
                session.add(photo)

    def work(self) -> list[str]:
        """Take every waiting turn; the texts it enqueued."""
        before = len(self.told())
        for _ in range(20):
            if not self.converser.step("host:0/turn-0"):
                break
        return self.told()[before:]

    def tap(self, title: str) -> list[str]:
        """The button of this title among those offered last, as Zalo sends it: its payload as text."""
        option = next(option for option in self.conversation().options if option["title"] == title)
        return self.say(option["token"])

    def conversation(self, user: str | None = None) -> Conversation:
        with reading(self.database) as session:
            query = select(Conversation).where(Conversation.user_id == (user or self.user))
            found = session.scalars(query).one()
            session.expunge_all()
            return found

    def titles(self) -> list[str]:
        return [option["title"] for option in self.conversation().options]

    def told(self, user: str | None = None) -> list[str]:
        with reading(self.database) as session:
            mine = Conversation.user_id == (user or self.user)
            query = select(Outbound.text).join(Conversation, Conversation.id == Outbound.conversation_id)
            return list(session.scalars(query.where(mine).order_by(Outbound.id)))

    def cases(self) -> int:
        with reading(self.database) as session:
            return len(session.scalars(select(Case.id)).all())

    def again(self) -> bool:
        """The worker died when the actions had done their work: the last turn once more. Was the answer the same?"""
        with transaction(self.database) as session:
            turn = session.scalars(select(Turn).order_by(Turn.id.desc())).first()
            assert turn is not None
            turn.status, turn.leased_until, turn.next_at, turn.finished_at = "open", None, self.clock(), None
            row = session.get_one(Conversation, turn.conversation_id)
            row.state, row.options, row.officer_spoke = self.before[row.id]
        told, answers = self.told(), len(self.dialogue.answers)
        self.work()
        assert len(self.dialogue.answers) == answers + 1
        return self.told() == told and self.dialogue.answers[-1] == self.dialogue.answers[-2]

    def _conversations(self) -> list[Conversation]:
        with reading(self.database) as session:
            found = list(session.scalars(select(Conversation)))
            session.expunge_all()
            return found
