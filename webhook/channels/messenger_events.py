"""Reads the events of a Page's webhook; called by the Messenger channel.

    {"object":"page","entry":[{"id":"<PAGE>","time":1795392000000,"messaging":[{"sender":{"id":"<PSID>"},
     "recipient":{"id":"<PAGE>"},"timestamp":1795392000000,"message":{"mid":"m_…","text":"…"}}]}]}

Several entries may come in one body. While a person holds a conversation its items come under `standby` instead.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from core.config import MessengerConfig
from core.events import InboundEvent
from webhook.channels.base import Parsed
from webhook.channels.body import (
    as_dict,
    as_list,
    external_id,
    identifier,
    kind_of,
    load_object,
    media,
    moment,
    pin,
    reason,
    text_of,
)

CHANNEL = "messenger"
MAX_PAYLOAD = 1000
MAX_ATTACHMENTS = 30
MOST_IDS = 200
ENVELOPE = {"sender", "recipient", "timestamp"}
MEDIA = {"image", "audio", "video", "file"}
NOTICES = {"policy_enforcement", "request_thread_control", "app_roles", "messenger_template_status_update"}
OF_NO_USE = {"account_linking", "optin", "messaging_feedback", "messaging_customer_information", "empty_item"}


class MessengerReader:
    """Turns bodies that are known to be Facebook's into events."""

    def __init__(self, config: MessengerConfig, clock: Callable[[], datetime]) -> None:
        self._config = config
        self._clock = clock

    def parse(self, raw: bytes) -> Parsed:
        """Every item of every entry by itself: one that cannot be used does not stop the others."""
        body = load_object(raw)
        if body is None:
            return Parsed(ignored=("not_json",))
        if body.get("object") != "page":
            return Parsed(ignored=("not_page",), status=404)
        entries = as_list(body.get("entry")) or [None]
        found = [event for entry in entries for event in self._entry(as_dict(entry))]
        return Parsed(
            events=tuple(event for event in found if isinstance(event, InboundEvent)),
            ignored=tuple(event for event in found if isinstance(event, str)),
        )

    def _entry(self, entry: dict[str, Any]) -> Iterator[InboundEvent | str]:
        """Events, and a reason for each item that is none."""
        lists = [key for key in ("messaging", "standby") if isinstance(entry.get(key), list)]
        if not lists:
            yield "changes" if "changes" in entry else "bad_entry"
        elif identifier(entry.get("id")) != self._config.page_id:
            yield "other_page"
        for key in lists if identifier(entry.get("id")) == self._config.page_id else ():
            for item in entry[key]:
                yield from self._item(as_dict(item), entry.get("time"), standby=key == "standby")

    def _item(self, item: dict[str, Any], entry_time: object, *, standby: bool) -> Iterator[InboundEvent | str]:
        names = [key for key in ("message", "postback", *item) if key in item and key not in ENVELOPE]
        name = names[0] if names else "empty_item"
        at = _Item(item, name, as_dict(item.get(name)), item.get("timestamp", entry_time), standby)
        event = self._message(at) if name in {"message", "postback"} else self._signal_of(at)
        yield event
        if event == reason(name) and name not in OF_NO_USE:
            yield self._signal(at, "notice", payload=f"unknown:{event}")

    def _message(self, at: "_Item") -> InboundEvent | str:
        if at.content.get("is_echo"):
            return self._echo(at)
        if at.content.get("is_deleted"):
            return "deleted"
        if at.sender is None:
            return "no_sender"
        if at.sender == self._config.page_id:
            return "own_message"
        values = _postback(at.content) if at.name == "postback" else _words(at.content)
        if isinstance(values, str):
            return values
        referral = text_of(as_dict(at.content.get("referral")).get("ref"), 100)
        return self._event(at, at.sender, referral=referral, standby=at.standby, **values)

    def _echo(self, at: "_Item") -> InboundEvent | str:
        """The Page's own message: from a person in its inbox, or from us (then it carries our key)."""
        user, metadata = identifier(at.recipient.get("id")), text_of(at.content.get("metadata"), 200)
        if user is None:
            return "echo"
        text = text_of(at.content.get("text"))
        if str(at.content.get("app_id")) in self._config.inbox_app_ids:
            return self._event(at, user, kind="human", text=text)
        return self._event(at, user, kind="echo", payload=metadata) if metadata else "echo"

    def _signal_of(self, at: "_Item") -> InboundEvent | str:
        content, user = at.content, at.sender
        if at.name in NOTICES:
            action = content.get("action")
            return self._signal(at, "notice", payload=f"{at.name}:{reason(action)}" if action else at.name)
        if user is None or user == self._config.page_id:
            return reason(at.name)
        match at.name:
            case "delivery" | "read":
                return self._receipt(at)
            case "reaction":
                taken_back = content.get("action") == "unreact"
                sign = text_of(content.get("emoji"), 40) or text_of(content.get("reaction"), 40)
                return self._signal(at, "reaction", text="" if taken_back else sign, payload=_mid(content))
            case "response_feedback":
                return self._signal(at, "reaction", text=text_of(content.get("feedback"), 40), payload=_mid(content))
            case "message_edit":
                return self._signal(at, "edit", text=text_of(content.get("text")), payload=_mid(content))
            case "referral":
                return self._signal(at, "referral", referral=text_of(content.get("ref"), 100))
            case "pass_thread_control" | "take_thread_control":
                return self._signal(at, self._holder(at))
        return reason(at.name)

    def _receipt(self, at: "_Item") -> InboundEvent | str:
        """By ids, or everything until the watermark."""
        ids = [found for value in as_list(at.content.get("mids"))[:MOST_IDS] if (found := text_of(value, 200))]
        kind = "delivered" if at.name == "delivery" else "seen"
        until = at.content.get("watermark")
        return self._signal(at._replace(stamp=until), kind, payload="\n".join(ids) or None)

    def _holder(self, at: "_Item") -> str:
        """Who has the conversation now: a person in an inbox, or the bot."""
        owner = str(at.content.get("new_owner_app_id"))
        to_people = owner in self._config.inbox_app_ids
        return "taken" if to_people or (at.name == "take_thread_control" and owner != self._config.app_id) else "passed"

    def _event(self, at: "_Item", user: str, **values: Any) -> InboundEvent:
        return InboundEvent(
            channel=CHANNEL,
            external_id=external_id(at.content.get("mid"), at.name, user, at.stamp, at.content),
            user_id=user,
            sent_at=moment(at.stamp, self._clock()),
            **values,
        )

    def _signal(self, at: "_Item", kind: str, **values: Any) -> InboundEvent:
        return self._event(at, "" if kind == "notice" else at.sender or "", kind=kind, **values)


class _Item(NamedTuple):
    """One item of an entry, taken apart."""

    item: dict[str, Any]
    name: str
    content: dict[str, Any]
    stamp: object
    standby: bool

    @property
    def sender(self) -> str | None:
        return identifier(as_dict(self.item.get("sender")).get("id"))

    @property
    def recipient(self) -> dict[str, Any]:
        return as_dict(self.item.get("recipient"))


def _mid(content: dict[str, Any]) -> str:
    return text_of(content.get("mid"), 200)


def _postback(postback: dict[str, Any]) -> dict[str, Any] | str:
    payload, title = text_of(postback.get("payload"), MAX_PAYLOAD), text_of(postback.get("title"))
    if not payload and not title:
        return "bad_postback"
    kind = "start" if payload == "GET_STARTED" else "tap"
    return {"kind": kind, "text": title, "payload": payload or None}


def _words(message: dict[str, Any]) -> dict[str, Any] | str:
    text = text_of(message.get("text"))
    payload = text_of(as_dict(message.get("quick_reply")).get("payload"), MAX_PAYLOAD)
    if payload:
        return {"kind": "tap", "text": text, "payload": payload}
    attachments = [as_dict(item) for item in as_list(message.get("attachments"))[:MAX_ATTACHMENTS]]
    places = [item for item in attachments if item.get("type") == "location"]
    place = next(filter(None, map(_place, places)), None)
    files = tuple(found for item in attachments if (found := _file(item)) is not None)
    kind = kind_of(text, files, place, any(map(_is_sticker, attachments)))
    if kind == "other" and places:
        return "bad_location"
    return {"kind": kind, "text": text, "attachments": files, "location": place}


def _is_sticker(attachment: dict[str, Any]) -> bool:
    """Until 2026-08-30 a sticker came also, or only, as an image with a sticker id; it is no evidence of anything."""
    return attachment.get("type") == "sticker" or bool(as_dict(attachment.get("payload")).get("sticker_id"))


def _file(attachment: dict[str, Any]) -> dict[str, Any] | None:
    kind = str(attachment.get("type"))
    if kind not in MEDIA or _is_sticker(attachment):
        return None
    return media(kind, as_dict(attachment.get("payload")))


def _place(attachment: dict[str, Any]) -> dict[str, float] | None:
    coordinates = as_dict(as_dict(attachment.get("payload")).get("coordinates"))
    return pin(coordinates.get("lat"), coordinates.get("long"))
