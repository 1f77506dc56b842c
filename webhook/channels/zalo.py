"""Zalo Official Account: events of the OA webhook in, consultation messages (message API v3.0) out.

    {"app_id":"…","sender":{"id":"<user>"},"recipient":{"id":"<oa>"},"event_name":"user_send_text",
     "message":{"text":"…","msg_id":"…"},"timestamp":"1795392000000"}

A tapped button arrives as plain text equal to its payload. Errors of sending come with HTTP 200.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from core.config import ZaloConfig
from core.inbox import InboundEvent
from webhook.channels.base import (
    Button,
    Channel,
    ChannelBusy,
    ChannelError,
    ChannelMisconfigured,
    ChannelUnavailable,
    MessageRefused,
    Outgoing,
    Parsed,
    RecipientUnreachable,
    TokenRejected,
)
from webhook.channels.body import (
    as_dict,
    as_list,
    external_id,
    header,
    identifier,
    kind_of,
    load_object,
    media,
    moment,
    pin,
    reason,
    text_of,
)
from webhook.channels.http import Answer, Http, status_error
from webhook.channels.parts import numbered, split
from webhook.channels.zalo_token import TokenStore

SEND_PATH = "/v3.0/oa/message/cs"
TEXT_LIMIT = 1900  # the platform takes 2000, counted in a way it does not tell
MAX_BUTTONS, MAX_TITLE, MAX_PAYLOAD = 5, 100, 1000
MAX_ATTACHMENTS = 30

MESSAGES = {f"user_send_{name}" for name in ("text", "image", "gif", "audio", "video", "file", "sticker", "location")}
SHARED = {"user_send_link", "user_send_business_card"}
STARTS = {"follow", "user_click_chatnow"}
MEDIA = {"image": "image", "gif": "image", "audio": "audio", "video": "video", "file": "file"}

# Codes of the page "ma-loi"; any other one means that this message will never be taken.
ERRORS: Mapping[type[ChannelError], frozenset[int]] = {
    TokenRejected: frozenset({-216, -220, -124}),
    ChannelBusy: frozenset({-32, -218, -234}),
    ChannelUnavailable: frozenset({-200}),
    RecipientUnreachable: frozenset({-213, -227, -230, -232, -244}),
    ChannelMisconfigured: frozenset(
        {-204, -205, -209, -211, -212, -219, -221, -223, -224, -240, -242, -248, -320, -321}
    ),
}
NO_BUTTONS_HERE = {"zalo_-201", "zalo_-233"}  # seen for buttons where the account may not use them


class ZaloChannel(Channel):
    """One official account; answers 200 to everything, because the console refuses to save any other address."""

    name = "zalo"
    refusal_status = 200
    too_large_status = 200

    def __init__(self, config: ZaloConfig, tokens: TokenStore, http: Http, clock: Callable[[], datetime]) -> None:
        self._config = config
        self._tokens = tokens
        self._http = http
        self._clock = clock

    def challenge(self, args: Mapping[str, str]) -> str | None:
        """Zalo has no GET handshake."""
        return None

    def verify(self, raw: bytes, headers: Mapping[str, str]) -> bool:
        """SHA-256 over app id, body as received, its timestamp and the OA secret key (plain, not HMAC)."""
        given = header(headers, "X-ZEvent-Signature")
        if given[:4].lower() == b"mac=":
            given = given[4:].strip()
        body = load_object(raw) if len(given) == 64 else None
        if body is None or identifier(body.get("app_id")) != self._config.app_id:
            return False
        stamp = identifier(body.get("timestamp")) or ""
        signed = self._config.app_id.encode() + raw + stamp.encode()
        wanted = [hashlib.sha256(signed + key.encode()).hexdigest() for key in self._config.oa_secret_keys]
        return any(hmac.compare_digest(given.lower(), mac.encode()) for mac in wanted)

    def parse(self, raw: bytes) -> Parsed:
        """One body is one event; only what a citizen does with the account itself is taken."""
        body = load_object(raw)
        if body is None:
            return Parsed(ignored=("not_json",))
        event = self._event(body, str(body.get("event_name") or ""))
        return Parsed(ignored=(event,)) if isinstance(event, str) else Parsed(events=(event,))

    def _event(self, body: dict[str, Any], name: str) -> InboundEvent | str:
        """The event, or the reason why it is none."""
        if name.startswith("anonymous_send_"):
            return "anonymous"
        if name not in MESSAGES | SHARED | STARTS | {"user_submit_info", "user_withdraw"}:
            return reason(name)
        user = _user(body)
        if user is None:
            return "no_user"
        if user == self._config.oa_id:
            return "own_message"
        if name in MESSAGES | SHARED:
            return self._message(body, name, user)
        if name in STARTS:
            return self._inbound(body, name, user, "start")
        if name == "user_submit_info":
            info = json.dumps(as_dict(body.get("info")), ensure_ascii=False)
            return self._inbound(body, name, user, "other", payload=text_of(info))
        return self._inbound(body, name, user, "other", payload=name)

    def _message(self, body: dict[str, Any], name: str, user: str) -> InboundEvent | str:
        message = as_dict(body.get("message"))
        text = text_of(message.get("text"))
        attachments = [as_dict(item) for item in as_list(message.get("attachments"))[:MAX_ATTACHMENTS]]
        if name in SHARED:
            return self._inbound(body, name, user, "other", text=text)
        place = _place(attachments) if name == "user_send_location" else None
        if name == "user_send_location" and place is None and not text.strip():
            return "bad_location"
        files = tuple(found for item in attachments if (found := _file(item)) is not None)
        text = text or next(filter(None, map(_caption, attachments)), "")
        kind = kind_of(text, files, place, name == "user_send_sticker")
        return self._inbound(body, name, user, kind, text=text, attachments=files, location=place)

    def _inbound(self, body: dict[str, Any], name: str, user: str, kind: str, **values: Any) -> InboundEvent:
        stamp, message = body.get("timestamp"), as_dict(body.get("message"))
        return InboundEvent(
            channel=self.name,
            external_id=external_id(message.get("msg_id"), name, user, self._config.oa_id, stamp, message),
            user_id=user,
            kind=kind,
            sent_at=moment(stamp, self._clock()),
            **values,
        )

    def send(self, outgoing: Outgoing) -> str | None:
        """Buttons go as a template on the last part; where they cannot, as lines to be answered by number."""
        fits = len(outgoing.buttons) <= MAX_BUTTONS and all(map(_is_showable, outgoing.buttons))
        text = outgoing.text if fits else numbered(outgoing.text, outgoing.buttons)
        parts = split(text, TEXT_LIMIT)
        if not parts:
            raise MessageRefused("empty_text")
        for part in parts[:-1]:
            self._post(outgoing.user_id, {"text": part})
        if not (fits and outgoing.buttons):
            return self._post(outgoing.user_id, {"text": parts[-1]})
        return self._send_buttons(outgoing, parts[-1])

    def _send_buttons(self, outgoing: Outgoing, text: str) -> str | None:
        buttons = [{"title": b.title, "type": "oa.query.hide", "payload": b.payload} for b in outgoing.buttons]
        message = {"text": text, "attachment": {"type": "template", "payload": {"buttons": buttons}}}
        try:
            return self._post(outgoing.user_id, message)
        except MessageRefused as error:
            if error.code not in NO_BUTTONS_HERE:
                raise
        sent = [self._post(outgoing.user_id, {"text": p}) for p in split(numbered(text, outgoing.buttons), TEXT_LIMIT)]
        return sent[-1]

    def _post(self, user_id: str, message: dict[str, Any]) -> str | None:
        """One call; a rejected access token is renewed and tried once more."""
        token = self._tokens.current()
        try:
            return self._call(user_id, message, token)
        except TokenRejected:
            self._tokens.reject(token)
        return self._call(user_id, message, self._tokens.current())

    def _call(self, user_id: str, message: dict[str, Any], token: str) -> str | None:
        content = {"recipient": {"user_id": user_id}, "message": message}
        answer = self._http.post(SEND_PATH, {"access_token": token}, json=content)
        raise_for_error(answer)
        return identifier(as_dict(as_dict(answer.body).get("data")).get("message_id"))


def raise_for_error(answer: Answer) -> None:
    """Raise what Zalo's answer means; success is `error: 0`, whatever the HTTP status says."""
    code = _code(answer)
    if code:
        kind = next((kind for kind, codes in ERRORS.items() if code in codes), None)
        if kind is None and answer.status >= 429:
            raise status_error(answer.status)
        raise (kind or MessageRefused)(f"zalo_{code}")
    if answer.status != 200:
        raise status_error(answer.status)
    if code is None:
        raise ChannelUnavailable("bad_json")


def _code(answer: Answer) -> int | None:
    value = (answer.body or {}).get("error")
    text = str(value)[:12]
    return int(text) if text.removeprefix("-").isdecimal() and text.isascii() else None


def _user(body: dict[str, Any]) -> str | None:
    """The OA-scoped id: `user_id_by_app`, which many events carry too, cannot be written to."""
    sender, follower = as_dict(body.get("sender")), as_dict(body.get("follower"))
    return identifier(sender.get("id")) or identifier(follower.get("id")) or identifier(body.get("user_id"))


def _file(attachment: dict[str, Any]) -> dict[str, Any] | None:
    kind = MEDIA.get(str(attachment.get("type")))
    return None if kind is None else media(kind, as_dict(attachment.get("payload")))


def _caption(attachment: dict[str, Any]) -> str:
    """A video's own words come beside its address, not as the text of the message."""
    return text_of(as_dict(attachment.get("payload")).get("description")) if attachment.get("type") == "video" else ""


def _place(attachments: list[dict[str, Any]]) -> dict[str, float] | None:
    for attachment in attachments:
        coordinates = as_dict(as_dict(attachment.get("payload")).get("coordinates"))
        place = pin(coordinates.get("latitude"), coordinates.get("longitude"))
        if place is not None:
            return place
    return None


def _is_showable(button: Button) -> bool:
    return 0 < len(button.title) <= MAX_TITLE and 0 < len(button.payload) <= MAX_PAYLOAD
