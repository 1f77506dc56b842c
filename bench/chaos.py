"""Nothing lost, whatever breaks: `python -m bench.chaos` kills every process in turn while people write.

The real processes run under their supervisor on free ports, with PostgreSQL and a folder of their own. Gateway, worker
and action server are killed in turn every few seconds, Rasa at most once a minute; PostgreSQL is restarted twice and
stopped for a while, Rasa is stopped for a while, and the platforms fail a tenth of all calls. `--scripted` puts a
scripted Rasa in the place of the real one: lighter, and everything else is the same. `--sqlite` takes SQLite, which
cannot be stopped by itself, and one worker.
"""

import argparse
import itertools
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from bench.breaker import Breaker
from bench.figures import Figure, Number, Share, line, row
from bench.judge import Told, judge
from cases.rulebook import load_rulebook
from cases.service import Draft, open_case
from core.clock import local_now
from core.db import Database, open_database, reading, transaction
from core.model import Conversation, Inbound, Outbound, Turn
from tests.stack import Stack
from tests.support import FakeRasa, PostgresCluster, Reply, answer_with

# Every filing of a citizen is another matter: the same one again would go into the case that is open.
_STREETS = ("Chùa Bộc", "Phạm Ngọc Thạch")
_MATTERS = (
    "rác chất đống 3 ngày nay không ai dọn",
    "đèn đường tắt cả tuần, tối om",
    "cống tắc, nước thải tràn ra ngõ",
    "cây xanh lâu ngày không cắt tỉa, lá rụng kín sân",
    "vỉa hè bong gạch, người già vấp ngã",
)
_AFTERWARDS = ("Cảm ơn em nhiều nhé", "Chào em")  # sent without waiting: one turn or two, in this order
_FAULTS = {
    "zalo_send": "status500,http429,zalo-32,reset,not_json",
    "messenger_send": "status500,http429,graph:613,reset,not_json",
}
_POLL = 0.3
_PATIENCE = 300.0  # seconds for one answer, outages included
_AGAIN_AFTER = 60.0  # seconds after which a platform brings a message anew that it could not deliver


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what was lost, doubled, turned round and repeated; 1 when a promise is broken."""
    options = read_options(arguments)
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
    """One run of the whole house; a message that stays unanswered for minutes is judged as such."""
    cluster = None if options.sqlite else PostgresCluster(durable=True)
    scripted: ScriptedRasa | None = None
    url = f"sqlite:///{folder / 'chaos.db'}" if cluster is None else cluster.url(cluster.create())
    database, workers = open_database(url), 1 if cluster is None else 2
    try:
        settings = {"DATABASE_URL": url, "WORKERS": str(workers)}
        if options.scripted:
            scripted = ScriptedRasa(url)
            settings |= {"RASA_URL": scripted.url, "START_RASA": "0"}
        stack = Stack(folder, settings, workers=workers)
        stack.start()
        try:
            return _Run(stack, cluster, scripted, database, options).measured()
        finally:
            stack.stop()
    finally:
        if scripted is not None:
            scripted.close()
        database.engine.dispose()
        if cluster is not None:
            cluster.stop()


class ScriptedRasa(FakeRasa):
    """Answers like the bot in three steps and files the case itself, once per draft, as the action server does."""

    def __init__(self, url: str) -> None:
        self._database = open_database(url)
        self._rulebook = load_rulebook()
        self.away = threading.Event()
        super().__init__(self._turn)

    def close(self) -> None:
        super().close()
        self._database.engine.dispose()

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
class _Run:
    stack: Stack
    cluster: PostgresCluster | None
    scripted: ScriptedRasa | None
    database: Database
    options: argparse.Namespace
    done: int = 0

    def measured(self) -> Outcome:
        for endpoint, kinds in _FAULTS.items():
            self.stack.simulator("/api/faults", endpoint=endpoint, kind=kinds, share=self.options.failing)
        people = [Told(self.stack.citizen(("zalo", "messenger")[n % 2])) for n in range(self.options.conversations)]
        began = time.monotonic()
        away = self.scripted.away if self.scripted is not None else None
        breaker = Breaker(self.stack, self.cluster, away, self.options, lambda: self.done)
        with ThreadPoolExecutor(2) as others:
            breaking = [others.submit(work) for work in (breaker.kill_in_turn, breaker.take_away)]
            try:
                with ThreadPoolExecutor(self.options.at_once) as pool:
                    list(pool.map(self._write, itertools.count(), people))
            finally:
                breaker.over.set()
        for work in breaking:
            work.result()  # a run in which nothing was broken shows nothing
        return self._judged(people, breaker.kills, time.monotonic() - began)

    def _write(self, number: int, told: Told) -> None:
        """Filings of three messages each, an answer awaited after every one; what is left over comes in one burst."""
        each = self.options.messages // self.options.conversations
        for filing in range(each // 3):
            street, matter = _STREETS[filing // len(_MATTERS) % len(_STREETS)], _MATTERS[filing % len(_MATTERS)]
            complaint = f"Ngõ {number + 1}/{filing + 1} {street}, Đống Đa {matter}"
            for words in (complaint, "Kim Liên", "Gửi"):
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

    def _judged(self, people: Sequence[Told], kills: Mapping[str, int], seconds: float) -> Outcome:
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
            *(Number(f"chaos.kills.{name.replace(' ', '_')}", count) for name, count in sorted(kills.items())),
            Number("chaos.seconds", seconds),
        ]
        return Outcome(figures, not any(counts[name] for name in names))


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--conversations", type=int, default=500)
    parser.add_argument("--at-once", type=int, default=40, help="conversations in progress at the same time")
    parser.add_argument("--seconds", type=float, default=4.0, help="between two kills, on average")
    parser.add_argument("--outage", type=float, default=60.0, help="seconds PostgreSQL and Rasa are stopped")
    parser.add_argument("--failing", type=float, default=0.1, help="part of the platforms' calls that fail")
    parser.add_argument("--sqlite", action="store_true", help="SQLite instead of PostgreSQL")
    parser.add_argument("--scripted", action="store_true", help="a scripted Rasa instead of the real one")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
