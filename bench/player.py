"""Plays scripts through signed webhooks, the real processes and the simulator, and reads the store afterwards.

Called by `bench.evaluate`. Every script has a conversation of its own; several are played at once, each in its order.
"""

import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bench.citizen import Citizen, View, message
from bench.conversations import Detour, Played, Script, StoredCase, TurnTaken, filled
from bench.processes import our_rasa
from cases.demo import Given, add_case
from cases.links import own_cases
from cases.model import Case
from cases.rulebook import Rulebook, load_rulebook
from cases.transcript import transcript
from core.db import Database, open_database, reading, transaction
from core.model import Conversation, Inbound, Outbound, Turn
from tests.stack import Stack

MOST_MESSAGES = 25
_AT_ONCE = 12
_ALONE = 8
_SETTLE = timedelta(seconds=1.5)
_MOST_SETTLES = 4  # as core.inbox has it: nobody waits longer than so many settle times
_PATIENCE = 60.0  # seconds for one answer
_POLL = 0.2  # seconds


class StuckError(Exception):
    """The conversation cannot go on; the message says why. It counts as not ended as expected."""


def play_all(scripts: Sequence[Script], model: Path) -> tuple[list[Played], list[Played]]:
    """Starts everything in a throwaway folder, plays each script and stops it again; in the order of the scripts.

    The second list are the first few once more, one after the other, for the time of a reply: after all others, so that
    their cases are not there yet when the others are judged.
    """
    with running(model) as stack:
        player = Player(stack)
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            played = list(threads.map(player.play, scripts))
        return played, [player.play(script) for script in scripts[:_ALONE]]


@contextmanager
def running(model: Path, **settings: str) -> Iterator[Stack]:
    """The whole project on free ports, with this model."""
    with tempfile.TemporaryDirectory(prefix="tiepdan-evaluate-") as folder:
        stack = Stack(Path(folder), {"SETTLE_SECONDS": str(_SETTLE.total_seconds()), **settings})
        stack.environment()
        with our_rasa(model, stack.ports["ACTIONS_PORT"]) as address:
            stack.extra |= {"RASA_URL": address, "START_RASA": "0"}
            try:
                stack.start()
                yield stack
            finally:
                stack.stop()


class Player:
    """Plays scripts against one running project; safe to use from several threads."""

    def __init__(self, stack: Stack, settle: timedelta = _SETTLE) -> None:
        self.stack = stack
        self._settle = settle
        self._database = open_database(stack.environment()["DATABASE_URL"])
        self._rulebook = load_rulebook()
        self._labels = {code: category.label for code, category in self._rulebook.categories.items()}

    def play(self, script: Script) -> Played:
        """From the given cases to the last answer; what went wrong on the way is part of what was played."""
        user = f"e{uuid.uuid4().hex[:15]}"
        codes = _give(self._database, self._rulebook, script, user)
        talk = Talk(self.stack, self._database, script, user, codes)
        stuck = ""
        try:
            self._converse(talk, Citizen(script, self._labels))
        except StuckError as error:
            stuck = str(error)
        with reading(self._database) as session:
            return _stored(session, talk, stuck, self._settle)

    def _converse(self, talk: "Talk", citizen: Citizen) -> None:
        for text in talk.script.opening:
            talk.send(message(talk.as_written(text)))
        while True:
            view = talk.look()
            found = citizen.next(view)
            if found is None or talk.sent >= MOST_MESSAGES:
                return
            what, detour = found
            if "text" in what:
                what = {**what, "text": talk.as_written(what["text"])}
            talk.send(what, detour)


@dataclass
class Talk:
    """One conversation under way: sends, waits for the answer, keeps what was said both ways."""

    stack: Stack
    database: Database
    script: Script
    user: str
    codes: dict[str, str]
    sent: int = 0
    to_code: int | None = None
    seen: int = 0  # messages of the bot
    dialogue: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    detours: list[tuple[Detour, int]] = field(default_factory=list)  # with the number of the message it was

    def as_written(self, text: str) -> str:
        """The codes of the file are those of the given cases; the store gave them codes of its own."""
        for name, given in (("code", self.script.own_case), ("other_code", self.script.other_case)):
            written = str((given or {}).get("code") or "")
            if written:
                text = text.replace(written, self.codes[name])
        return filled(text, self.codes)

    def send(self, what: dict[str, Any], detour: Detour | None = None) -> None:
        whose = {"channel": self.script.channel, "user": self.user}
        if "tap" in what and not self._tapped(whose, what["tap"]):
            what = {"text": what["tap"]}
        if "tap" not in what:
            try:
                self.stack.simulator("/api/messages", **whose, **what)
            except AssertionError as error:
                raise StuckError(str(error)) from error
        self.sent += 1
        if detour is not None:
            self.detours.append((detour, self.sent))
        self.dialogue.append(f"< {_shown(what)}")

    def _tapped(self, whose: dict[str, str], title: str) -> bool:
        """A choice that is a line of a list and no button is typed instead."""
        try:
            self.stack.simulator("/api/messages", **whose, tap=title)
        except AssertionError:
            return False
        return True

    def look(self) -> View:
        """Waits until everything said is answered and sent, and gives what is on the phone now."""
        self._wait()
        with reading(self.database) as session:
            state = transcript(session, self.script.channel, self.user, self.stack.vault)
            conversation = _conversation(session, self)
            replies = session.scalars(_of(Outbound, conversation).order_by(Outbound.id)).all() if conversation else []
            new = [_reply(row) for row in replies if row.status == "sent"][self.seen :]
        self._note(new)
        given = set(self.codes.values()) if self.script.own_case else set()
        filed = [case["code"] for case in state["cases"] if case["code"] not in given]
        if filed and self.to_code is None:
            self.to_code = self.sent
            self.codes.setdefault("code", filed[0])
        return View(state["asked"], state["options"], [words[0] for words in new], len(filed), self.codes)

    def _note(self, replies: Sequence[Sequence[str]]) -> None:
        self.seen += len(replies)
        for text, *more in replies:
            self.shown += [text, *more]
            self.dialogue.append("> " + text + "".join(f" [{words}]" for words in more))

    def _wait(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not self._quiet():
            if time.monotonic() > deadline:
                raise StuckError(f"no answer to message {self.sent} within {_PATIENCE:.0f} s")
            time.sleep(_POLL)

    def _quiet(self) -> bool:
        """All that was sent is in the store and part of a finished turn, and nothing waits to be sent."""
        with reading(self.database) as session:
            conversation = _conversation(session, self)
            if conversation is None:
                return False
            finished = select(func.count(Inbound.id)).join(Turn, Turn.id == Inbound.turn_id)
            mine = (Inbound.conversation_id == conversation.id, Turn.status != "open")
            if (session.scalar(finished.where(*mine)) or 0) < self.sent:
                return False
            unsent = select(Outbound.id).where(Outbound.conversation_id == conversation.id)
            return session.scalars(unsent.where(Outbound.status == "waiting")).first() is None


def _give(database: Database, rulebook: Rulebook, script: Script, user: str) -> dict[str, str]:
    """The given cases are put into the store, the other one as somebody else's; their codes by name."""
    codes = {}
    given = {"code": (script.own_case, user), "other_code": (script.other_case, f"{user}o")}
    for name, (case, owner) in given.items():
        if case is None:
            continue
        facts = {field: case[field] for field in ("category", "district", "description")}
        wanted = Given(
            channel=script.channel,
            user=owner,
            **facts,
            status=case.get("status", "new"),
            age_hours=float(case.get("age_hours") or 0),
        )
        with transaction(database) as session:
            codes[name] = add_case(session, rulebook, wanted, f"given:{uuid.uuid4().hex}", datetime.now(UTC)).code
    return codes


def _stored(session: Session, talk: Talk, stuck: str, settle: timedelta) -> Played:
    conversation = _conversation(session, talk)
    if conversation is None:
        return Played((), None, (), (), tuple(talk.dialogue), talk.codes, stuck=stuck or "nothing was said")
    stored = [_case(session, case) for case in reversed(own_cases(session, conversation.id))]
    own = talk.codes["code"] if talk.script.own_case else None
    inbounds = session.scalars(_of(Inbound, conversation).order_by(Inbound.sent_at, Inbound.id)).all()
    intents = {row.id: row.intent for row in session.scalars(_of(Turn, conversation))}
    said = tuple(
        (detour, intents.get(inbounds[number - 1].turn_id or 0) if number <= len(inbounds) else None)
        for detour, number in talk.detours
    )
    return Played(
        cases=tuple(case for case in stored if case.code != own),
        own=next((case for case in stored if case.code == own), None),
        turns=tuple(_turns(session, conversation, settle)),
        shown=tuple(talk.shown),
        dialogue=tuple(talk.dialogue),
        codes=talk.codes,
        to_code=talk.to_code,
        stuck=stuck,
        detours=said,
    )


def _case(session: Session, case: Case) -> StoredCase:
    """With the words of every message that became part of the case."""
    turns = [event.data["turn"] for event in case.events if "turn" in event.data]
    told = session.scalars(select(Inbound.text).where(Inbound.turn_id.in_(turns)).order_by(Inbound.id)).all()
    noted = [str(event.data["text"]) for event in case.events if event.data.get("text")]
    return StoredCase(
        code=case.code,
        category=case.category,
        district=case.area.slug if case.area else None,
        ward=case.ward.name if case.ward else None,
        words="\n".join([case.description, *told, *noted]),
    )


def _turns(session: Session, conversation: Conversation, settle: timedelta) -> Iterator[TurnTaken]:
    turns = session.scalars(_of(Turn, conversation).order_by(Turn.id)).all()
    replies = session.scalars(_of(Outbound, conversation).order_by(Outbound.id)).all()
    ends = [turn.created_at for turn in turns[1:]] + [datetime.max.replace(tzinfo=UTC)]
    for turn, end in zip(turns, ends, strict=True):
        answers = [row for row in replies if turn.created_at <= row.created_at < end]
        sent = [row.sent_at for row in answers if row.sent_at]
        took = (min(sent) - _due(turn, settle)) / timedelta(milliseconds=1) if sent else None
        words = " ".join(member.text for member in turn.members)
        yield TurnTaken(turn.intent, words, tuple(row.text for row in answers), took)


def _due(turn: Turn, settle: timedelta) -> datetime:
    """When the turn could begin: with its last message, after the time that free words wait for more of the same."""
    last = max(member.received_at for member in turn.members)
    if not all(member.settles for member in turn.members):
        return last
    return min(last + settle, min(member.received_at for member in turn.members) + _MOST_SETTLES * settle)


def _conversation(session: Session, talk: Talk) -> Conversation | None:
    """The conversation as stored; None while its first message waits in the gateway's spool."""
    query = select(Conversation).where(Conversation.channel == talk.script.channel, Conversation.user_id == talk.user)
    return session.scalars(query).one_or_none()


def _of(table: Any, conversation: Conversation) -> Any:
    return select(table).where(table.conversation_id == conversation.id)


def _reply(row: Outbound) -> list[str]:
    """The text of a message, then the wording of its buttons and the name of its file."""
    titles = [button["title"] for button in row.buttons]
    enclosed = [row.attachment["title"]] if row.attachment else []
    return [row.text, *titles, *enclosed]


def _shown(what: dict[str, Any]) -> str:
    special = [f"[{kind}]" for kind in ("image", "sticker", "location") if kind in what]
    return " ".join([*special, str(what.get("text") or what.get("tap") or "")]).strip()
