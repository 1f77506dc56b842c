"""Events kept on disk while the database is away: appended by the gateway, drained by gateway and worker."""

import json
import logging
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from core.inbox import InboundEvent
from core.vault import SealBrokenError, Vault

log = logging.getLogger(__name__)


class Spool:
    """A folder with one encrypted file an event, named so that the oldest sorts first."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._folder = folder
        self._vault = vault
        folder.mkdir(parents=True, exist_ok=True)

    def is_empty(self) -> bool:
        return next(self._folder.glob("*.event"), None) is None

    def size(self) -> int:
        """Number of events waiting on this machine."""
        return sum(1 for _ in self._folder.glob("*.event"))

    def append(self, event: InboundEvent) -> None:
        """Keep an event; returns only when it is on the disk. Raises OSError when the disk refuses."""
        record = json.dumps({**asdict(event), "sent_at": event.sent_at.isoformat()}, ensure_ascii=False)
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        partial, final = self._folder / f"{name}.partial", self._folder / f"{name}.event"
        with partial.open("wb") as file:
            file.write(self._vault.seal(record))
            file.flush()
            os.fsync(file.fileno())
        partial.rename(final)
        _sync_folder(self._folder)

    def drain(self, take: Callable[[InboundEvent], None]) -> int:
        """Hand every event, oldest first, to `take` (which stores it) and remove it; an exception of `take` ends it."""
        count = 0
        for path in sorted(self._folder.glob("*.event")):
            try:
                sealed = path.read_bytes()
            except FileNotFoundError:  # another process drained it: taking twice would be harmless as well
                continue
            try:
                event = _event(self._vault.unseal(sealed))
            except (SealBrokenError, ValueError, TypeError):
                # Set aside for a person: one unreadable file must not stop the messages behind it.
                path.rename(path.with_suffix(".bad"))
                log.error("spooled event unreadable", extra={"event": path.stem, "outcome": "set_aside"})
                continue
            take(event)
            path.unlink(missing_ok=True)
            count += 1
        return count


def _event(record: str) -> InboundEvent:
    values = json.loads(record)
    values["sent_at"] = datetime.fromisoformat(values["sent_at"])
    values["attachments"] = tuple(values["attachments"])
    return InboundEvent(**values)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
