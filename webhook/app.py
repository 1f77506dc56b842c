"""The gateway, `gunicorn "webhook.app:application()"`: raw bytes -> verify -> parse -> one transaction -> 200."""

import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flask import Flask, Response, abort, request, send_from_directory
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from core import metrics
from core.clock import local_now
from core.config import Config, load_config
from core.db import Database, open_database, reading
from core.events import InboundEvent
from core.intake import Intake
from core.log import configure
from core.model import Conversation
from core.spool import Spool
from core.vault import Vault
from webhook.channels import build_channels
from webhook.channels.base import Channel, Parsed
from webhook.channels.body import MAX_BODY
from webhook.recorder import Recorder

log = logging.getLogger(__name__)

CHUNK = 64 * 1024
STATEMENT_SECONDS = 5  # then the events are on the disk already
MOST_DISCARDED = 16 * MAX_BODY
VERIFIER = re.compile(r"zalo_verifier[A-Za-z0-9_-]{0,200}\.html")


@dataclass(frozen=True)
class Gateway:
    """Takes what platforms deliver and lets go of it only when it is stored: in the database, or on the disk."""

    database: Database
    channels: Mapping[str, Channel]
    spool: Spool
    intake: Intake
    recorder: Recorder | None = None

    def receive(self, channel: Channel, raw: bytes | None, headers: Mapping[str, str]) -> int:
        """The HTTP status for one delivery; `raw` is None for a body above the limit."""
        if raw is None:
            log.warning("webhook too large", extra={"channel": channel.name, "outcome": "refused"})
            return channel.too_large_status
        if not channel.verify(raw, headers):
            log.warning("webhook not signed by the platform", extra={"channel": channel.name, "outcome": "refused"})
            return channel.refusal_status
        if self.recorder is not None:
            self.recorder.record(channel.name, raw)
        parsed = channel.parse(raw)
        _log_ignored(channel, parsed)
        if not parsed.events:
            return parsed.status
        return self._keep(channel, parsed.events, parsed.status)

    def _keep(self, channel: Channel, events: Sequence[InboundEvent], status: int) -> int:
        try:
            outcome = self.intake.keep(events)
        except OSError:
            # Neither database nor disk: the platform has to bring it again.
            log.exception("event not kept", extra={"channel": channel.name, "outcome": "not_kept"})
            return 503
        metrics.KEPT.labels(outcome).inc(len(events))
        log.info("events kept", extra={"channel": channel.name, "count": len(events), "outcome": outcome})
        return status

    def not_ready(self) -> str:
        """Why messages would not be taken or not be answered just now; empty when all is well."""
        if not self.spool.has_room():
            return "disk full"
        return "" if self._has_database() else "database away"

    def _has_database(self) -> bool:
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
    clock: Callable[[], datetime] = local_now,
) -> Flask:
    """The public routes of the gateway over parts that are already built."""
    app = Flask(__name__, static_folder=None)
    recorder = None if config.record_file is None else Recorder(config.record_file, config)
    intake = Intake(database, spool, clock, Vault(config.data_keys))
    gateway = Gateway(database, channels, spool, intake, recorder)
    verify_folder = (config.var_dir / "verify").resolve()

    @app.post("/webhooks/<name>")
    def receive(name: str) -> Response:
        began, channel = time.perf_counter(), _known(gateway, name)
        status = gateway.receive(channel, _read_body(), dict(request.headers))
        metrics.ACKNOWLEDGED.labels(channel.name, status).observe(time.perf_counter() - began)
        return _plain("", status)

    @app.get("/webhooks/<name>")
    def challenge(name: str) -> Response:
        answer = _known(gateway, name).challenge(request.args)
        return _plain("", 403) if answer is None else _plain(answer, 200)

    @app.get("/healthz")
    def healthz() -> Response:
        return _plain("ok", 200)

    @app.get("/readyz")
    def readyz() -> Response:
        reason = gateway.not_ready()
        return _plain(reason, 503) if reason else _plain("ok", 200)

    @app.get("/<name>")
    def verifier(name: str) -> Response:
        return _verifier_file(verify_folder, name)

    app.register_error_handler(Exception, _unexpected)
    return app


def application() -> Flask:
    """What gunicorn serves, from the settings."""
    configure()
    config = load_config()
    database = open_database(config.database_url, STATEMENT_SECONDS)
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
