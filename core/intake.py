"""Takes events in for good, many in one transaction, or on the disk; called by the gateway and by who drains its spool.

One thread commits for all requests of a process: what came while it was busy shares the next transaction and its wait
for the disk, so that a burst costs few commits. A database that is away or slow never holds a platform up: then the
events go to the spool.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYetError
from datetime import datetime

from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from core import arrivals
from core.db import Database, transaction
from core.events import InboundEvent
from core.spool import EventRefusedError, Spool
from core.vault import Vault

log = logging.getLogger(__name__)

# ProgrammingError: the tables are not migrated yet. OSError: the folder of an SQLite file is gone.
DATABASE_AWAY = (OperationalError, InterfaceError, InternalError, ProgrammingError, PoolTimeoutError, OSError)
PATIENCE = 0.5  # seconds a request waits for the database before it goes to the disk: Zalo hangs up after two
MOST_TOGETHER = 100  # deliveries in one transaction
DRAIN_EVERY = 0.5  # seconds

Waiting = tuple[Sequence[InboundEvent], "Future[str]"]


def store(database: Database, events: Sequence[InboundEvent], now: datetime, vault: Vault) -> None:
    """All of them in one transaction; EventRefusedError when the database is there and does not take one of them."""
    try:
        with transaction(database) as session, session.no_autoflush:  # what changed is written once, at the end
            arrivals.accept(session, events, now, vault)
    except DATABASE_AWAY:
        raise
    except SQLAlchemyError as error:
        raise EventRefusedError(type(error).__name__) from error


def drain(spool: Spool, database: Database, clock: Callable[[], datetime], vault: Vault) -> int:
    """Bring what waits on the disk into the database, oldest first; counts it. Raises when the database is away."""
    return spool.drain(lambda events: store(database, events, clock(), vault))


class Intake:
    """The gateway's way into the inbox; its threads start with the first event."""

    def __init__(self, database: Database, spool: Spool, clock: Callable[[], datetime], vault: Vault) -> None:
        self._database = database
        self._spool = spool
        self._clock = clock
        self._vault = vault
        self._waiting: queue.SimpleQueue[Waiting] = queue.SimpleQueue()
        self._spooled = threading.Event()
        self._starting = threading.Lock()
        self._started = False
        self._busy_since: float | None = None

    def keep(self, events: Sequence[InboundEvent]) -> str:
        """Returns "stored" or "spooled" once that is true; raises OSError when neither database nor disk takes them."""
        self._start()
        busy_since = self._busy_since
        if busy_since is not None and time.monotonic() - busy_since > PATIENCE:
            return self._to_disk(events)
        kept: Future[str] = Future()
        self._waiting.put((events, kept))
        try:
            return kept.result(PATIENCE)
        except NotYetError:
            # It may be stored as well in the end: then the copy on the disk changes nothing.
            log.warning("database slow", extra={"outcome": "spooled"})
            return self._to_disk(events)

    def _start(self) -> None:
        if self._started:
            return
        with self._starting:
            if not self._started:
                for loop in (self._commit, self._drain):
                    threading.Thread(target=loop, daemon=True).start()
                self._started = True

    def _to_disk(self, events: Sequence[InboundEvent]) -> str:
        self._spool.append(*events)
        self._spooled.set()
        return "spooled"

    def _commit(self) -> None:
        while True:
            group = [self._waiting.get()]
            while len(group) < MOST_TOGETHER and not self._waiting.empty():
                group.append(self._waiting.get())
            self._busy_since = time.monotonic()
            self._settle(group)
            self._busy_since = None

    def _settle(self, group: Sequence[Waiting]) -> None:
        """Give every delivery of the group its outcome, whatever happens."""
        try:
            outcome = self._take([event for events, _ in group for event in events])
        except EventRefusedError:
            if len(group) > 1:  # one of them spoils it for the others
                for delivery in group:
                    self._settle([delivery])
            else:  # draining tries its events one by one, and sets aside what cannot be taken
                self._settle_on_disk(group[0])
        except Exception as error:
            for _, kept in group:
                kept.set_exception(error)
        else:
            for _, kept in group:
                kept.set_result(outcome)

    def _settle_on_disk(self, delivery: Waiting) -> None:
        events, kept = delivery
        try:
            kept.set_result(self._to_disk(events))
        except OSError as error:
            kept.set_exception(error)

    def _take(self, events: Sequence[InboundEvent]) -> str:
        """Behind what waits on the disk already: nothing newer of a conversation may overtake it."""
        if not self._spool.is_empty():
            return self._to_disk(events)
        try:
            store(self._database, events, self._clock(), self._vault)
        except DATABASE_AWAY as error:
            log.warning("database away", extra={"error": type(error).__name__})
            return self._to_disk(events)
        return "stored"

    def _drain(self) -> None:
        """Never an error: what cannot be brought in now is safe on the disk."""
        while True:
            self._spooled.wait(timeout=None if self._spool.is_empty() else DRAIN_EVERY)
            self._spooled.clear()
            try:
                drain(self._spool, self._database, self._clock, self._vault)
            except Exception as error:
                log.warning("spool not drained", extra={"error": type(error).__name__})
                time.sleep(DRAIN_EVERY)
