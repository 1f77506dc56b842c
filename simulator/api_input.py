"""Reads the body of POST /api/messages into a citizen's action; called by `api`."""

import re
from typing import Any

from simulator.citizen import CitizenAction
from simulator.store import Button

MAX_TEXT = 20_000
USER = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
MESSAGE_ID = re.compile(r"[A-Za-z0-9_.:-]{1,200}")
EVENTS = ("follow", "unfollow", "withdraw")
TAPPED_KINDS = ("query_show", "query_hide", "quick_reply", "postback")


class InputError(Exception):
    """The caller of /api sent something wrong; the text is a short code."""


def read_user(value: Any) -> str:
    """A citizen's id: text, since real ids do not fit a JavaScript number."""
    if not isinstance(value, str) or not USER.fullmatch(value):
        raise InputError("user_must_be_a_short_string_id")
    return value


def read_action(
    channel: str, body: dict[str, Any], *, offered: list[Button], message_id: str, now: int
) -> CitizenAction:
    """What the citizen does; `offered` are the page's buttons, newest first."""
    base: dict[str, Any] = {"message_id": _message_id(body, message_id), "timestamp": _timestamp(body, now)}
    text = body.get("text", "")
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise InputError("text_invalid")
    if "event" in body:
        return CitizenAction(kind=_event(channel, body["event"]), **base)
    if "payload" in body or "tap" in body:
        button = _tapped(channel, body, offered)
        return CitizenAction(kind="tap", text=button.title, payload=button.value, button=button.kind, **base)
    if "image" in body:
        return CitizenAction(kind="image", text=text, image=_image(body["image"]), **base)
    if "location" in body:
        return CitizenAction(kind="location", text=text, location=_location(body["location"]), **base)
    if body.get("sticker"):
        return CitizenAction(kind="sticker", **base)
    if not text:
        raise InputError("nothing_to_send")
    return CitizenAction(kind="text", text=text, **base)


def _message_id(body: dict[str, Any], default: str) -> str:
    value = body.get("message_id", default)
    if not isinstance(value, str) or not MESSAGE_ID.fullmatch(value):
        raise InputError("message_id_invalid")
    return value


def _timestamp(body: dict[str, Any], now: int) -> int:
    value = body.get("timestamp", now)
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    if type(value) is not int or value < 0:
        raise InputError("timestamp_must_be_milliseconds")
    return value


def _event(channel: str, value: Any) -> str:
    if channel != "zalo" or value not in EVENTS:
        raise InputError("event_unknown")
    return str(value)


def _tapped(channel: str, body: dict[str, Any], offered: list[Button]) -> Button:
    payload, title = body.get("payload"), body.get("tap")
    for button in offered:
        if button.kind in TAPPED_KINDS and (payload in (None, button.value)) and (title in (None, button.title)):
            return button
    if not isinstance(payload, str) or not payload:
        raise InputError("button_not_found")
    kind = "query_show" if channel == "zalo" else "postback"
    return Button(title if isinstance(title, str) else payload, kind, payload)


def _image(value: Any) -> str:
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        raise InputError("image_must_be_sample_or_an_address")
    return value


def _location(value: Any) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise InputError("location_invalid")
    if any(isinstance(part, bool) or not isinstance(part, int | float) for part in value):
        raise InputError("location_invalid")
    latitude, longitude = float(value[0]), float(value[1])
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise InputError("location_invalid")
    return latitude, longitude


def read_share(value: object) -> float:
    """A part of all calls, from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InputError("share_invalid")
    return float(value)
