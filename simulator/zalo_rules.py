"""Decides what Zalo accepts as an outgoing message (message API v3.0, "tin tư vấn"); called by `zalo_server`."""

from collections.abc import Callable
from typing import Any

from simulator.store import Button, Card, Content

MAX_TEXT = 2000
MAX_BUTTONS = 5
MAX_TITLE = 100
MAX_PAYLOAD = 1000
MAX_ELEMENTS = 5
WINDOW_MS = 7 * 24 * 3600 * 1000
QUERY_KINDS = {"oa.query.show": "query_show", "oa.query.hide": "query_hide"}
OBJECT_KINDS = {
    "oa.open.url": ("url", "url"),
    "oa.open.phone": ("phone", "phone_code"),
    "oa.open.sms": ("sms", "phone_code"),
}

Find = Callable[[str], str | None]


class ZaloError(Exception):
    """An answer with an error code; Zalo sends these with HTTP 200."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(name: str) -> ZaloError:
    """The refusal for a parameter that is missing or wrong."""
    return ZaloError(-201, f"{name} is invalid")


def read_recipient(body: Any) -> str:
    """The user id of a send request; it must be a string."""
    recipient = _object(body, "body").get("recipient")
    user = _object(recipient, "recipient").get("user_id")
    if not isinstance(user, str) or not user:
        raise invalid("user_id")
    return user


def read_anonymous(body: Any) -> str:
    """Who is meant by an anonymous id with its conversation; anything else is refused as the old API is."""
    recipient = _object(_object(body, "body").get("recipient"), "recipient")
    person, conversation = recipient.get("anonymous_id"), recipient.get("conversation_id")
    if not isinstance(person, str) or not isinstance(conversation, str) or not person or not conversation:
        raise ZaloError(-240, "This API is no longer supported")
    return person


def read_template(body: Any) -> tuple[str, Content]:
    """User and words of a template message by user id."""
    fields = _object(body, "body")
    user, template = fields.get("user_id"), fields.get("template_id")
    if not isinstance(user, str) or not user:
        raise invalid("user_id")
    if not isinstance(template, str) or not template:
        raise invalid("template_id")
    places = _object(fields.get("template_data"), "template_data")
    return user, Content(kind="template", text=f"[{template}] " + ", ".join(map(str, places.values())))


def check_window(now: int, last_contact: int | None) -> None:
    """Refuses users who never wrote, and those silent for more than seven days."""
    if last_contact is None:
        raise invalid("user_id")
    if now - last_contact > WINDOW_MS:
        raise ZaloError(-230, "User has not interacted with the OA in the past 7 days")


def read_content(body: dict[str, Any], find_upload: Find) -> Content:
    """What the citizen will see; `find_upload` resolves attachment ids and file tokens."""
    message = _object(body.get("message"), "message")
    text = message.get("text", "")
    if not isinstance(text, str):
        raise invalid("text")
    if len(text) > MAX_TEXT:
        raise ZaloError(-210, f"text must not be longer than {MAX_TEXT} characters")
    if "attachment" not in message:
        if not text:
            raise invalid("message")
        return Content(text=text)
    return _attachment(text, _object(message["attachment"], "attachment"), find_upload)


def _attachment(text: str, attachment: dict[str, Any], find_upload: Find) -> Content:
    payload = _object(attachment.get("payload"), "payload")
    if attachment.get("type") == "file":
        return _file(text, payload, find_upload)
    if attachment.get("type") != "template":
        raise invalid("attachment.type")
    template = payload.get("template_type")
    if template == "media":
        return _media(text, payload, find_upload)
    if template in ("list", "request_user_info"):
        return _list(text, payload, template)
    if template not in (None, "button") or not text:
        raise invalid("template_type" if text else "text")
    return Content(text=text, buttons=_buttons(payload.get("buttons")))


def _file(text: str, payload: dict[str, Any], find_upload: Find) -> Content:
    found = find_upload(str(payload.get("token")))
    if found is None:
        raise invalid("token")
    return Content(kind="file", text=text, file=found)


def _media(text: str, payload: dict[str, Any], find_upload: Find) -> Content:
    elements = payload.get("elements")
    if not isinstance(elements, list) or len(elements) != 1:
        raise invalid("elements")
    element = _object(elements[0], "elements")
    kind = element.get("media_type")
    if kind not in ("image", "gif", "sticker"):
        raise invalid("media_type")
    url = element.get("url")
    if isinstance(url, str) and url.startswith(("http://", "https://")) and kind != "sticker":
        return Content(kind=kind, text=text, images=(url,))
    if kind == "sticker" and isinstance(element.get("attachment_id"), str):
        return Content(kind=kind, text=text)
    if "attachment_id" not in element:
        raise invalid("url")
    found = find_upload(str(element["attachment_id"]))
    if found is None:
        raise ZaloError(-100, "attachment_id is expired")
    return Content(kind=kind, text=text, images=(found,))


def _list(text: str, payload: dict[str, Any], template: str) -> Content:
    elements = payload.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= MAX_ELEMENTS:
        raise invalid("elements")
    cards = tuple(_card(_object(element, "elements")) for element in elements)
    buttons = _buttons(payload["buttons"]) if payload.get("buttons") else ()
    return Content(kind="list" if template == "list" else "template", text=text, cards=cards, buttons=buttons)


def _card(element: dict[str, Any]) -> Card:
    title = element.get("title")
    if not isinstance(title, str) or not 1 <= len(title) <= MAX_TITLE:
        raise invalid("title")
    action = element.get("default_action") or {}
    url = str(action.get("url", "")) if isinstance(action, dict) else ""
    return Card(title, str(element.get("subtitle", "")), str(element.get("image_url", "")), url)


def _buttons(value: Any) -> tuple[Button, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_BUTTONS:
        raise invalid("buttons")
    return tuple(_button(_object(item, "buttons")) for item in value)


def _button(item: dict[str, Any]) -> Button:
    title, kind, payload = item.get("title"), item.get("type"), item.get("payload")
    if not isinstance(title, str) or not 1 <= len(title) <= MAX_TITLE:
        raise invalid("title")
    if kind in QUERY_KINDS:
        if not isinstance(payload, str) or not 1 <= len(payload) <= MAX_PAYLOAD:
            raise invalid("payload")
        return Button(title, QUERY_KINDS[kind], payload)
    if kind not in OBJECT_KINDS:
        raise invalid("type")
    name, key = OBJECT_KINDS[kind]
    value = _object(payload, "payload").get(key)
    if not isinstance(value, str) or not value:
        raise invalid(key)
    return Button(title, name, value)


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid(name)
    return value
