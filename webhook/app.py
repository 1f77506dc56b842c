"""The gateway, `gunicorn "webhook.app:application()"`: raw bytes -> verify -> parse -> one transaction -> 200."""

import logging
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from flask import Flask, Response, abort, request, send_from_directory
from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from core import inbox
from core.config import Config, load_config
from core.db import Database, open_database, reading, transaction
from core.inbox import InboundEvent
from core.log import configure
from core.model import Conversation
from core.spool import Spool
from core.vault import SealBrokenError, Vault
from webhook.channels import build_channels, utc_now
from webhook.channels.base import Channel, Parsed
from webhook.channels.body import MAX_BODY

log = logging.getLogger(__name__)

CHUNK = 64 * 1024
MOST_DISCARDED = 16 * MAX_BODY
DRAINED_PER_REQUEST = 20  # Zalo waits two seconds; the worker drains the rest
VERIFIER = re.compile(r"zalo_verifier[A-Za-z0-9_-]{0,200}\.html")
# ProgrammingError: the tables are not migrated yet. OSError: the folder of an SQLite file is gone.
DATABASE_AWAY = (OperationalError, InterfaceError, InternalError, ProgrammingError, PoolTimeoutError, OSError)


class EnoughDrainedError(Exception):
    """This request has done its share of the spool; the rest follows. Nothing is lost."""


@dataclass(frozen=True)
class Gateway:
    """Takes what platforms deliver and lets go of it only when it is stored: in the database, or on the disk."""

    database: Database
    channels: Mapping[str, Channel]
    spool: Spool
    clock: Callable[[], datetime]
    draining: threading.Lock = field(default_factory=threading.Lock)

    def receive(self, channel: Channel, raw: bytes | None, headers: Mapping[str, str]) -> int:
        """The HTTP status for one delivery; `raw` is None for a body above the limit."""
        if raw is None:
            log.warning("webhook too large", extra={"channel": channel.name, "outcome": "refused"})
            return channel.too_large_status
        if not channel.verify(raw, headers):
            log.warning("webhook not signed by the platform", extra={"channel": channel.name, "outcome": "refused"})
            return channel.refusal_status
        parsed = channel.parse(raw)
        _log_ignored(channel, parsed)
        if not parsed.events:
            return parsed.status
        # In one order for all, so that two batches with the same citizens never wait for each other.
        return self._keep(channel, sorted(parsed.events, key=lambda event: event.user_id), parsed.status)

    def _keep(self, channel: Channel, events: list[InboundEvent], status: int) -> int:
        try:
            outcome = "stored" if self._store(events) else self._spool(events)
        except OSError:
            # Neither database nor disk: the platform has to bring it again.
            log.exception("event not kept", extra={"channel": channel.name, "outcome": "not_kept"})
            return 503
        log.info("events kept", extra={"channel": channel.name, "count": len(events), "outcome": outcome})
        return status

    def _store(self, events: list[InboundEvent]) -> bool:
        """False when the database is away or others still wait on the disk: then these go behind them."""
        if not self.spool.is_empty():
            return False
        now = self.clock()
        try:
            with transaction(self.database) as session:
                for event in events:
                    inbox.accept(session, event, now)
        except DATABASE_AWAY as error:
            log.warning("database away", extra={"error": type(error).__name__})
            return False
        return True

    def _spool(self, events: list[InboundEvent]) -> str:
        for event in events:
            self.spool.append(event)
        if self.draining.acquire(blocking=False):
            try:
                self._drain()
            finally:
                self.draining.release()
        return "spooled"

    def _drain(self) -> None:
        """Bring a few spooled events into the database; never an error, since all of them are safe on the disk."""
        budget = iter(range(DRAINED_PER_REQUEST))

        def take(event: InboundEvent) -> None:
            if next(budget, None) is None:
                raise EnoughDrainedError
            with transaction(self.database) as session:
                inbox.accept(session, event, self.clock())

        try:
            self.spool.drain(take)
        except EnoughDrainedError:
            return
        except (SQLAlchemyError, OSError, SealBrokenError) as error:
            log.warning("spool not drained", extra={"error": type(error).__name__})

    def is_ready(self) -> bool:
        """Whether the database answers and has its tables."""
        try:
            with reading(self.database) as session:
                session.scalars(select(Conversation.id).limit(1)).first()
        except (SQLAlchemyError, OSError):
            return False
        return True


def create_app(
    config: Config,
    database: Database,
    channels: Mapping[str, Channel],
    spool: Spool,
    clock: Callable[[], datetime] = utc_now,
) -> Flask:
    """The public routes of the gateway over parts that are already built."""
    app = Flask(__name__, static_folder=None)
    gateway = Gateway(database, channels, spool, clock)
    verify_folder = (config.var_dir / "verify").resolve()

    @app.post("/webhooks/<name>")
    def receive(name: str) -> Response:
        channel = _known(gateway, name)
        return _plain("", gateway.receive(channel, _read_body(), dict(request.headers)))

    @app.get("/webhooks/<name>")
    def challenge(name: str) -> Response:
        answer = _known(gateway, name).challenge(request.args)
        return _plain("", 403) if answer is None else _plain(answer, 200)

    @app.get("/healthz")
    def healthz() -> Response:
        return _plain("ok", 200)

    @app.get("/readyz")
    def readyz() -> Response:
        return _plain("ok", 200) if gateway.is_ready() else _plain("database away", 503)

    @app.get("/<name>")
    def verifier(name: str) -> Response:
        return _verifier_file(verify_folder, name)

    app.register_error_handler(Exception, _unexpected)
    return app


def application() -> Flask:
    """What gunicorn serves, from the settings."""
    configure()
    config = load_config()
    database = open_database(config.database_url)
    vault = Vault(config.data_keys)
    channels = build_channels(config, database, vault)
    return create_app(config, database, channels, Spool(config.var_dir / "spool", vault))


def _known(gateway: Gateway, name: str) -> Channel:
    channel = gateway.channels.get(name)
    if channel is None:
        abort(404)
    return channel


def _read_body() -> bytes | None:
    """The body exactly as sent; None above the limit, read to its end so that the sender gets to see our answer."""
    kept = bytearray()
    total = 0
    while total <= MOST_DISCARDED and (chunk := request.stream.read(CHUNK)):
        total += len(chunk)
        if total <= MAX_BODY:
            kept += chunk
    return bytes(kept) if total <= MAX_BODY else None


def _verifier_file(folder: Path, name: str) -> Response:
    """The file by which Zalo checks that the domain is ours; nothing else of the folder is served."""
    if not VERIFIER.fullmatch(name):
        abort(404)
    return send_from_directory(folder, name)


def _log_ignored(channel: Channel, parsed: Parsed) -> None:
    for reason, count in Counter(parsed.ignored).items():
        log.info("event ignored", extra={"channel": channel.name, "reason": reason, "count": count})


def _unexpected(error: Exception) -> Response | HTTPException:
    """Neutral answer; 503 because the platform should bring the event again."""
    if isinstance(error, HTTPException):
        return error
    log.error("webhook failed", exc_info=error, extra={"outcome": "failed"})
    return _plain("", 503)


def _plain(text: str, status: int) -> Response:
    return Response(text, status, mimetype="text/plain")
