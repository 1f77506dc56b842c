"""The worker process, `python -m webhook.worker`: takes turns, sends messages, fetches photos, drains the spool."""

import fcntl
import logging
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.exc import SQLAlchemyError

from cases.rulebook import load_rulebook
from core import inbox, intake, outbox
from core.clock import SharedClock, local_now
from core.config import Config, load_config
from core.db import Database, open_database, transaction
from core.log import configure
from core.scanner import scanner
from core.spool import Spool
from core.stopping import stop_event
from core.vault import Vault
from webhook.channels import build_channels, build_paces, build_tokens
from webhook.chores import Chores
from webhook.converse import Converser
from webhook.deliver import Deliverer, means_of
from webhook.download import host_rule
from webhook.exporter import Exporter
from webhook.media import MediaFetcher
from webhook.rasa_client import RasaClient
from webhook.typing import Typing

log = logging.getLogger(__name__)

IDLE = 0.1  # seconds between looks at an empty queue
ALIVE_EVERY = 5.0  # seconds
AFTER_ERROR = 1.0  # seconds
MEDIA_THREADS = 1
TOKENS_EVERY = 5.0  # seconds


@dataclass(frozen=True)
class Worker:
    """The loops of one process; `stop` ends each after the work it has in hand."""

    name: str
    database: Database
    converser: Converser
    deliverer: Deliverer
    fetcher: MediaFetcher
    chores: Chores
    spool: Spool
    stop: threading.Event
    wake: threading.Event
    clock: SharedClock
    keep_tokens: Callable[[], None] | None = None

    def run(self, turn_threads: int, send_threads: int, alive: Path) -> None:
        """Run until `stop` is set; returns when every thread has finished what it held."""
        self._release()
        loops = [(f"{self.name}/turn-{n}", self.converser.step) for n in range(turn_threads)]
        loops += [(f"{self.name}/send-{n}", self.deliverer.step) for n in range(send_threads)]
        loops += [(f"{self.name}/media-{n}", self.fetcher.step) for n in range(MEDIA_THREADS)]
        loops.append((f"{self.name}/chores", self.chores.step))
        threads = [threading.Thread(target=self._loop, args=loop, name=loop[0]) for loop in loops]
        threads.append(threading.Thread(target=self._look_after_tokens, name=f"{self.name}/tokens"))
        for thread in threads:
            thread.start()
        log.info("worker started", extra={"worker": self.name, "count": len(threads)})
        self._housekeeping(alive)
        for thread in threads:
            thread.join()
        log.info("worker stopped", extra={"worker": self.name})

    def _loop(self, name: str, step: Callable[[str], bool]) -> None:
        while not self.stop.is_set():
            try:
                busy = step(name)
            except SQLAlchemyError:
                log.exception("database away", extra={"worker": name})
                busy = False
                self.stop.wait(AFTER_ERROR)
            except Exception:
                # The work itself comes back when its lease runs out; the loop must live on for the others.
                log.exception("step failed", extra={"worker": name})
                self.stop.wait(AFTER_ERROR)
                continue
            if busy:
                self.wake.set()
            else:
                self.wake.wait(IDLE * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load, hides nothing
                self.wake.clear()

    def _look_after_tokens(self) -> None:
        """Also when nobody writes: a refresh token that is never used ends after three months."""
        while self.keep_tokens is not None and not self.stop.is_set():
            try:
                self.keep_tokens()
            except Exception:
                log.exception("tokens not kept", extra={"worker": self.name})
            self.stop.wait(TOKENS_EVERY)

    def _housekeeping(self, alive: Path) -> None:
        while not self.stop.is_set():
            try:
                alive.touch()
                self.clock.look()
                self._drain()
            except (SQLAlchemyError, OSError):
                log.exception("database away", extra={"worker": self.name})
            self.stop.wait(1.0 if not self.spool.is_empty() else ALIVE_EVERY)

    def _drain(self) -> None:
        count = intake.drain(self.spool, self.database, self.clock, self.converser.vault)
        if count:
            log.info("spool drained", extra={"worker": self.name, "count": count})

    def _release(self) -> None:
        """Take back at once what a predecessor of this name held when it was killed."""
        while not self.stop.is_set():
            try:
                self.clock.look()
                now = self.clock()
                with transaction(self.database) as session:
                    inbox.release(session, self.name, now)
                    outbox.release(session, self.name, now)
            except SQLAlchemyError:
                log.exception("database away", extra={"worker": self.name})
                time.sleep(AFTER_ERROR)
            else:
                return


def own_slot(folder: Path) -> tuple[str, BinaryIO]:
    """The first free worker name of this VAR_DIR, held by a file lock that dies with the process."""
    folder.mkdir(parents=True, exist_ok=True)
    node = _node(folder)
    for number in range(100):
        handle = (folder / f"worker-{number}.lock").open("ab")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            continue
        return f"{node}:{number}", handle
    raise RuntimeError("100 workers run on this machine already")


def _node(folder: Path) -> str:
    """What tells this VAR_DIR from every other: host names repeat, in containers above all."""
    path = folder / "node"
    try:
        with path.open("x") as file:
            file.write(f"{socket.gethostname()[:30]}-{secrets.token_hex(4)}")
    except FileExistsError:
        pass
    return path.read_text()


def build_worker(config: Config, name: str, stop: threading.Event) -> Worker:
    """Put the parts together from the settings; opens no connection yet."""
    database = open_database(config.database_url)
    vault = Vault(config.data_keys)
    rulebook = load_rulebook()
    tokens = build_tokens(config, database, vault, detached=True)
    channels = build_channels(config, database, vault, tokens=tokens)
    rasa = RasaClient(config.rasa_urls, config.rasa_timeout)
    clock = SharedClock(database)
    exporter = Exporter(database, rulebook, vault, config.var_dir / "exports", clock)
    return Worker(
        name=name,
        database=database,
        converser=Converser(
            database,
            rulebook,
            rasa,
            vault,
            clock,
            started=local_now(),
            silence=timedelta(minutes=config.silence_minutes),
            settle=timedelta(seconds=config.settle_seconds),
            privacy_link=f"{config.public_url}/privacy",
            outgoing=config.var_dir / "outgoing",
            typing=Typing(channels),
        ),
        deliverer=Deliverer(database, channels, clock, means_of(config, vault, rulebook.words), build_paces(config)),
        fetcher=MediaFetcher(database, config.var_dir / "media", host_rule(config), clock, scan=scanner(config.clamd)),
        chores=Chores(database, rulebook, exporter, clock, config.var_dir / "media"),
        spool=Spool(config.var_dir / "spool", vault),
        stop=stop,
        wake=threading.Event(),
        clock=clock,
        keep_tokens=tokens.keep if tokens is not None else None,
    )


def main() -> None:
    configure()
    config = load_config()
    stop = stop_event()
    run_folder = config.var_dir / "run"
    name, lock = own_slot(run_folder)
    with ExitStack() as stack:
        stack.enter_context(lock)
        worker = build_worker(config, name, stop)
        worker.run(config.turn_threads, config.send_threads, run_folder / f"worker-{name.rpartition(':')[2]}.alive")


if __name__ == "__main__":
    main()
