"""Whole filings a minute for each core, beside stock Rasa: `python -m bench.filing`.

Ours: signed webhooks of the simulator, gateway, worker, Rasa, actions, and the replies back to the simulator, with all
the real processes. Stock: `rasa run` with its REST channel and our model, tracker in memory, with the same actions and
the same words, and no gateway, store or platform around it. Both take turns on the same machine. A core's minute is
sixty seconds of CPU time of the processes at work, so the load itself and what else runs are not counted.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from bench.conversations import Expected, Script
from bench.figures import Figure, Number, line, row
from bench.player import Player, running
from bench.processes import BOT_PYTHON, ROOT, free_port, our_actions, serving
from core.arrivals import get_conversation
from core.db import open_database, transaction

_CLIENTS = 8
_ROUND = 20  # filings
_WARM_UP = _ROUND
_MOST_MESSAGES = 5
_DECLINES = "không, cứ gửi riêng giúp tôi"
_TICK = os.sysconf("SC_CLK_TCK")
# What the command line of each process at work says.
_AT_WORK = {
    "gateway": "webhook.app",
    "worker": "webhook.worker",
    "rasa": "bot.server",
    "stock_rasa": "rasa\0run",
    "actions": "actions.server",
    "simulator": "-m\0simulator",
}
_OURS = ("gateway", "worker", "rasa", "actions", "simulator")
_STOCK = ("stock_rasa", "actions")
_MATTERS = (
    "Rác chất đống trước số {n} phố Chùa Bộc, phường Kim Liên ba ngày nay không ai thu gom",
    "Ổ gà to trước số {n} phố Lê Thanh Nghị, phường Bạch Mai, tối qua tôi suýt ngã xe",
    "Quán ở số {n} phố Ngọc Lâm, phường Bồ Đề mở loa kéo đến 12 giờ đêm, cả ngõ không ngủ được",
    "Đèn đường trước số {n} phố Hàng Mã, phường Hoàn Kiếm hỏng cả tuần nay, tối om",
)
_EXPECTED = Expected((True,), (), (), (), (), (), (), ())


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints filings a minute for each core of both, and where the CPU time goes."""
    options = _options(arguments)
    count = _WARM_UP + options.filings
    with (
        tempfile.TemporaryDirectory(prefix="tiepdan-filing-") as name,
        running(options.model, SETTLE_SECONDS="0") as us,
    ):
        folder, player = Path(name), Player(us)
        with our_actions(folder) as port, _stock_rasa(folder, options.model, port) as address:
            filer = Filer(address, _conversations(folder, count))
            sides = [
                Side("ours", _OURS, lambda number: int(bool(player.play(_script(number)).cases))),
                Side("stock", _STOCK, filer.file),
            ]
            # In turns, so that a machine that is slower for a while is so for both.
            for start in range(0, count, _ROUND):
                for side in sides:
                    side.take(range(start, min(start + _ROUND, count)))
    found = [figure for side in sides for figure in side.figures()]
    print("\n".join([*map(row, found), *map(line, found)]))
    return 0


@dataclass
class Side:
    """One of the two: `file` takes the number of a filing and gives 1 when a case came of it, else 0."""

    name: str
    at_work: Sequence[str]
    file: Callable[[int], int]
    filed: int = 0
    seconds: float = 0.0
    spent: Counter[str] = field(default_factory=Counter)  # ticks of CPU time by process

    def take(self, numbers: range) -> None:
        """Files these, some at once; the first ones only warm it up."""
        before, start = cpu_ticks(), time.monotonic()
        with ThreadPoolExecutor(_CLIENTS) as clients:
            filed = sum(clients.map(self.file, numbers))
        took, after = time.monotonic() - start, cpu_ticks()
        if filed < len(numbers):
            raise RuntimeError(f"{self.name}: only {filed} of {len(numbers)} were filed")
        if numbers.start >= _WARM_UP:
            self.filed += filed
            self.seconds += took
            self.spent.update({process: after[process] - before[process] for process in self.at_work})

    def figures(self) -> list[Figure]:
        each = {process: self.spent[process] / _TICK / self.filed for process in self.at_work}
        return [
            Number(f"filing.{self.name}.per_minute_per_core", 60 / sum(each.values())),
            Number(f"filing.{self.name}.per_minute", 60 * self.filed / self.seconds),
            *(Number(f"filing.{self.name}.cpu_ms.{process}", 1000 * seconds) for process, seconds in each.items()),
        ]


def cpu_ticks() -> Counter[str]:
    """CPU time so far of the processes at work that descend from this one, by name."""
    parents: dict[int, int] = {}
    used: dict[int, tuple[str, int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            words = (folder / "cmdline").read_bytes().decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        parents[int(folder.name)] = int(fields[1])
        used[int(folder.name)] = (words, int(fields[11]) + int(fields[12]))
    found: Counter[str] = Counter()
    for pid, (words, ticks) in used.items():
        name = next((name for name, mark in _AT_WORK.items() if mark in words), None)
        if name is not None and _descends(pid, parents):
            found[name] += ticks
    return found


def _descends(pid: int, parents: Mapping[int, int]) -> bool:
    while pid > 1:
        pid = parents.get(pid, 0)
        if pid == os.getpid():
            return True
    return False


@contextmanager
def _stock_rasa(folder: Path, model: Path, actions_port: int) -> Iterator[str]:
    credentials, endpoints, port = folder / "credentials.yml", folder / "endpoints.yml", free_port()
    credentials.write_text("rest:\n")
    endpoints.write_text(f"action_endpoint: {{url: 'http://127.0.0.1:{actions_port}/webhook'}}\n")
    command = [
        BOT_PYTHON, "-m", "rasa", "run", "--model", model, "--port", port,
        "-i", "127.0.0.1", "--credentials", credentials, "--endpoints", endpoints,
    ]  # fmt: skip
    settings = {"PYTHONPATH": str(ROOT), "ACTIONS_PORT": str(actions_port)}
    with serving([str(part) for part in command], port, settings, "/webhooks/rest/") as address:
        yield address


class Filer:
    """Files by the REST channel as a citizen would: the complaint, then what the bot asks for."""

    def __init__(self, address: str, conversations: Sequence[int]) -> None:
        self._url = f"{address}/webhooks/rest/webhook"
        self._conversations = conversations

    def file(self, number: int) -> int:
        """How many cases came of it: 1, or 0 when there was no code after a few messages."""
        message, tapped = _complaint(number), False
        for step in range(_MOST_MESSAGES):
            replies = self._say(number, step, message, tapped)
            if any("PA-" in str(reply.get("text")) for reply in replies):
                return 1
            offered = {button["payload"] for reply in replies for button in reply.get("buttons") or ()}
            tapped = "/affirm" in offered
            message = "/affirm" if tapped else _DECLINES
        return 0

    def _say(self, number: int, step: int, message: str, tapped: bool) -> list[dict[str, Any]]:
        conversation = self._conversations[number]
        facts = {"turn_id": number * _MOST_MESSAGES + step + 1, "conversation_id": conversation, "channel": "zalo"}
        metadata = {**facts, "tapped": tapped, "wordless": tapped}
        body = {"sender": f"bench-{number}", "message": message, "metadata": metadata}
        answer = requests.post(self._url, json=body, timeout=60)
        answer.raise_for_status()
        return list(answer.json())


def _conversations(folder: Path, count: int) -> list[int]:
    """Rows that the action server may file cases for."""
    now = datetime.now(UTC)
    with transaction(open_database(f"sqlite:///{folder}/bench.db")) as session:
        return [get_conversation(session, "zalo", f"filing-{number}", now).id for number in range(count)]


def _script(number: int) -> Script:
    return Script(
        id=str(number),
        channel="zalo" if number % 2 else "messenger",
        opening=(_complaint(number),),
        answers={"confirm": True, "other": _DECLINES},
        answers_next={},
        detours=(),
        own_case=None,
        other_case=None,
        expected=_EXPECTED,
        persona="",
        tests="",
    )


def _complaint(number: int) -> str:
    """The words of a filing; no two are the same."""
    return _MATTERS[number % len(_MATTERS)].format(n=2 * number + 1)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.filing", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("var/models"))
    parser.add_argument("--filings", type=int, default=200)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
