"""Reads the events of Zalo's webhook; called by the Zalo channel.

    {"app_id":"…","sender":{"id":"<user>"},"recipient":{"id":"<oa>"},"event_name":"user_send_text",
     "message":{"text":"…","msg_id":"…"},"timestamp":"1795392000000"}

A tapped button arrives as plain text equal to its payload. What the account itself sends comes back as `oa_send_*`.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from core.config import ZaloConfig
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

CHANNEL = "zalo"
MAX_ATTACHMENTS = 30
MOST_IDS = 200
ANONYMOUS = "anon:"  # anon:<id>:<conversation id>, for people who are not signed in

MESSAGES = {f"user_send_{name}" for name in ("text", "image", "gif", "audio", "video", "file", "sticker", "location")}
SHARED = {"user_send_link", "user_send_business_card"}
STARTS = {"follow", "user_click_chatnow"}
MEDIA = {"image": "image", "gif": "image", "audio": "audio", "video": "video", "file": "file"}
# They open the window in which the account may write.
INTERACTIONS = {"user_call_oa", "widget_interaction_accepted"}
FROM_CITIZENS = MESSAGES | SHARED | STARTS | INTERACTIONS
FROM_CITIZENS |= {"user_submit_info", "user_withdraw", "user_reacted_message", "unfollow"}
NOTICES = {"change_template_status", "change_template_quality", "change_oa_daily_quota"}
# Known, and no business of ours: tags, groups, calls by the account, consent to calls, its own signs.
OF_NO_USE = {
    "oa_reacted_message", "oa_send_consent", "user_reply_consent", "oa_call_user", "add_user_to_tag",
    "remove_user_from_tag", "remove_tag", "update_user_info", "widget_failed_to_sync_user_external_id",
    "create_group", "delete_group", "update_group_info", "add_group_admin", "remove_group_admin", "user_join_group",
    "user_out_group", "user_request_join_group", "accept_request_join_group", "reject_request_join_group",
    "extension_purchased",
}  # fmt: skip
IN_GROUPS = ("user_send_group_", "oa_send_group_", "event_journey_")


class ZaloReader:
    """Turns bodies that are known to be Zalo's into events."""

    def __init__(self, config: ZaloConfig, clock: Callable[[], datetime]) -> None:
        self._config = config
        self._clock = clock

    def parse(self, raw: bytes) -> Parsed:
        """One body is one event; an event nobody knows is counted for the operator and ignored with its name."""
        body = load_object(raw)
        if body is None:
            return Parsed(ignored=("not_json",))
        name = str(body.get("event_name") or "")
        event = self._event(body, name)
        if isinstance(event, InboundEvent):
            return Parsed(events=(event,))
        if name and event == reason(name) and name not in OF_NO_USE and not name.startswith(IN_GROUPS):
            return Parsed(events=(self._signal(body, "notice", payload=f"unknown:{event}"),), ignored=(event,))
        return Parsed(ignored=(event,))

    def _event(self, body: dict[str, Any], name: str) -> InboundEvent | str:
        """The event, or the reason why it is none."""
        if name.startswith("oa_send_") and name not in OF_NO_USE and not name.startswith(IN_GROUPS):
            return self._echo(body, name)
        if name.startswith("anonymous_send_"):
            return self._anonymous(body, name)
        if name in {"user_received_message", "user_seen_message"}:
            return self._receipt(body, name)
        if name in {"user_feedback", "user_click_response_button"}:
            return self._rating(body)
        if name in NOTICES:
            return self._signal(body, "notice", payload=name)
        if name not in FROM_CITIZENS:
            return reason(name)
        user = _user(body)
        if user is None:
            return "no_user"
        return "own_message" if user == self._config.oa_id else self._from_citizen(body, name, user)

    def _from_citizen(self, body: dict[str, Any], name: str, user: str) -> InboundEvent | str:
        if name == "user_reacted_message":
            return self._reaction(body, user)
        if name in INTERACTIONS:
            return self._signal(body, "interaction", user)
        if name == "unfollow":
            return self._signal(body, "left", user)
        if name in MESSAGES | SHARED:
            return self._message(body, name, user)
        if name in STARTS:
            referral = text_of(body.get("source"), 100)
            return self._inbound(body, name, user, "start", referral=referral)
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

    def _anonymous(self, body: dict[str, Any], name: str) -> InboundEvent | str:
        """Somebody who is not signed in: answered through another call, if at all."""
        if not self._config.anonymous:
            return "anonymous"
        user = _anonymous_user(as_dict(body.get("sender")), body)
        twin = name.replace("anonymous_send_", "user_send_", 1)
        if user is None:
            return "no_user"
        return self._message(body, twin, user) if twin in MESSAGES else reason(name)

    def _echo(self, body: dict[str, Any], name: str) -> InboundEvent | str:
        """The account's own message: a person wrote it when an administrator is named, else it was sent by API."""
        recipient = as_dict(body.get("recipient"))
        is_anonymous = name.startswith("oa_send_anonymous_")
        user = _anonymous_user(recipient, body) if is_anonymous else identifier(recipient.get("id"))
        message = as_dict(body.get("message"))
        sent_id = text_of(message.get("msg_id"), 200)
        if user is None or not sent_id:
            return "echo"
        kind = "human" if as_dict(body.get("sender")).get("admin_id") else "echo"
        return self._signal(body, kind, user, text=text_of(message.get("text")))

    def _receipt(self, body: dict[str, Any], name: str) -> InboundEvent | str:
        """Template messages name a phone number as the recipient: it is not taken along."""
        message = as_dict(body.get("message"))
        listed = [message.get("msg_id"), *as_list(message.get("msg_ids"))[:MOST_IDS]]
        ids = [found for value in listed if (found := text_of(value, 200))]
        kind = "seen" if name == "user_seen_message" else "delivered"
        return self._signal(body, kind, payload="\n".join(ids)) if ids else "no_message_id"

    def _reaction(self, body: dict[str, Any], user: str) -> InboundEvent | str:
        message = as_dict(body.get("message"))
        target = text_of(message.get("msg_id"), 200)
        return self._signal(body, "reaction", user, text=text_of(message.get("react_icon"), 40), payload=target)

    def _rating(self, body: dict[str, Any]) -> InboundEvent | str:
        """Answer to a template message: stars, or the label of a button. The note beside the stars is not kept."""
        message = as_dict(body.get("message"))
        target = text_of(body.get("msg_id"), 200) or text_of(message.get("msg_id"), 200)
        rate = identifier(message.get("rate"))
        sign = f"{rate[:2]}/5" if rate else text_of(message.get("data"), 40)
        return self._signal(body, "reaction", text=sign, payload=target) if target and sign else "no_message_id"

    def _inbound(self, body: dict[str, Any], name: str, user: str, kind: str, **values: Any) -> InboundEvent:
        stamp, message = body.get("timestamp"), as_dict(body.get("message"))
        return InboundEvent(
            channel=CHANNEL,
            external_id=external_id(message.get("msg_id"), name, user, self._config.oa_id, stamp, message),
            user_id=user,
            kind=kind,
            sent_at=moment(stamp, self._clock()),
            **values,
        )

    def _signal(self, body: dict[str, Any], kind: str, user: str = "", **values: Any) -> InboundEvent:
        return self._inbound(body, str(body.get("event_name"))[:60], user, kind, **values)


def _user(body: dict[str, Any]) -> str | None:
    """The OA-scoped id: `user_id_by_app`, which many events carry too, cannot be written to."""
    sender, follower, data = as_dict(body.get("sender")), as_dict(body.get("follower")), as_dict(body.get("data"))
    places = (sender.get("id"), follower.get("id"), body.get("user_id"), data.get("user_id"))
    return next(filter(None, map(identifier, places)), None)


def _anonymous_user(person: dict[str, Any], body: dict[str, Any]) -> str | None:
    found, conversation = identifier(person.get("id")), identifier(as_dict(body.get("message")).get("conversation_id"))
    return identifier(f"{ANONYMOUS}{found}:{conversation}") if found and conversation else None


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
