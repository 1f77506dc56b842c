"""Decides what the Messenger Send API accepts; called by `graph_server`."""

import unicodedata
from typing import Any

from simulator.store import Button, Card, Content

TEXT_LIMIT = 2000
TEMPLATE_TEXT = 640
MAX_QUICK_REPLIES = 13
MAX_BUTTONS = 3
MAX_TITLE = 20
MAX_PAYLOAD = 1000
MAX_ELEMENTS = 10
MAX_CARD_TEXT = 80
MAX_METADATA = 1000
WINDOW_MS = 24 * 3600 * 1000
HUMAN_WINDOW_MS = 7 * WINDOW_MS
SENDER_ACTIONS = ("typing_on", "typing_off", "mark_seen", "react", "unreact")


class GraphError(Exception):
    """An answer of the Graph API's error form."""

    def __init__(self, code: int, message: str, subcode: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.subcode = subcode

    @property
    def status(self) -> int:
        """The HTTP status the answer carries."""
        return {190: 401, 1: 500, 2: 500, 1200: 500}.get(self.code, 400)


def invalid(text: str, subcode: int | None = None) -> GraphError:
    """The refusal of a wrong parameter."""
    return GraphError(100, f"(#100) {text}", subcode)


def read_recipient(body: Any) -> str:
    """The PSID of a send request; it must be a string."""
    recipient = body.get("recipient") if isinstance(body, dict) else None
    user = recipient.get("id") if isinstance(recipient, dict) else None
    if not isinstance(user, str) or not user:
        raise invalid("Param recipient[id] must be a non-empty string")
    return user


def check_window(body: dict[str, Any], now: int, last_contact: int | None) -> None:
    """Refuses strangers, dead tags, and messages outside the window their type allows."""
    if last_contact is None:
        raise invalid("No matching user found", 2018001)
    kind = body.get("messaging_type", "RESPONSE")
    if kind not in ("RESPONSE", "UPDATE", "MESSAGE_TAG", "UTILITY"):
        raise invalid("Param messaging_type is not one of the allowed values")
    if kind == "MESSAGE_TAG" and body.get("tag") != "HUMAN_AGENT":
        raise invalid("Param tag is not one of the allowed values")
    allowed = {"MESSAGE_TAG": HUMAN_WINDOW_MS, "UTILITY": now}.get(kind, WINDOW_MS)
    if now - last_contact > allowed:
        raise GraphError(10, "(#10) This message is sent outside of allowed window.", 2018278)


def read_content(body: dict[str, Any], uploads: dict[str, str]) -> Content:
    """What the citizen will see; `uploads` resolves attachment ids."""
    message = body.get("message")
    if not isinstance(message, dict) or not message:
        raise invalid("Param message must be a JSON object that is not empty", 2018034)
    if len(str(message.get("metadata", ""))) > MAX_METADATA:
        raise invalid("Param message[metadata] is too long")
    if body.get("messaging_type") == "UTILITY":
        return _utility(message)
    replies = _quick_replies(message.get("quick_replies"))
    if ("text" in message) == ("attachment" in message):
        raise invalid("Message needs either text or attachment")
    if "text" in message:
        text = _text(message["text"], "message[text]", TEXT_LIMIT - 1)
        return Content(text=text, quick_replies=replies)
    return _attachment(message["attachment"], replies, uploads)


def _attachment(value: Any, replies: tuple[Button, ...], uploads: dict[str, str]) -> Content:
    attachment = _object(value, "attachment")
    payload = _object(attachment.get("payload"), "payload")
    kind = attachment.get("type")
    if kind == "template":
        return _template(payload, replies)
    if kind not in ("image", "audio", "video", "file"):
        raise invalid("Param attachment[type] is not one of the allowed values")
    url = payload.get("url") or uploads.get(str(payload.get("attachment_id")))
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise invalid("Attachment could not be found", 2018074)
    if kind == "image":
        return Content(kind="image", images=(url,), quick_replies=replies)
    return Content(kind="file", file=url, quick_replies=replies)


def _template(payload: dict[str, Any], replies: tuple[Button, ...]) -> Content:
    kind = payload.get("template_type")
    if kind == "button":
        text = _text(payload.get("text"), "payload[text]", TEMPLATE_TEXT)
        buttons = _buttons(payload.get("buttons"))
        return Content(kind="button", text=text, buttons=buttons, quick_replies=replies)
    if kind != "generic":
        raise invalid("Param template_type is not one of the allowed values")
    elements = payload.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= MAX_ELEMENTS:
        raise invalid("Param elements must have between 1 and 10 entries")
    cards = tuple(_card(_object(element, "elements")) for element in elements)
    return Content(kind="generic", cards=cards, quick_replies=replies)


def _card(element: dict[str, Any]) -> Card:
    title = _text(element.get("title"), "title", MAX_CARD_TEXT)
    subtitle = _text(element["subtitle"], "subtitle", MAX_CARD_TEXT) if element.get("subtitle") else ""
    action = element.get("default_action") or {}
    if "title" in action:
        raise invalid("Param default_action must not have a title")
    buttons = _buttons(element["buttons"]) if element.get("buttons") else ()
    return Card(title, subtitle, str(element.get("image_url", "")), str(action.get("url", "")), buttons)


def _utility(message: dict[str, Any]) -> Content:
    name = _object(message.get("template"), "template").get("name")
    if not isinstance(name, str) or not name:
        raise invalid("Param template[name] must be a non-empty string")
    return Content(kind="utility", text=f"[{name}]")


def _quick_replies(value: Any) -> tuple[Button, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_QUICK_REPLIES:
        raise invalid("Param quick_replies must have between 1 and 13 entries")
    return tuple(_quick_reply(_object(item, "quick_replies")) for item in value)


def _quick_reply(item: dict[str, Any]) -> Button:
    kind = item.get("content_type")
    if kind in ("user_phone_number", "user_email"):
        return Button(kind, "quick_reply", kind)
    if kind != "text":
        raise invalid("Param content_type is not one of the allowed values")
    title = _text(item.get("title"), "title", MAX_TITLE)
    return Button(title, "quick_reply", _text(item.get("payload"), "payload", MAX_PAYLOAD))


def _buttons(value: Any) -> tuple[Button, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_BUTTONS:
        raise invalid("Param buttons must have between 1 and 3 entries")
    return tuple(read_button(item) for item in value)


def read_button(value: Any, max_title: int = MAX_TITLE) -> Button:
    """One template button or menu item."""
    item = _object(value, "buttons")
    title = _text(item.get("title"), "title", max_title)
    kind = item.get("type")
    if kind == "postback":
        return Button(title, "postback", _text(item.get("payload"), "payload", MAX_PAYLOAD))
    if kind == "phone_number":
        return Button(title, "phone", _text(item.get("payload"), "payload", MAX_PAYLOAD))
    if kind == "web_url":
        return Button(title, "url", _text(item.get("url"), "url", TEXT_LIMIT))
    raise invalid("Param type is not one of the allowed values")


def _text(value: Any, name: str, limit: int) -> str:
    if not isinstance(value, str) or not value.strip():
        raise invalid(f"Param {name} must be a non-empty UTF-8 encoded string", 2018034)
    if len(unicodedata.normalize("NFC", value)) > limit:
        raise invalid(f"Length of param {name} must be less than or equal to {limit}")
    return value


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid(f"Param {name} must be a JSON object")
    return value
