"""Joins the parts: what citizens do becomes signed webhooks, what the page sends becomes messages; used by `api`."""

import secrets
import threading
import time
from collections import OrderedDict
from functools import partial
from typing import Any

from simulator import messenger_events, zalo_events
from simulator.catalogue import Catalogue
from simulator.citizen import CitizenAction
from simulator.delivery import Delivery, Parcel
from simulator.disk import StateFile
from simulator.faults import Faults
from simulator.media import Media
from simulator.sent import SentLog
from simulator.settings import Settings
from simulator.signing import messenger_body, messenger_signature, zalo_body, zalo_signature
from simulator.store import Content, Conversation, Message, Store
from simulator.tokens import ZaloTokens

CHANNELS = ("zalo", "messenger")
MAX_BODIES = 5000
MAX_CONTACTS = 2000
CONTACT_STEP = 60_000


class World:
    """Both platforms, their people and their clock."""

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        self.settings = settings
        self.disk = StateFile(settings.var_dir / "simulator.json")
        self.store = Store(catalogue.people)
        self.tokens = ZaloTokens(settings, self.disk, self.now)
        self.media = Media(settings.public_url)
        self.faults = Faults()
        self.sent = SentLog()
        self.delivery = Delivery(settings)
        self._ahead = 0
        self._lock = threading.Lock()
        self._contacts: dict[str, int] = dict(self.disk.get("contacts", {}))
        self._bodies: OrderedDict[tuple[str, str, str], tuple[bytes, str]] = OrderedDict()

    def now(self) -> int:
        """Milliseconds since 1970 by the simulator's clock."""
        return time.time_ns() // 1_000_000 + self._ahead

    def advance(self, seconds: float) -> None:
        """Moves the simulator's clock, to close messaging windows without waiting."""
        self._ahead += int(seconds * 1000)

    def reset(self, *, tokens: bool) -> None:
        """Forgets conversations, calls and faults and sets the clock right; also the token line when asked."""
        self.store.clear()
        self.sent.clear()
        self.faults.clear()
        self._ahead = 0
        with self._lock:
            self._contacts = {}
            self._bodies.clear()
            self.disk.put("contacts", {})
        if tokens:
            self.tokens.restart()

    def new_message_id(self, channel: str) -> str:
        """An id in the platform's own form."""
        return secrets.token_hex(10) if channel == "zalo" else f"m_{secrets.token_urlsafe(64)}"

    def act(self, channel: str, user: str, action: CitizenAction) -> Parcel:
        """Shows what the citizen did and sends its webhook; the id must be new (see `repeat`)."""
        self._note_contact(channel, user)
        body = self._body(channel, user, action)
        with self._lock:
            self._bodies[channel, user, action.message_id] = body, str(action.timestamp)
            while len(self._bodies) > MAX_BODIES:
                self._bodies.popitem(last=False)
        conversation = self.store.open(channel, user)
        return self._post(conversation, self._show(conversation, action), body, str(action.timestamp))

    def repeat(self, channel: str, user: str, message_id: str) -> Parcel | None:
        """Sends a citizen's earlier webhook again, byte for byte; None when there was none."""
        conversation = self.store.open(channel, user)
        message = self.store.by_id(conversation, message_id)
        with self._lock:
            known = self._bodies.get((channel, user, message_id))
        return self._post(conversation, message, *known) if message and known else None

    def raw(self, channel: str, body: bytes, timestamp: str, *, tampered: bool) -> Parcel:
        """Sends any bytes as a webhook, signed, or with a signature that does not fit."""
        parcel = self._parcel(channel, body, f"{channel}:raw", timestamp)
        if tampered:
            parcel.body += b" "
        self.delivery.submit(parcel)
        return parcel

    def page_wrote(self, channel: str, user: str, content: Content, metadata: str = "") -> str:
        """Shows a message of the page, sends echo and receipts as the platform does; returns the message id."""
        conversation = self.store.open(channel, user)
        message_id, now = self.new_message_id(channel), self.now()
        self.store.receipt(conversation, "seen")
        self.store.add(conversation, "page", content, message_id, now)
        for event in self._consequences(channel, user, content, message_id, now, metadata):
            body = zalo_body(event) if channel == "zalo" else messenger_body(event)
            self.delivery.submit(self._parcel(channel, body, f"{channel}:{user}:receipts", str(now)))
        return message_id

    def last_contact(self, channel: str, user: str) -> int | None:
        """When the citizen last did something (milliseconds), or None when never."""
        return self._contacts.get(f"{channel}:{user}")

    def _post(self, conversation: Conversation, message: Message, body: bytes, timestamp: str) -> Parcel:
        lane = f"{conversation.channel}:{conversation.user}"
        parcel = self._parcel(conversation.channel, body, lane, timestamp)
        parcel.report = partial(self.store.progress, conversation, message)
        self.delivery.submit(parcel)
        return parcel

    def _note_contact(self, channel: str, user: str) -> None:
        with self._lock:
            key, now = f"{channel}:{user}", self.now()
            before = self._contacts.pop(key, None)
            self._contacts[key] = now
            if len(self._contacts) > MAX_CONTACTS:
                del self._contacts[next(iter(self._contacts))]
            if before is None or now // CONTACT_STEP != before // CONTACT_STEP:
                self.disk.put("contacts", dict(self._contacts))

    def _show(self, conversation: Conversation, action: CitizenAction) -> Message:
        if action.kind in ("follow", "unfollow"):
            conversation.following = action.kind == "follow"
        shown = action.payload if action.button == "query_show" else action.text
        content = Content(
            kind=action.button if action.kind == "tap" else action.kind,
            text=shown,
            images=(action.image,) if action.image else (),
            location=action.location,
        )
        return self.store.add(conversation, "citizen", content, action.message_id, action.timestamp)

    def _body(self, channel: str, user: str, action: CitizenAction) -> bytes:
        if channel == "zalo":
            return zalo_body(zalo_events.from_citizen(self.settings, user, action))
        return messenger_body(messenger_events.from_citizen(self.settings, user, action))

    def _consequences(
        self, channel: str, user: str, content: Content, message_id: str, now: int, metadata: str
    ) -> list[dict[str, Any]]:
        settings = self.settings
        if channel == "zalo":
            echo = zalo_events.echo(settings, user, content, message_id, now)
            receipts = [
                zalo_events.received(settings, user, message_id, now),
                zalo_events.seen(settings, user, [message_id], now),
            ]
        else:
            echo = messenger_events.echo(settings, user, content, message_id, now, metadata)
            receipts = [
                messenger_events.delivered(settings, user, message_id, now),
                messenger_events.read(settings, user, now),
            ]
        return ([echo] if settings.echoes else []) + (receipts if settings.receipts else [])

    def _parcel(self, channel: str, body: bytes, lane: str, timestamp: str) -> Parcel:
        settings = self.settings
        if channel == "zalo":
            mac = zalo_signature(settings.zalo_app_id, body, timestamp, settings.zalo_oa_secret_keys[0])
            headers = {"X-ZEvent-Signature": mac, "X-ZEvent-Server": "OA OpenAPI", "User-Agent": "ZaloWebhook"}
        else:
            signature = messenger_signature(body, settings.messenger_app_secrets[0])
            headers = {"X-Hub-Signature-256": signature, "User-Agent": "facebookexternalua"}
        headers["Content-Type"] = "application/json"
        return Parcel(lane, f"/webhooks/{channel}", body, headers, _nobody_listens)


def _nobody_listens(state: str, status: int | None) -> None:
    """Receipts and raw webhooks have no message on the screen whose state could change."""
