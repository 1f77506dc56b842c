"""Zalo Official Account: events of the OA webhook in, consultation messages (message API v3.0) out.

    {"app_id":"…","sender":{"id":"<user>"},"recipient":{"id":"<oa>"},"event_name":"user_send_text",
     "message":{"text":"…","msg_id":"…"},"timestamp":"1795392000000"}

A tapped button arrives as plain text equal to its payload. Errors of sending come with HTTP 200.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from core.config import ZaloConfig
from webhook.channels.base import (
    Blocked,
    Button,
    Channel,
    ChannelBusy,
    ChannelError,
    ChannelMisconfigured,
    ChannelUnavailable,
    ContactRequest,
    File,
    MessageRefused,
    Notice,
    Outgoing,
    Parsed,
    RecipientUnreachable,
    TokenRejected,
    WalletEmpty,
    WindowClosed,
)
from webhook.channels.body import (
    as_dict,
    header,
    identifier,
    load_object,
    text_of,
)
from webhook.channels.http import Answer, Http, status_error
from webhook.channels.parts import numbered, split
from webhook.channels.zalo_events import ANONYMOUS, ZaloReader
from webhook.channels.zalo_token import TokenStore

SEND_PATH = "/v3.0/oa/message/cs"
UPLOAD_PATH = "/v2.0/oa/upload/"
TEMPLATE_PATH = "/v3.0/oa/message/template"
ANONYMOUS_PATHS = ("/v2.0/oa/message", SEND_PATH)  # which of them works is not known
TEXT_LIMIT = 1900  # the platform takes 2000, counted in a way it does not tell
MAX_BUTTONS, MAX_TITLE, MAX_PAYLOAD = 5, 100, 1000
# Codes of the page "ma-loi"; any other one means that this message will never be taken.
ERRORS: Mapping[type[ChannelError], frozenset[int]] = {
    TokenRejected: frozenset({-216, -220, -124}),
    ChannelBusy: frozenset({-32, -218, -234}),
    ChannelUnavailable: frozenset({-200}),
    WindowClosed: frozenset({-230, -232}),
    Blocked: frozenset({-213, -244}),
    RecipientUnreachable: frozenset({-227}),
    WalletEmpty: frozenset({-320, -321}),
    ChannelMisconfigured: frozenset({-204, -205, -209, -211, -212, -219, -221, -223, -224, -240, -242, -248}),
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
        self._reader = ZaloReader(config, clock)

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
        return self._reader.parse(raw)

    def send(self, outgoing: Outgoing) -> str | None:
        """Buttons go as a template on the last part; where they cannot, as lines to be answered by number."""
        if outgoing.contact is not None:
            return self._ask_contact(outgoing, outgoing.contact)
        if outgoing.file is not None:
            sent = self._send_file(outgoing.user_id, outgoing.file)
            if not outgoing.text:
                return sent
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

    def _ask_contact(self, outgoing: Outgoing, contact: ContactRequest) -> str | None:
        """The answer comes as `user_submit_info`; where the form is refused the words ask for the number."""
        element = {"title": contact.title[:MAX_TITLE], "subtitle": contact.subtitle}
        if self._config.contact_picture:
            element["image_url"] = self._config.contact_picture
        payload = {"template_type": "request_user_info", "elements": [element]}
        try:
            return self._post(outgoing.user_id, {"attachment": {"type": "template", "payload": payload}})
        except MessageRefused as error:
            if error.code not in NO_BUTTONS_HERE:
                raise
        return self._post(outgoing.user_id, {"text": outgoing.text})

    def _send_file(self, user_id: str, file: File) -> str | None:
        """Upload and send: the platform keeps what is uploaded for seven days, so each message uploads anew."""
        is_picture = file.mime.startswith("image/")
        path = UPLOAD_PATH + ("image" if is_picture else "file")
        data = as_dict(as_dict(self._with_token(lambda token: self._upload(path, file, token)).body).get("data"))
        key = text_of(data.get("attachment_id" if is_picture else "token"), 500)
        if not key:
            raise ChannelUnavailable("upload_without_id")
        element = {"media_type": "image", "attachment_id": key}
        media = {"type": "template", "payload": {"template_type": "media", "elements": [element]}}
        attachment = media if is_picture else {"type": "file", "payload": {"token": key}}
        return self._post(user_id, {"attachment": attachment})

    def _upload(self, path: str, file: File, token: str) -> Answer:
        answer = self._http.post(path, {"access_token": token}, file=("file", file))
        raise_for_error(answer)
        return answer

    def _send_buttons(self, outgoing: Outgoing, text: str) -> str | None:
        buttons = [_button(button) for button in outgoing.buttons]
        message = {"text": text, "attachment": {"type": "template", "payload": {"buttons": buttons}}}
        try:
            return self._post(outgoing.user_id, message)
        except MessageRefused as error:
            if error.code not in NO_BUTTONS_HERE:
                raise
        sent = [self._post(outgoing.user_id, {"text": p}) for p in split(numbered(text, outgoing.buttons), TEXT_LIMIT)]
        return sent[-1]

    def notify(self, notice: Notice) -> str | None:
        """A ZBS template by user id; the template has the parameters `ma_ho_so` and `lien_ket`."""
        if not self._config.zbs_template_id or notice.user_id.startswith(ANONYMOUS):
            raise ChannelMisconfigured("no_template")
        content = {
            "user_id": notice.user_id,
            "template_id": self._config.zbs_template_id,
            "template_data": {"ma_ho_so": notice.code, "lien_ket": notice.link},
        }
        return self._authorised(TEMPLATE_PATH, content)

    def _post(self, user_id: str, message: dict[str, Any]) -> str | None:
        if not user_id.startswith(ANONYMOUS):
            return self._authorised(SEND_PATH, {"recipient": {"user_id": user_id}, "message": message})
        _, person, conversation = user_id.split(":", 2)
        content = {"recipient": {"anonymous_id": person, "conversation_id": conversation}, "message": message}
        try:
            return self._authorised(ANONYMOUS_PATHS[0], content)
        except (MessageRefused, ChannelMisconfigured):
            return self._authorised(ANONYMOUS_PATHS[1], content)

    def _authorised(self, path: str, content: dict[str, Any]) -> str | None:
        answer = self._with_token(lambda token: self._call(path, content, token))
        return identifier(as_dict(as_dict(answer.body).get("data")).get("message_id"))

    def _with_token(self, call: Callable[[str], Answer]) -> Answer:
        """One call; a rejected access token is renewed and tried once more."""
        token = self._tokens.current()
        try:
            return call(token)
        except TokenRejected:
            self._tokens.reject(token)
        return call(self._tokens.current())

    def _call(self, path: str, content: dict[str, Any], token: str) -> Answer:
        answer = self._http.post(path, {"access_token": token}, json=content)
        raise_for_error(answer)
        return answer


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


def _button(button: Button) -> dict[str, Any]:
    if button.is_link:
        return {"title": button.title, "type": "oa.open.url", "payload": {"url": button.payload}}
    return {"title": button.title, "type": "oa.query.hide", "payload": button.payload}


def _is_showable(button: Button) -> bool:
    return 0 < len(button.title) <= MAX_TITLE and 0 < len(button.payload) <= MAX_PAYLOAD
