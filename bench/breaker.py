"""What breaks the house while people write, for `bench.chaos`: processes killed, PostgreSQL and Rasa taken away."""

import argparse
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import requests

import supervise
from core.config import load_config
from tests.stack import Stack
from tests.support import PostgresCluster

_TARGETS = ("gateway", "worker", "actions", "worker-2")
_RASA_EVERY = 60.0  # seconds


@dataclass
class Breaker:
    """Breaks until `over` is set. `rasa_away` is set while a scripted Rasa shall not answer, None with the real one.

    `cluster` is None where the store is SQLite.
    `written` says how many messages people have written; `options` are those of `bench.chaos`.
    """

    stack: Stack
    cluster: PostgresCluster | None
    rasa_away: threading.Event | None
    options: argparse.Namespace
    written: Callable[[], int]
    over: threading.Event = field(default_factory=threading.Event)
    kills: Counter[str] = field(default_factory=Counter)
    _killed_at: dict[str, float] = field(default_factory=dict)

    def kill_in_turn(self) -> None:
        """One process after the other, at irregular times, until `over`."""
        chance, last_rasa = random.Random(2026), time.monotonic()
        for target in itertools.cycle(name for name in _TARGETS if name in self._processes):
            low, high = self.options.seconds * 0.5, self.options.seconds * 1.5
            if self.over.wait(chance.uniform(low, high)):
                return
            if self.rasa_away is None and time.monotonic() - last_rasa > _RASA_EVERY:
                last_rasa = time.monotonic()
                self._kill("rasa")
            self._kill(target)

    @cached_property
    def _processes(self) -> Mapping[str, supervise.Process]:
        config = load_config(self.stack.environment(), Path("/nonexistent"))
        return {process.name: process for process in supervise.processes(config)}

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

    def take_away(self) -> None:
        """Each at its part of the whole: PostgreSQL restarted, stopped for a while, restarted; Rasa stopped."""
        for part, act in self._plan():
            while self.written() < part * self.options.messages:
                if self.over.wait(0.2):
                    return
            act()

    def _plan(self) -> Sequence[tuple[float, Callable[[], None]]]:
        cluster = self.cluster
        if cluster is None:
            return ((0.75, self._stop_rasa),)
        return (
            (0.15, lambda: self._restart(cluster)),
            (0.35, lambda: self._restart(cluster, self.options.outage)),
            (0.55, lambda: self._restart(cluster)),
            (0.75, self._stop_rasa),
        )

    def _restart(self, cluster: PostgresCluster, seconds: float = 0.0) -> None:
        cluster.halt()
        time.sleep(seconds)
        cluster.resume()
        self.kills["postgresql"] += 1

    def _stop_rasa(self) -> None:
        if self.rasa_away is not None:
            self.rasa_away.set()
            time.sleep(self.options.outage)
            self.rasa_away.clear()
        else:
            self.stack.control("stop", "rasa")
            time.sleep(self.options.outage)
            self.stack.control("start", "rasa")
        self.kills["rasa stopped"] += 1
