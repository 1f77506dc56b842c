"""Nothing lost, whatever breaks: `python -m bench.chaos` kills every process in turn while people write.

The real processes run under their supervisor on free ports, with PostgreSQL and a folder of their own. Gateway, worker
and action server are killed in turn every few seconds, Rasa at most once a minute; PostgreSQL is restarted twice and
stopped for a while, Rasa is stopped for a while, and the platforms fail a tenth of all calls. `--scripted` puts a
scripted Rasa in the place of the real one: lighter, and everything else is the same.
"""

import argparse
import itertools
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

import supervise
from bench.figures import Figure, Number, Share, line, row
from cases.model import Case
from cases.rulebook import load_rulebook
from cases.service import Draft, open_case
from core.clock import local_now
from core.config import load_config
from core.db import Database, open_database, reading, transaction
from core.model import Conversation, Inbound, Outbound, Turn
from tests.stack import Citizen, Stack
from tests.support import FakeRasa, PostgresCluster, Reply, answer_with

_TARGETS = ("gateway", "worker", "actions", "worker-2")
_AFTERWARDS = ("Cảm ơn em nhiều nhé", "Chào em")  # sent without waiting: one turn or two, in this order
_FAULTS = {
    "zalo_send": "status500,http429,zalo-32,reset,not_json",
    "messenger_send": "status500,http429,graph:613,reset,not_json",
}
_RASA_EVERY = 60.0  # seconds
_POLL = 0.3
_PATIENCE = 300.0  # seconds for one answer, outages included
_AGAIN_AFTER = 60.0  # seconds after which a platform brings a message anew that it could not deliver


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what was lost, doubled, turned round and repeated; 1 when a promise is broken."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="tiepdan-chaos-") as folder:
        found = run(Path(folder), options)
    print("\n".join([*map(row, found.figures), *map(line, found.figures)]))
    return 0 if found.kept else 1


@dataclass(frozen=True)
class Outcome:
    """The figures, and whether every promise was kept."""

    figures: Sequence[Figure]
    kept: bool


def run(folder: Path, options: argparse.Namespace) -> Outcome:
    """One run of the whole house; raises when a message stays unanswered although all is well again."""
    cluster = PostgresCluster(durable=True)
    scripted: ScriptedRasa | None = None
    try:
        url = cluster.url(cluster.create())
        settings = {"DATABASE_URL": url, "WORKERS": "2"}
        if options.scripted:
            scripted = ScriptedRasa(url)
            settings |= {"RASA_URL": scripted.url, "START_RASA": "0"}
        stack = Stack(folder, settings, workers=2)
        stack.start()
        try:
            return _Run(stack, cluster, scripted, open_database(url), options).measured()
        finally:
            stack.stop()
    finally:
        if scripted is not None:
            scripted.close()
        cluster.stop()


class ScriptedRasa(FakeRasa):
    """Answers like the bot in three steps and files the case itself, once per draft, as the action server does."""

    def __init__(self, url: str) -> None:
        self._database = open_database(url)
        self._rulebook = load_rulebook()
        self.away = threading.Event()
        super().__init__(self._turn)

    def _turn(self, question: Mapping[str, Any]) -> Reply:
        self.calls.clear()
        if self.away.is_set():
            return Reply(cut=True)
        text, state = str(question["text"] or ""), question["state"]
        draft = (state.get("slots") or {}).get("draft")
        if text.startswith("Ngõ"):
            began = {"slots": {"draft": {"began": question["turn_id"], "description": text}}}
            return answer_with(f"Chỗ này thuộc phường nào? ({text[:12]})", state=began)
        if text.startswith("Gửi") and draft:
            try:
                return answer_with(f"Mã hồ sơ: {self._file(question['metadata']['conversation_id'], draft)}")
            except SQLAlchemyError:
                return Reply({}, status=503)
        return answer_with(f"Dạ vâng ạ. ({question['turn_id']})", state=state)

    def _file(self, conversation_id: int, draft: Mapping[str, str]) -> str:
        with transaction(self._database) as session:
            matter = Draft(conversation_id, "waste", draft["description"], ward_id="2025:00229", area_id="legacy:006")
            return open_case(session, self._rulebook, matter, f"turn:{draft['began']}:0", local_now()).code


@dataclass
class Told:
    """One citizen and all words they sent, in order."""

    citizen: Citizen
    words: list[str] = field(default_factory=list)


@dataclass
class _Run:
    stack: Stack
    cluster: PostgresCluster
    scripted: ScriptedRasa | None
    database: Database
    options: argparse.Namespace
    done: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)
    _killed_at: dict[str, float] = field(default_factory=dict)

    @cached_property
    def _processes(self) -> Mapping[str, supervise.Process]:
        config = load_config(self.stack.environment(), Path("/nonexistent"))
        return {process.name: process for process in supervise.processes(config)}

    def measured(self) -> Outcome:
        for endpoint, kinds in _FAULTS.items():
            self.stack.simulator("/api/faults", endpoint=endpoint, kind=kinds, share=self.options.failing)
        people = [Told(self.stack.citizen(("zalo", "messenger")[n % 2])) for n in range(self.options.conversations)]
        began = time.monotonic()
        breakers = [threading.Thread(target=breaker) for breaker in (self._kill_in_turn, self._take_away)]
        for breaker in breakers:
            breaker.start()
        try:
            with ThreadPoolExecutor(self.options.at_once) as pool:
                list(pool.map(self._write, itertools.count(), people))
        finally:
            self.over.set()
            for breaker in breakers:
                breaker.join()
        return self._judged(people, time.monotonic() - began)

    def _write(self, number: int, told: Told) -> None:
        """Filings of three messages each, an answer awaited after every one; what is left over comes in one burst."""
        each = self.options.messages // self.options.conversations
        for filing in range(each // 3):
            place = f"Ngõ {number + 1}/{filing + 1} Chùa Bộc, Đống Đa rác chất đống 3 ngày nay không ai dọn"
            for words in (place, "Kim Liên", "Gửi"):
                self._send(told, words)
                self._await_answer(told)
        for words in _AFTERWARDS[: each % 3]:
            self._send(told, words)
        self._await_answer(told)

    def _send(self, told: Told, words: str) -> None:
        message_id = f"{told.citizen.user}-{len(told.words)}"
        told.citizen.send(text=words, message_id=message_id)
        told.words.append(words)
        self.done += 1

    def _await_answer(self, told: Told) -> None:
        deadline, again = time.monotonic() + _PATIENCE, time.monotonic() + _AGAIN_AFTER
        while not self._answered(told):
            if time.monotonic() > deadline:
                return  # judged in the end
            if time.monotonic() > again:
                again += _AGAIN_AFTER
                for number, words in enumerate(told.words):
                    told.citizen.send(text=words, message_id=f"{told.citizen.user}-{number}")
            time.sleep(_POLL)

    def _answered(self, told: Told) -> bool:
        """Everything written is stored, its turns are over, and nothing waits to be sent."""
        mine = (Conversation.channel == told.citizen.channel, Conversation.user_id == told.citizen.user)
        stored = select(func.count(Inbound.id)).join(Conversation).join(Turn, Turn.id == Inbound.turn_id)
        waiting = select(func.count(Outbound.id)).join(Conversation).where(*mine, Outbound.status == "waiting")
        try:
            with reading(self.database) as session:
                over = session.scalar(stored.where(*mine, Turn.status != "open")) or 0
                return over >= len(told.words) and not session.scalar(waiting)
        except SQLAlchemyError:
            return False

    def _kill_in_turn(self) -> None:
        chance, last_rasa = random.Random(2026), time.monotonic()
        for target in itertools.cycle(_TARGETS):
            low, high = self.options.seconds * 0.5, self.options.seconds * 1.5
            if self.over.wait(chance.uniform(low, high)):
                return
            if self.scripted is None and time.monotonic() - last_rasa > _RASA_EVERY:
                last_rasa = time.monotonic()
                self._kill("rasa")
            self._kill(target)

    def _kill(self, name: str) -> None:
        """A process that has not come up since it was killed last is left alone, or it would never do any work."""
        if self._is_up(name):
            self._killed_at[name] = time.time()
            self.stack.kill(name)
            self.kills[name] += 1

    def _is_up(self, name: str) -> bool:
        process = self._processes[name]
        if process.alive:
            alive = self.stack.var / process.alive
            return alive.exists() and alive.stat().st_mtime > self._killed_at.get(name, 0.0)
        try:
            return requests.get(process.health, timeout=2).ok
        except requests.RequestException:
            return False

    def _take_away(self) -> None:
        """Each at its part of the whole: PostgreSQL restarted, stopped for a while, restarted; Rasa stopped."""
        plan: tuple[tuple[float, Callable[[], None]], ...] = (
            (0.15, self._restart_postgres),
            (0.35, lambda: self._restart_postgres(self.options.outage)),
            (0.55, self._restart_postgres),
            (0.75, self._stop_rasa),
        )
        for part, act in plan:
            while self.done < part * self.options.messages:
                if self.over.wait(0.2):
                    return
            act()

    def _restart_postgres(self, seconds: float = 0.0) -> None:
        self.cluster.halt()
        time.sleep(seconds)
        self.cluster.resume()
        self.kills["postgresql"] += 1

    def _stop_rasa(self) -> None:
        if self.scripted is not None:
            self.scripted.away.set()
            time.sleep(self.options.outage)
            self.scripted.away.clear()
        else:
            self.stack.control("stop", "rasa")
            time.sleep(self.options.outage)
            self.stack.control("start", "rasa")
        self.kills["rasa stopped"] += 1

    def _judged(self, people: Sequence[Told], seconds: float) -> Outcome:
        counts: Counter[str] = Counter()
        for told in people:
            with reading(self.database) as session:
                counts += Counter(judge(session, told, self.stack.seen(told.citizen.channel, told.citizen.user)))
        sent = sum(len(told.words) for told in people)
        repeated = Share("chaos.replies_repeated", counts["repeated"], counts["replies"])
        names = ("lost", "unanswered", "not_delivered", "cases_missing", "cases_doubled", "order_faults")
        figures: list[Figure] = [
            Number("chaos.messages", sent),
            Number("chaos.conversations", len(people)),
            *(Number(f"chaos.{name}", counts[name]) for name in names),
            repeated,
            Number("chaos.cases", counts["cases"]),
            *(Number(f"chaos.kills.{name.replace(' ', '_')}", count) for name, count in sorted(self.kills.items())),
            Number("chaos.seconds", seconds),
        ]
        return Outcome(figures, not any(counts[name] for name in names))


def judge(session: Any, told: Told, screen: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """What one conversation shows: the store against what was written, the screen against the store."""
    mine = (Conversation.channel == told.citizen.channel, Conversation.user_id == told.citizen.user)
    conversation = session.scalars(select(Conversation).where(*mine)).one()
    ours = Inbound.conversation_id == conversation.id
    taken = select(Inbound.text, Turn.status).join(Turn, Turn.id == Inbound.turn_id).where(ours)
    rows = session.execute(taken.order_by(Inbound.turn_id, Inbound.sent_at, Inbound.id)).all()
    words = [text for text, _ in rows]
    replies = session.execute(
        select(Outbound.text, Outbound.status).where(Outbound.conversation_id == conversation.id).order_by(Outbound.id)
    ).all()
    shown = [message["text"] for message in screen if message["sender"] == "page"]
    repeated, turned = against([text for text, status in replies if status == "sent"], shown)
    filed = Counter(session.scalars(select(Case.description).where(Case.conversation_id == conversation.id)))
    wanted = {text for text in told.words if text.startswith("Ngõ")}
    return {
        "lost": sum((Counter(told.words) - Counter(words)).values()),
        "unanswered": sum(status != "done" for _, status in rows),
        "not_delivered": sum(status != "sent" for _, status in replies),
        "order_faults": int(words != told.words and Counter(words) == Counter(told.words)) + turned,
        "replies": len(replies),
        "repeated": repeated,
        "cases": sum(filed.values()),
        "cases_missing": len(wanted - set(filed)),
        "cases_doubled": sum(filed.values()) - len(filed),
    }


def against(stored: Sequence[str], shown: Sequence[str]) -> tuple[int, int]:
    """How many messages on the screen are repeats of the one before, and how many are out of order."""
    position, repeated, turned = 0, 0, 0
    for text in shown:
        if position < len(stored) and text == stored[position]:
            position += 1
        elif text in stored[:position]:
            repeated += 1
        else:
            turned += 1
    return repeated, turned + len(stored) - position


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--conversations", type=int, default=500)
    parser.add_argument("--at-once", type=int, default=40, help="conversations in progress at the same time")
    parser.add_argument("--seconds", type=float, default=4.0, help="between two kills, on average")
    parser.add_argument("--outage", type=float, default=60.0, help="seconds PostgreSQL and Rasa are stopped")
    parser.add_argument("--failing", type=float, default=0.1, help="part of the platforms' calls that fail")
    parser.add_argument("--scripted", action="store_true", help="a scripted Rasa instead of the real one")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
