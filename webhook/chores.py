"""What the worker does by the clock, not by a message: clocks, months, files, erasing; run by `webhook.worker`."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from cases import clocks, forecount, remembered, snapshots
from cases.in_force import RulebookInForce
from cases.rulebook import Rulebook
from core import attachments
from core.db import Database, look_at_sizes, reading, transaction
from webhook.exporter import Exporter
from webhook.media import THUMBNAIL
from webhook.question import let_go

log = logging.getLogger(__name__)

SWEEP_EVERY = timedelta(seconds=30)
EXPORT_EVERY = timedelta(seconds=1)
EXPIRE_EVERY = timedelta(minutes=10)
FREEZE_EVERY = timedelta(minutes=1)
REMOVE_EVERY = timedelta(seconds=10)
LOOK_EVERY = timedelta(hours=6)
FORECOUNT_EVERY = timedelta(hours=1)
BATCH = 100


@dataclass
class Chores:
    """One thread's clock; several workers may run it, each takes what no other holds."""

    database: Database
    rulebook: Rulebook
    exporter: Exporter
    now: Callable[[], datetime]
    media: Path | None = None  # where the files of citizens lie
    _next: dict[str, datetime] = field(default_factory=dict)
    _pieces: list[forecount.Piece] = field(default_factory=list)
    _counted: set[forecount.Piece] = field(default_factory=set)

    @cached_property
    def in_force(self) -> RulebookInForce:
        return RulebookInForce(self.rulebook)

    def step(self, worker: str) -> bool:
        """Do one piece of what is due; says whether there may be more at once."""
        if self._due("sweep", SWEEP_EVERY) and self._sweep(worker):
            return True
        if self._due("freeze", FREEZE_EVERY):
            self._freeze(worker)
        if self._due("expire", EXPIRE_EVERY):
            self.exporter.sweep()
            with transaction(self.database) as session:
                let_go(session, self.now())
        if self._due("look", LOOK_EVERY):
            look_at_sizes(self.database)
        if self._due("remove", REMOVE_EVERY) and self._remove(worker):
            return True
        if self._due("export", EXPORT_EVERY) and self._export(worker):
            return True
        return self._forecount(worker)

    def _export(self, worker: str) -> bool:
        busy = self.exporter.step(worker)
        if busy:
            self._next.pop("export")
        return busy

    def _forecount(self, worker: str) -> bool:
        """One piece of the dashboard's months; once an hour all in which something has changed."""
        if self._due("forecount", FORECOUNT_EVERY):
            with reading(self.database) as session:
                wanted = forecount.pieces(session, self.now())
            self._pieces = [piece for piece in wanted if piece not in self._counted]
            self._counted.intersection_update(wanted)
        if not self._pieces:
            return False
        piece = self._pieces.pop(0)
        with reading(self.database) as session:
            calendar = self.in_force.at(session).calendar
            counted = forecount.count(session, calendar, piece, self.now())
        self._counted.add(piece)
        if counted:
            with transaction(self.database) as session:
                remembered.keep(session, counted, self.now())
            log.info("months counted", extra={"worker": worker, "count": len(counted)})
        return True

    def _remove(self, worker: str) -> bool:
        """Take one file off the disk whose row was erased; the row lets go of its name when it is gone."""
        if self.media is None:
            return False
        with transaction(self.database) as session:
            row = attachments.to_remove(session)
            if row is None:
                return False
            for suffix in ("", THUMBNAIL):
                (self.media / f"{row.stored_name}{suffix}").unlink(missing_ok=True)
            row.stored_name = None
        log.info("file removed", extra={"worker": worker, "inbound_id": row.inbound_id, "outcome": "removed"})
        self._next.pop("remove")
        return True

    def _freeze(self, worker: str) -> None:
        with reading(self.database) as session:
            month = snapshots.month_to_freeze(session, self.now())
        if month is not None:
            with transaction(self.database) as session:
                snapshots.freeze(session, self.in_force.at(session).calendar, month, self.now())
            log.info("month frozen", extra={"worker": worker, "event": month})

    def _sweep(self, worker: str) -> bool:
        with transaction(self.database) as session:
            count = clocks.sweep(session, self.in_force.at(session), self.now(), BATCH)
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
