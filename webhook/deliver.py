"""Sends one message of the outbox through its channel and records what became of it; called by the worker's threads."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cases.service import note_undelivered
from core import outbox
from core.db import Database, transaction
from core.inbox import LeaseLostError
from webhook.channels.base import Button, Channel, ChannelError, Outgoing

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Deliverer:
    """Takes messages, one call of `step` each; the first unsent one of a conversation goes first."""

    database: Database
    channels: Mapping[str, Channel]
    clock: Callable[[], datetime]

    def step(self, worker: str) -> bool:
        """Send one message; False when there was none."""
        claimed = self._claim(worker)
        if claimed is None:
            return False
        outbound_id, channel, outgoing = claimed
        try:
            if channel is None:
                self._failed(outbound_id, worker, "channel_not_configured", retry=True)
            else:
                self._send(outbound_id, worker, channel, outgoing)
        except LeaseLostError:
            log.warning("lease lost", extra={"outbound_id": outbound_id, "outcome": "lease_lost"})
        return True

    def _claim(self, worker: str) -> tuple[int, Channel | None, Outgoing] | None:
        with transaction(self.database) as session:
            row = outbox.claim(session, worker, self.clock())
            if row is None:
                return None
            conversation = row.conversation
            outgoing = Outgoing(
                user_id=conversation.user_id,
                text=row.text,
                buttons=tuple(Button(button["title"], button["payload"]) for button in row.buttons),
                author=row.author,
                last_inbound_at=conversation.last_inbound_at,
                key=row.key,
            )
            return row.id, self.channels.get(conversation.channel), outgoing

    def _send(self, outbound_id: int, worker: str, channel: Channel, outgoing: Outgoing) -> None:
        try:
            external_id = channel.send(outgoing)
        except ChannelError as error:
            self._failed(outbound_id, worker, error.code, retry=error.retry)
            return
        except Exception:
            # Ours, not the platform's: said in the log, and tried again with growing waits like any other failure.
            log.exception("sending broke", extra={"outbound_id": outbound_id})
            self._failed(outbound_id, worker, "unexpected", retry=True)
            return
        now = self.clock()
        with transaction(self.database) as session:
            outbox.sent(outbox.held(session, outbound_id, worker), external_id, now)
        log.info("message sent", extra={"outbound_id": outbound_id, "channel": channel.name, "outcome": "sent"})

    def _failed(self, outbound_id: int, worker: str, code: str, *, retry: bool) -> None:
        now = self.clock()
        with transaction(self.database) as session:
            row = outbox.held(session, outbound_id, worker)
            alive = retry and outbox.retry(row, code, now)
            if not alive:
                outbox.dead(row, code)
                note_undelivered(session, row, now)
        outcome = "retry" if alive else "dead"
        log.warning("message not sent", extra={"outbound_id": outbound_id, "reason": code, "outcome": outcome})
