"""Builds Messenger webhook bodies (Page webhooks) as plain dicts; called by `world`.

    {"object":"page","entry":[{"id":"<PAGE>","time":1795392000000,"messaging":[
      {"sender":{"id":"<PSID>"},"recipient":{"id":"<PAGE>"},"timestamp":1795392000000,"message":{"mid":"m_…","text":"…"}}]}]}

Ids are strings, times are numbers in milliseconds.
"""

from typing import Any

from simulator.citizen import CitizenAction
from simulator.settings import Settings
from simulator.store import Content

APP_ID = 934817203645519
STICKER = {"url": "https://scontent.xx.fbcdn.net/v/like.png", "sticker_id": 369239263222822}


def from_citizen(settings: Settings, user: str, action: CitizenAction) -> dict[str, Any]:
    """The event the platform sends when a person writes to the Page or taps something."""
    if action.kind == "tap" and action.button != "quick_reply":
        postback = {"mid": action.message_id, "title": action.text, "payload": action.payload}
        return _envelope(settings, user, settings.messenger_page_id, action.timestamp, {"postback": postback})
    return _envelope(settings, user, settings.messenger_page_id, action.timestamp, {"message": _message(action)})


def echo(
    settings: Settings, user: str, content: Content, message_id: str, timestamp: int, metadata: str
) -> dict[str, Any]:
    """The event that tells the app what the Page itself just sent."""
    message: dict[str, Any] = {"is_echo": True, "app_id": APP_ID}
    if metadata:
        message["metadata"] = metadata
    message["mid"] = message_id
    if content.kind == "text":
        message["text"] = content.text
    elif content.images:
        message["attachments"] = [{"type": "image", "payload": {"url": url}} for url in content.images]
    else:
        message["attachments"] = [{"type": "template", "payload": {"template_type": content.kind}}]
    return _envelope(settings, settings.messenger_page_id, user, timestamp, {"message": message})


def delivered(settings: Settings, user: str, message_id: str, timestamp: int) -> dict[str, Any]:
    """Delivery receipt."""
    delivery = {"mids": [message_id], "watermark": timestamp}
    return _envelope(settings, user, settings.messenger_page_id, timestamp, {"delivery": delivery})


def read(settings: Settings, user: str, timestamp: int) -> dict[str, Any]:
    """Read receipt: everything before the watermark; no ids."""
    return _envelope(settings, user, settings.messenger_page_id, timestamp, {"read": {"watermark": timestamp}})


def _envelope(settings: Settings, sender: str, recipient: str, timestamp: int, event: dict[str, Any]) -> dict[str, Any]:
    item = {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": timestamp} | event
    entry = {"id": settings.messenger_page_id, "time": timestamp, "messaging": [item]}
    return {"object": "page", "entry": [entry]}


def _message(action: CitizenAction) -> dict[str, Any]:
    message: dict[str, Any] = {"mid": action.message_id}
    if action.text:
        message["text"] = action.text
    if action.kind == "tap":
        message["quick_reply"] = {"payload": action.payload}
    if action.kind in ("image", "sticker", "location"):
        message["attachments"] = [_attachment(action)]
    return message


def _attachment(action: CitizenAction) -> dict[str, Any]:
    if action.kind == "image":
        return {"type": "image", "payload": {"url": action.image}}
    if action.kind == "sticker":
        return {"type": "sticker", "payload": dict(STICKER)}
    latitude, longitude = action.location or (0.0, 0.0)
    return {"type": "location", "payload": {"coordinates": {"lat": latitude, "long": longitude}}}
