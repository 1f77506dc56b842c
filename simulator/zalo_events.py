"""Builds Zalo webhook bodies (OA events, message API v3.0) as plain dicts; called by `world`.

    {"app_id":"…","sender":{"id":"<user>"},"user_id_by_app":"…","recipient":{"id":"<oa>"},
     "event_name":"user_send_text","message":{"text":"…","msg_id":"…"},"timestamp":"1795392000000"}

Ids, coordinates and timestamps are strings.
"""

import hashlib
from typing import Any

from simulator.citizen import CitizenAction
from simulator.settings import Settings
from simulator.store import Content

STICKER = {
    "id": "51f0a7c2d39e84b6f071",
    "url": "https://zalo-api.zadn.vn/api/emoticon/sticker/webpc?eid=23311&size=130",
}
ECHO_NAMES = {"text": "text", "image": "image", "gif": "gif", "sticker": "sticker", "file": "file", "list": "list"}


def from_citizen(settings: Settings, user: str, action: CitizenAction) -> dict[str, Any]:
    """The event the platform sends when a citizen acts; a tap is ordinary text equal to the button's payload."""
    if action.kind in ("follow", "unfollow"):
        return _follow(settings, user, action)
    if action.kind == "withdraw":
        return _withdraw(settings, user, action)
    name = {"tap": "text"}.get(action.kind, action.kind)
    event = _envelope(settings, f"user_send_{name}", user, settings.zalo_oa_id, user, action.timestamp)
    return event | {"message": _message(action)}


def echo(settings: Settings, user: str, content: Content, message_id: str, timestamp: int) -> dict[str, Any]:
    """The event that tells the app what the official account itself just sent."""
    name = f"oa_send_{ECHO_NAMES.get(content.kind, 'template')}"
    event = _envelope(settings, name, settings.zalo_oa_id, user, user, timestamp)
    message: dict[str, Any] = {"text": content.text, "msg_id": message_id}
    if content.images:
        message["attachments"] = [{"type": content.kind, "payload": _picture(url)} for url in content.images]
    return event | {"message": message}


def received(settings: Settings, user: str, message_id: str, timestamp: int) -> dict[str, Any]:
    """Delivery receipt."""
    event = _envelope(settings, "user_received_message", settings.zalo_oa_id, user, user, timestamp)
    return event | {"message": {"msg_id": message_id}}


def seen(settings: Settings, user: str, message_ids: list[str], timestamp: int) -> dict[str, Any]:
    """Read receipt; the only event with an array of ids."""
    event = _envelope(settings, "user_seen_message", settings.zalo_oa_id, user, user, timestamp)
    return event | {"message": {"msg_ids": message_ids}}


def user_id_by_app(user: str) -> str:
    """The app-scoped twin of a user id: 19 digits, always the same for the same user."""
    return str(10**18 + int(hashlib.sha256(user.encode()).hexdigest(), 16) % (9 * 10**18))


def _envelope(settings: Settings, name: str, sender: str, recipient: str, user: str, timestamp: int) -> dict[str, Any]:
    return {
        "app_id": settings.zalo_app_id,
        "sender": {"id": sender},
        "user_id_by_app": user_id_by_app(user),
        "recipient": {"id": recipient},
        "event_name": name,
        "message": {},
        "timestamp": str(timestamp),
    }


def _message(action: CitizenAction) -> dict[str, Any]:
    if action.kind == "tap":
        return {"text": action.payload, "msg_id": action.message_id}
    if action.kind == "text":
        return {"text": action.text, "msg_id": action.message_id}
    message: dict[str, Any] = {"msg_id": action.message_id, "attachments": [_attachment(action)]}
    return {"text": action.text} | message if action.text else message


def _attachment(action: CitizenAction) -> dict[str, Any]:
    if action.kind == "image":
        return {"type": "image", "payload": _picture(action.image)}
    if action.kind == "sticker":
        return {"type": "sticker", "payload": dict(STICKER)}
    latitude, longitude = action.location or (0.0, 0.0)
    coordinates = {"latitude": f"{latitude:.7f}", "longitude": f"{longitude:.7f}"}
    return {"type": "location", "payload": {"coordinates": coordinates}}


def _picture(url: str) -> dict[str, str]:
    return {"thumbnail": url, "url": url}


def _follow(settings: Settings, user: str, action: CitizenAction) -> dict[str, Any]:
    return {
        "oa_id": settings.zalo_oa_id,
        "follower": {"id": user},
        "user_id_by_app": user_id_by_app(user),
        "event_name": action.kind,
        "source": "oa_profile",
        "app_id": settings.zalo_app_id,
        "timestamp": str(action.timestamp),
    }


def _withdraw(settings: Settings, user: str, action: CitizenAction) -> dict[str, Any]:
    return {
        "app_id": settings.zalo_app_id,
        "event_name": "user_withdraw",
        "oa_id": settings.zalo_oa_id,
        "user_id": user,
        "user_id_by_app": user_id_by_app(user),
        "timestamp": str(action.timestamp),
    }
