"""Events kept on disk while the database is away: appended by the gateway, drained by gateway and worker."""

import errno
import json
import logging
import os
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from core.events import InboundEvent
from core.vault import SealBrokenError, Vault

log = logging.getLogger(__name__)

WAITING = ".event"  # how the files end that wait to be drained
RESERVE = 64 * 1024 * 1024  # bytes left free for the database and the logs of this machine
ABANDONED = 600.0  # seconds after which a file that was never finished is nobody's: it was never acknowledged


class EventRefusedError(Exception):
    """The database will never take this event, however often it is asked; it waits for a person."""


class Spool:
    """A folder of encrypted files, each a group of events, named so that the oldest sorts first."""

    def __init__(self, folder: Path, vault: Vault, reserve: int = RESERVE) -> None:
        self._folder = folder
        self._vault = vault
        self._reserve = reserve
        folder.mkdir(parents=True, exist_ok=True)

    def is_empty(self) -> bool:
        """Asked before each group is stored: the first file that waits is answer enough, however many there are."""
        try:
            with os.scandir(self._folder) as files:
                return not any(file.name.endswith(WAITING) for file in files)
        except FileNotFoundError:  # the folder is gone: nothing can wait in it, and `append` will say so
            return True

    def size(self) -> int:
        """Number of events waiting on this machine."""
        return sum(int(name.removesuffix(WAITING).rpartition("-")[2]) for name in self._names(WAITING))

    def set_aside(self) -> int:
        """Number of files that could not be read or taken, and wait for a person."""
        return len(self._names(".bad"))

    def oldest(self) -> float | None:
        """When the oldest waiting group was written, in seconds since 1970; None when nothing waits."""
        first = min(self._names(WAITING), default=None)
        return None if first is None else int(first[:20]) / 1e9

    def _names(self, suffix: str) -> list[str]:
        try:
            return [name for name in os.listdir(self._folder) if name.endswith(suffix)]
        except FileNotFoundError:
            return []

    def has_room(self) -> bool:
        """Whether another event would be taken: the folder is there, and the disk is not nearly full."""
        try:
            return shutil.disk_usage(self._folder).free >= self._reserve
        except OSError:
            return False

    def append(self, *events: InboundEvent) -> None:
        """Keep events; returns only when all are on the disk. Raises OSError when the disk refuses."""
        if not self.has_room():
            raise OSError(errno.ENOSPC, "the disk is nearly full, or the folder of the spool is gone")
        self._write(WAITING, events)

    def drain(self, take: Callable[[Sequence[InboundEvent]], None]) -> int:
        """Hand every group, oldest first, to `take` (which stores it) and remove it; an exception of `take` ends it.

        Only EventRefusedError does not: then the events are tried one by one, and those refused again are set aside.
        """
        self._clear_abandoned()
        count = 0
        for name in sorted(self._names(WAITING)):
            path = self._folder / name
            events = self._read(path)
            if events is None:
                continue
            try:
                take(events)
            except EventRefusedError:
                self._take_singly(events, take)
            path.unlink(missing_ok=True)
            count += len(events)
        return count

    def _take_singly(self, events: Sequence[InboundEvent], take: Callable[[Sequence[InboundEvent]], None]) -> None:
        for event in events:
            try:
                take([event])
            except EventRefusedError as error:
                self._write(".bad", [event])
                extra = {"channel": event.channel, "error": type(error.__cause__).__name__, "outcome": "set_aside"}
                log.error("spooled event refused by the database", extra=extra)

    def _read(self, path: Path) -> Sequence[InboundEvent] | None:
        """None when another process has drained it, or nobody can read it."""
        try:
            return _events(self._vault.unseal(path.read_bytes()))
        except FileNotFoundError:  # taking it twice would be harmless as well
            return None
        except (SealBrokenError, ValueError, TypeError):
            # Set aside for a person: one unreadable file must not stop the messages behind it.
            path.rename(path.with_suffix(".bad"))
            log.error("spooled events unreadable", extra={"event": path.stem, "outcome": "set_aside"})
            return None

    def _write(self, suffix: str, events: Sequence[InboundEvent]) -> None:
        records = [{**asdict(event), "sent_at": event.sent_at.isoformat()} for event in events]
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}-{len(events)}"
        partial = self._folder / f"{name}.partial"
        try:
            with partial.open("wb") as file:
                file.write(self._vault.seal(json.dumps(records, ensure_ascii=False)))
                file.flush()
                os.fsync(file.fileno())
            partial.rename(self._folder / f"{name}{suffix}")
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        _sync_folder(self._folder)

    def _clear_abandoned(self) -> None:
        for name in self._names(".partial"):
            if time.time() - int(name[:20]) / 1e9 > ABANDONED:
                (self._folder / name).unlink(missing_ok=True)


def _events(records: str) -> Sequence[InboundEvent]:
    found = []
    for values in json.loads(records):
        values["sent_at"] = datetime.fromisoformat(values["sent_at"])
        values["attachments"] = tuple(values["attachments"])
        found.append(InboundEvent(**values))
    return found


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
