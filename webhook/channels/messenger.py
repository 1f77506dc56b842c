"""Facebook Messenger: Page webhooks in, Send API out.

    {"object":"page","entry":[{"id":"<PAGE>","time":1795392000000,"messaging":[{"sender":{"id":"<PSID>"},
     "recipient":{"id":"<PAGE>"},"timestamp":1795392000000,"message":{"mid":"m_…","text":"…"}}]}]}

Several entries may come in one body. Errors of sending are integers: a code and a subcode.
"""

import hashlib
import hmac
import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from cases.windows import Route
from core.config import MessengerConfig
from webhook.channels.base import (
    Button,
    Channel,
    ChannelBusy,
    ChannelError,
    ChannelMisconfigured,
    ChannelUnavailable,
    File,
    MessageRefused,
    Notice,
    Outgoing,
    Parsed,
    RecipientUnreachable,
    TokenRejected,
    WindowClosed,
)
from webhook.channels.body import (
    as_dict,
    header,
    text_of,
)
from webhook.channels.http import Answer, Http, status_error
from webhook.channels.messenger_events import MessengerReader
from webhook.channels.parts import numbered, split

TEXT_LIMIT = 1900  # the platform takes less than 2000
MAX_QUICK_REPLIES, MAX_TITLE, MAX_PAYLOAD = 13, 20, 1000
TEMPLATE_TEXT, MAX_LINKS = 640, 3  # of a button template, which alone can open a page
# How the platform is told by which permission a message goes; within the window it needs no tag.
RESPONSE = {"messaging_type": "RESPONSE"}
PERMISSIONS = {Route.HUMAN_AGENT: {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}}

PART = "part"  # marks all but the last part: only the echo of the last one says that the message is through
BUSY = {4, 32, 613, 80006}
TEMPORARY = {1, 2, 1200}
MAYBE_SENT = 1357046  # with code 1: the message may have arrived, so that a retry would say it twice
WINDOW_CLOSED = {2018278, 2018065, 2534022}
CANNOT_RECEIVE = 2018108
NO_SUCH_USER = 2018001
AWAY = 1545041


class MessengerChannel(Channel):
    """One Page."""

    name = "messenger"
    refusal_status = 403
    too_large_status = 413

    def __init__(self, config: MessengerConfig, http: Http, clock: Callable[[], datetime]) -> None:
        self._config = config
        self._http = http
        self._reader = MessengerReader(config, clock)

    def challenge(self, args: Mapping[str, str]) -> str | None:
        """Only digits are echoed: nothing that a stranger sends may come back as a page."""
        token = args.get("hub.verify_token", "").encode("utf-8", "replace")
        known = any(hmac.compare_digest(token, ours.encode()) for ours in self._config.verify_tokens)
        answer = args.get("hub.challenge", "")
        digits = answer.isascii() and answer.isdecimal() and len(answer) <= 64
        return answer if known and digits and args.get("hub.mode") == "subscribe" else None

    def verify(self, raw: bytes, headers: Mapping[str, str]) -> bool:
        """HMAC-SHA256 of the bytes as received, with the app secret."""
        given = header(headers, "X-Hub-Signature-256")
        wanted = [hmac.digest(key.encode(), raw, hashlib.sha256).hex() for key in self._config.app_secrets]
        return any(hmac.compare_digest(given, f"sha256={mac}".encode()) for mac in wanted)

    def parse(self, raw: bytes) -> Parsed:
        return self._reader.parse(raw)

    def send(self, outgoing: Outgoing) -> str | None:
        """Buttons become quick replies of the last part; too many of them become lines to be answered by number."""
        permission = PERMISSIONS.get(outgoing.route, RESPONSE)
        if outgoing.file is not None:
            sent = self._send_file(outgoing, permission, outgoing.file)
            if not outgoing.text:
                return sent
        links = [button for button in outgoing.buttons if button.is_link]
        fits = len(outgoing.buttons) <= MAX_QUICK_REPLIES and all(map(_is_showable, outgoing.buttons))
        fits = fits and len(links) <= MAX_LINKS
        text = outgoing.text if fits else numbered(outgoing.text, outgoing.buttons)
        parts = split(unicodedata.normalize("NFC", text), TEMPLATE_TEXT if fits and links else TEXT_LIMIT)
        if not parts:
            raise MessageRefused("empty_text")
        for part in parts[:-1]:
            self._call(outgoing, permission, {"text": part}, PART)
        last: dict[str, Any] = {"text": parts[-1]} if not (fits and links) else _with_links(parts[-1], links)
        if fits and len(outgoing.buttons) > len(links):
            last["quick_replies"] = [_quick_reply(button) for button in outgoing.buttons if not button.is_link]
        if outgoing.contact is not None:  # the citizen's own number, shown for one tap; it comes back as words
            last["quick_replies"] = [{"content_type": "user_phone_number"}]
        return self._call(outgoing, permission, last, outgoing.key)

    def _send_file(self, outgoing: Outgoing, permission: dict[str, str], file: File) -> str | None:
        kind = "image" if file.mime.startswith("image/") else "file"
        message = {"attachment": {"type": kind, "payload": {"is_reusable": True}}}
        path = f"/{self._config.api_version}/{self._config.page_id}/message_attachments"
        form = {"message": json.dumps(message)}
        answer = self._http.post(path, self._headers(), form=form, file=("filedata", file))
        raise_for_error(answer)
        key = text_of(as_dict(answer.body).get("attachment_id"), 100)
        if not key:
            raise ChannelUnavailable("upload_without_id")
        sent = {"attachment": {"type": kind, "payload": {"attachment_id": key}}}
        return self._call(outgoing, permission, sent, PART if outgoing.text else outgoing.key)

    def typing(self, user_id: str) -> None:
        """Three dots for about twenty seconds, or until the answer is there."""
        self._post({"recipient": {"id": user_id}, "sender_action": "typing_on"})

    def set_profile(self, profile: dict[str, Any]) -> None:
        """What the Page shows before anybody has written: greeting, Get Started, menu. Raises a ChannelError."""
        answer = self._http.post(f"/{self._config.api_version}/me/messenger_profile", self._headers(), json=profile)
        raise_for_error(answer)

    def _headers(self) -> dict[str, str]:
        """In the header, not in the address: addresses end up in the logs of every proxy on the way."""
        return {"Authorization": f"Bearer {self._config.page_token}"}

    def notify(self, notice: Notice) -> str | None:
        """A utility template in the shape the platform takes in practice; its body has two places: code and link."""
        if not self._config.utility_template:
            raise ChannelMisconfigured("no_template")
        places = [{"type": "text", "text": words} for words in (notice.code, notice.link)]
        template = {
            "name": self._config.utility_template,
            "language": {"code": self._config.utility_language},
            "components": [{"type": "body", "parameters": places}],
        }
        content = {"messaging_type": "UTILITY", "message": {"template": template}}
        return self._post({"recipient": {"id": notice.user_id}, **content})

    def _call(self, outgoing: Outgoing, permission: dict[str, str], message: dict[str, Any], mark: str) -> str | None:
        message = {**message, "metadata": mark}
        return self._post({"recipient": {"id": outgoing.user_id}, **permission, "message": message})

    def _post(self, content: dict[str, Any]) -> str | None:
        path = f"/{self._config.api_version}/{self._config.page_id}/messages"
        answer = self._http.post(path, self._headers(), json=content)
        raise_for_error(answer)
        return text_of(as_dict(answer.body).get("message_id"), 200) or None


def raise_for_error(answer: Answer) -> None:
    """Raise what the Graph API's answer means, by its integers; a text search for 10 would find 100."""
    error = as_dict((answer.body or {}).get("error"))
    code, subcode = error.get("code"), error.get("error_subcode")
    if isinstance(code, int):
        sub = subcode if isinstance(subcode, int) else None
        kind = _error_kind(code, sub)
        if kind is MessageRefused and (answer.status == 429 or answer.status >= 500) and sub != MAYBE_SENT:
            raise status_error(answer.status)
        raise kind(f"graph_{code}" if sub is None else f"graph_{code}_{sub}")
    if answer.status != 200:
        raise status_error(answer.status)
    if answer.body is None:
        raise ChannelUnavailable("bad_json")


def _error_kind(code: int, subcode: int | None) -> type[ChannelError]:
    if code == 190:
        return TokenRejected
    if code in BUSY:
        return ChannelBusy
    if code in TEMPORARY and subcode != MAYBE_SENT:
        return ChannelUnavailable
    if code == 10 and subcode in WINDOW_CLOSED:
        return WindowClosed
    if code in {551, AWAY} or subcode in {AWAY, NO_SUCH_USER, CANNOT_RECEIVE}:
        return RecipientUnreachable
    return ChannelMisconfigured if code in {10, 200} else MessageRefused


def _is_showable(button: Button) -> bool:
    return bool(button.title.strip()) and 0 < len(button.payload) <= MAX_PAYLOAD


def _with_links(text: str, links: Sequence[Button]) -> dict[str, Any]:
    buttons = [{"type": "web_url", "url": link.payload, "title": _title(link)} for link in links]
    payload = {"template_type": "button", "text": text, "buttons": buttons}
    return {"attachment": {"type": "template", "payload": payload}}


def _quick_reply(button: Button) -> dict[str, str]:
    return {"content_type": "text", "title": _title(button), "payload": button.payload}


def _title(button: Button) -> str:
    title = unicodedata.normalize("NFC", button.title)
    if len(title) > MAX_TITLE:
        title = title[: MAX_TITLE - 1].rstrip() + "…"
    return title
