"""Fetches an attachment, makes it safe and keeps it under VAR_DIR/media; called by the worker's threads."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from core import attachments
from core.content import Content, PictureError, recognise
from core.db import Database, transaction
from core.inbox import LeaseLostError
from core.scanner import Scanner, ScannerAwayError
from webhook.download import DownloadError, HostRule, Limits, download

log = logging.getLogger(__name__)

THUMBNAIL = ".thumb"  # after the name of its picture


@dataclass(frozen=True)
class Claimed:
    """What a claim says, for use while no session is open."""

    id: int
    inbound_id: int
    attempt: int
    kind: str
    name: str
    url: str = field(repr=False)


@dataclass(frozen=True)
class MediaFetcher:
    """Takes attachments, one call of `step` each."""

    database: Database
    folder: Path
    hosts: HostRule
    clock: Callable[[], datetime]
    limits: Limits = field(default_factory=Limits)
    scan: Scanner | None = None

    def step(self, worker: str) -> bool:
        """Fetch one attachment; False when there was none."""
        claimed = self._claim()
        if claimed is None:
            return False
        try:
            self._fetch(claimed)
        except LeaseLostError:
            extra = {"inbound_id": claimed.inbound_id, "worker": worker, "outcome": "lease_lost"}
            log.warning("lease lost", extra=extra)
        return True

    def _claim(self) -> Claimed | None:
        with transaction(self.database) as session:
            row = attachments.claim(session, self.clock())
            if row is None:
                return None
            return Claimed(row.id, row.inbound_id, row.attempts, row.kind, row.stored_name or "", row.url)

    def _fetch(self, claimed: Claimed) -> None:
        if claimed.attempt > attachments.MAX_ATTEMPTS:  # each of them was killed: perhaps it is this file that kills
            self._failed(claimed, "interrupted", retry=False)
            return
        try:
            data = download(claimed.url, self.hosts, self.limits)
            if self.scan is not None and self.scan(data) != "clean":
                self._failed(claimed, "malware", retry=False)
                return
            content = recognise(data, claimed.kind)
        except (DownloadError, PictureError) as error:
            self._failed(claimed, error.code, retry=error.retry)
        except ScannerAwayError:
            self._postpone(claimed, "scanner_away")
        else:
            self._keep_or_postpone(claimed, content)

    def _keep_or_postpone(self, claimed: Claimed, content: Content) -> None:
        try:
            self._keep(claimed, content)
        except OSError:
            self._postpone(claimed, "disk_refuses")

    def _postpone(self, claimed: Claimed, code: str) -> None:
        """What we lack is no reason to give a citizen's photo up."""
        now = self.clock()
        with transaction(self.database) as session:
            attachments.postpone(attachments.held(session, claimed.id, claimed.attempt), code, now)
        extra = {"inbound_id": claimed.inbound_id, "reason": code, "outcome": "postponed"}
        log.error("attachment not kept", extra=extra)

    def _keep(self, claimed: Claimed, content: Content) -> None:
        """Put the file in its place under the lock of its row: who lost the row leaves nothing behind."""
        self._clear_parts(claimed)
        try:
            self._write(self._part(claimed, claimed.attempt), content.data)
            if content.thumbnail is not None:
                self._write(self._part(claimed, claimed.attempt, THUMBNAIL), content.thumbnail)
            with transaction(self.database) as session:
                row = attachments.held(session, claimed.id, claimed.attempt)
                self._publish(claimed, content)
                attachments.stored(row, content.mime, len(content.data), content.fingerprint)
        finally:
            self._clear_parts(claimed)
        log.info("attachment stored", extra={"inbound_id": claimed.inbound_id, "outcome": "stored"})

    def _publish(self, claimed: Claimed, content: Content) -> None:
        place = self.folder / claimed.name
        thumbnail = place.with_name(claimed.name + THUMBNAIL)
        if content.thumbnail is None:
            thumbnail.unlink(missing_ok=True)
        else:
            self._part(claimed, claimed.attempt, THUMBNAIL).replace(thumbnail)
        self._part(claimed, claimed.attempt).replace(place)
        handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)  # the row must not outlive the name of its file
        finally:
            os.close(handle)

    def _failed(self, claimed: Claimed, code: str, *, retry: bool) -> None:
        now = self.clock()
        self._clear_parts(claimed)
        with transaction(self.database) as session:
            row = attachments.held(session, claimed.id, claimed.attempt)
            alive = retry and attachments.retry(row, code, now)
            if not alive:
                attachments.failed(row, code)
                self._erase(claimed)
        extra = {"inbound_id": claimed.inbound_id, "reason": code, "outcome": "retry" if alive else "failed"}
        log.warning("attachment not fetched", extra=extra)

    def _write(self, path: Path, data: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def _erase(self, claimed: Claimed) -> None:
        """Remove what an attempt that was killed before its row was written had put in place."""
        for suffix in ("", THUMBNAIL):
            (self.folder / (claimed.name + suffix)).unlink(missing_ok=True)

    def _clear_parts(self, claimed: Claimed) -> None:
        """Remove what this attempt and killed ones before it left half done."""
        for attempt in range(1, claimed.attempt + 1):
            for suffix in ("", THUMBNAIL):
                self._part(claimed, attempt, suffix).unlink(missing_ok=True)

    def _part(self, claimed: Claimed, attempt: int, suffix: str = "") -> Path:
        return self.folder / f"{claimed.name}{suffix}.{attempt}.part"
