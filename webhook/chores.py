"""What the worker does by the clock, not by a message: sweep the clocks of cases; started by `webhook.worker`."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cases import clocks
from cases.rulebook import Rulebook
from core.db import Database, transaction

log = logging.getLogger(__name__)

SWEEP_EVERY = timedelta(seconds=30)
BATCH = 100


@dataclass
class Chores:
    """One thread's clock; several workers may run it, each takes what no other holds."""

    database: Database
    rulebook: Rulebook
    now: Callable[[], datetime]
    _next: dict[str, datetime] = field(default_factory=dict)

    def step(self, worker: str) -> bool:
        """Do one piece of what is due; says whether there may be more at once."""
        return self._due("sweep", SWEEP_EVERY) and self._sweep(worker)

    def _sweep(self, worker: str) -> bool:
        with transaction(self.database) as session:
            count = clocks.sweep(session, self.rulebook, self.now(), BATCH)
        if count:
            log.info("clocks swept", extra={"worker": worker, "count": count})
        if count < BATCH:
            return False
        self._next.pop("sweep")
        return True

    def _due(self, chore: str, every: timedelta) -> bool:
        at = self.now()
        if at < self._next.get(chore, at):
            return False
        self._next[chore] = at + every
        return True
