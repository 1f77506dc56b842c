"""Answers the calls the gateway makes to graph.facebook.com; registered by `app`."""

import hmac
import json
import secrets
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request

from simulator.faults import Fault
from simulator.graph_rules import (
    SENDER_ACTIONS,
    GraphError,
    check_window,
    invalid,
    read_button,
    read_content,
    read_recipient,
)
from simulator.media import PictureRefused
from simulator.serving import serve_send
from simulator.world import World

TYPING_MS = 20_000
MAX_FILE = 25 * 1024 * 1024
FILES = "https://files.invalid"  # documents are shown by name, nobody opens them here
MAX_MENU_TITLE = 30
MAX_MENU_ITEMS = 20
MAX_GREETING = 160
MAX_ICE_BREAKERS = 4
PROFILE_FIELDS = ("get_started", "greeting", "ice_breakers", "persistent_menu", "whitelisted_domains")


class GraphServer:
    """Facebook's side of the Send API and the Messenger profile."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._uploads: dict[str, str] = {}

    def routes(self) -> Blueprint:
        """The addresses under the configured Graph version."""
        routes = Blueprint("graph_server", __name__, url_prefix=f"/{self._world.settings.messenger_api_version}")
        routes.add_url_rule("/<page>/messages", view_func=self.send, methods=["POST"])
        routes.add_url_rule("/me/messenger_profile", view_func=self.profile, methods=["GET", "POST", "DELETE"])
        routes.add_url_rule("/<page>/message_attachments", view_func=self.upload, methods=["POST"])
        routes.add_url_rule("/<page>/subscribed_apps", view_func=self.subscribe, methods=["GET", "POST"])
        routes.add_url_rule("/<psid>", view_func=self.describe_user)
        routes.register_error_handler(GraphError, _refusal)
        return routes

    def send(self, page: str) -> Response:
        """POST /{page or me}/messages."""
        token = _token()
        valid = self._valid(token)
        return serve_send(self._world, "messenger_send", token, valid, lambda fault: self._answer(page, fault))

    def profile(self) -> Response:
        """GET, POST and DELETE /me/messenger_profile."""
        self._check_token()
        kept = self._world.disk.get("messenger_profile", {})
        if request.method == "GET":
            asked = request.args.get("fields", "").split(",")
            found = {name: value for name, value in kept.items() if name in asked}
            return jsonify(data=[found] if found else [])
        body = request.get_json(silent=True)
        if not isinstance(body, dict) or not body:
            raise invalid("The parameter fields is required")
        changed = _without(kept, body) if request.method == "DELETE" else kept | _checked_profile(kept, body)
        self._world.disk.put("messenger_profile", changed)
        return jsonify(result="success")

    def upload(self, page: str) -> Response:
        """POST /{page}/message_attachments: a file, or an address to keep under an id."""
        self._check_page(page)
        self._check_token()
        file = request.files.get("filedata")
        if file is None:
            return jsonify(attachment_id=self._keep(_attachment_url(request.get_json(silent=True))))
        data = file.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise invalid("Attachment is too large", 2018109)
        if _uploaded_kind() == "file":
            return jsonify(attachment_id=self._keep(f"{FILES}/{quote(file.filename or 'file')}"))
        try:
            return jsonify(attachment_id=self._keep(self._world.media.add(data)))
        except PictureRefused as error:
            raise invalid("Attachment could not be read", 2018047) from error

    def subscribe(self, page: str) -> Response:
        """POST and GET /{page}/subscribed_apps."""
        self._check_page(page)
        self._check_token()
        return jsonify(success=True) if request.method == "POST" else jsonify(data=[{"name": "app"}])

    def describe_user(self, psid: str) -> Response:
        """GET /{psid}?fields=first_name,last_name,profile_pic."""
        self._check_token()
        conversation = self._world.store.find("messenger", psid)
        if conversation is None:
            raise invalid("Unsupported get request. Object does not exist", 33)
        last, _, first = conversation.name.rpartition(" ")
        known = {"first_name": first, "last_name": last, "name": conversation.name, "profile_pic": "", "id": psid}
        asked = [*request.args.get("fields", "first_name,last_name,profile_pic").split(","), "id"]
        return jsonify({name: known[name] for name in asked if name in known})

    def _answer(self, page: str, fault: Fault | None) -> Response:
        try:
            return self._send(page, fault)
        except GraphError as error:
            return _refusal(error)

    def _send(self, page: str, fault: Fault | None) -> Response:
        if fault is not None and fault.code is not None:
            raise GraphError(fault.code, f"(#{fault.code}) simulated error", fault.subcode)
        if fault is not None and fault.kind == "expired_token":
            raise GraphError(190, "Error validating access token: Session has expired", 463)
        self._check_token()
        self._check_page(page)
        body: Any = request.get_json(silent=True)
        user = read_recipient(body)
        check_window(body, self._world.now(), self._world.last_contact("messenger", user))
        if "sender_action" in body:
            return self._act(user, body)
        content = read_content(body, self._uploads)
        metadata = str(body["message"].get("metadata", ""))
        message_id = self._world.page_wrote("messenger", user, content, metadata)
        return jsonify(recipient_id=user, message_id=message_id)

    def _act(self, user: str, body: dict[str, Any]) -> Response:
        action = body["sender_action"]
        if action not in SENDER_ACTIONS or "message" in body:
            raise invalid("Param sender_action is not one of the allowed values, or comes with a message")
        conversation = self._world.store.open("messenger", user)
        if action in ("typing_on", "typing_off"):
            self._world.store.typing(conversation, self._world.now() + TYPING_MS if action == "typing_on" else 0)
        if action == "mark_seen":
            self._world.store.receipt(conversation, "seen")
        return jsonify(recipient_id=user)

    def _valid(self, token: str) -> bool:
        known = self._world.settings.messenger_page_tokens
        return any(hmac.compare_digest(token.encode(), page_token.encode()) for page_token in known)

    def _check_token(self) -> None:
        if not self._valid(_token()):
            raise GraphError(190, "Invalid OAuth access token - Cannot parse access token")

    def _check_page(self, page: str) -> None:
        if page not in ("me", self._world.settings.messenger_page_id):
            raise invalid("Unsupported post request. Object does not exist", 33)

    def _keep(self, url: str) -> str:
        key = str(10**15 + secrets.randbelow(9 * 10**15))
        self._uploads[key] = url
        return key


def _token() -> str:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value if scheme == "Bearer" and value else request.args.get("access_token", "")


def _refusal(error: GraphError) -> Response:
    fields: dict[str, Any] = {"message": error.message, "type": "OAuthException", "code": error.code}
    if error.subcode is not None:
        fields["error_subcode"] = error.subcode
    answer = jsonify(error=fields | {"fbtrace_id": secrets.token_urlsafe(12)})
    answer.status_code = error.status
    return answer


def _uploaded_kind() -> str:
    """The type named in the form beside an uploaded file."""
    try:
        message = json.loads(request.form.get("message", ""))
        return str(message["attachment"]["type"])
    except (ValueError, KeyError, TypeError) as error:
        raise invalid("Param message[attachment][type] must be set") from error


def _attachment_url(body: Any) -> str:
    message = body.get("message") if isinstance(body, dict) else None
    attachment = message.get("attachment") if isinstance(message, dict) else None
    payload = attachment.get("payload") if isinstance(attachment, dict) else None
    url = payload.get("url") if isinstance(payload, dict) else None
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise invalid("Param attachment[payload][url] must be an address")
    return url


def _without(kept: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    fields = body.get("fields")
    if not isinstance(fields, list) or not fields:
        raise invalid("The parameter fields is required")
    if "get_started" in fields and "persistent_menu" in kept and "persistent_menu" not in fields:
        raise invalid("You must remove the persistent menu before get_started", 2018145)
    return {name: value for name, value in kept.items() if name not in fields}


def _checked_profile(kept: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    if any(name not in PROFILE_FIELDS for name in body):
        raise invalid("Unknown profile field")
    if "persistent_menu" in body and "get_started" not in kept | body:
        raise invalid("You must set a Get Started button to use the persistent menu", 2018145)
    greetings, menus = _localised(body, "greeting"), _localised(body, "persistent_menu")
    if any(len(str(entry.get("text", ""))) > MAX_GREETING for entry in greetings):
        raise invalid("Param greeting[text] is too long")
    for menu in menus:
        for item in _items(menu, MAX_MENU_ITEMS):
            read_button(item, MAX_MENU_TITLE)
    for starters in _entries(body, "ice_breakers"):
        _items(starters, MAX_ICE_BREAKERS)
    return body


def _entries(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = body.get(name, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise invalid(f"Param {name} must be a list of objects")
    return entries


def _localised(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = _entries(body, name)
    if name in body and all(entry.get("locale") != "default" for entry in entries):
        raise invalid(f"Param {name} needs the default locale")
    return entries


def _items(entry: dict[str, Any], limit: int) -> list[Any]:
    items = entry.get("call_to_actions", [])
    if not isinstance(items, list) or len(items) > limit:
        raise invalid("Param call_to_actions has too many items")
    return items
