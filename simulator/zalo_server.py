"""Answers the calls the gateway makes to openapi.zalo.me and oauth.zaloapp.com; registered by `app`."""

import hmac
import json
import logging
import secrets
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, request

from simulator.catalogue import Catalogue
from simulator.faults import Fault
from simulator.media import PictureRefused
from simulator.serving import serve, serve_send
from simulator.tokens import ACCESS_SECONDS, TokenPair, TokenRefused
from simulator.world import World
from simulator.zalo_events import user_id_by_app
from simulator.zalo_rules import (
    ZaloError,
    check_window,
    invalid,
    read_anonymous,
    read_content,
    read_recipient,
    read_template,
)

UPLOAD_LIMITS = {"image": 1024 * 1024, "gif": 5 * 1024 * 1024, "file": 5 * 1024 * 1024}
FILE_ENDINGS = (".pdf", ".doc", ".docx", ".csv")

log = logging.getLogger(__name__)


class ZaloServer:
    """Zalo's side of the message API v3.0 and OAuth v4."""

    def __init__(self, world: World, catalogue: Catalogue) -> None:
        self._world = world
        self._catalogue = catalogue
        self._uploads: dict[str, str] = {}

    def routes(self) -> Blueprint:
        """The addresses, as on the real hosts."""
        routes = Blueprint("zalo_server", __name__)
        routes.add_url_rule("/v3.0/oa/message/cs", view_func=self.send, methods=["POST"])
        routes.add_url_rule("/v2.0/oa/message", view_func=self.send_anonymous, methods=["POST"])
        routes.add_url_rule("/v3.0/oa/message/template", view_func=self.send_template, methods=["POST"])
        routes.add_url_rule("/v4/oa/access_token", view_func=self.issue_token, methods=["POST"])
        routes.add_url_rule("/v4/oa/permission", view_func=self.permit)
        routes.add_url_rule("/v2.0/oa/getoa", view_func=self.describe_account)
        routes.add_url_rule("/v2.0/oa/upload/<kind>", view_func=self.upload, methods=["POST"])
        routes.add_url_rule("/v3.0/oa/user/detail", view_func=self.describe_user)
        return routes

    def send(self) -> Response:
        """POST /v3.0/oa/message/cs."""
        token = request.headers.get("access_token", "")
        return serve_send(self._world, "zalo_send", token, self._world.tokens.accepts(token), self._send)

    def send_anonymous(self) -> Response:
        """POST /v2.0/oa/message: people who are not signed in; everything else moved to v3."""
        token = request.headers.get("access_token", "")
        return serve_send(self._world, "zalo_send", token, self._world.tokens.accepts(token), self._send_anonymous)

    def send_template(self) -> Response:
        """POST /v3.0/oa/message/template: a ZBS template by user id, at any age of the conversation."""
        token = request.headers.get("access_token", "")
        return serve_send(self._world, "zalo_template", token, self._world.tokens.accepts(token), self._send_template)

    def issue_token(self) -> Response:
        """POST /v4/oa/access_token."""
        return serve(self._world, "zalo_token", self._issue_token)

    def permit(self) -> Response:
        """GET /v4/oa/permission: the owner always agrees, and goes back to the app with a code."""
        if request.args.get("app_id") != self._world.settings.zalo_app_id:
            return _oauth_error(-14002, "Invalid app id")
        target = request.args.get("redirect_uri", "")
        if not target.startswith(("http://", "https://")):
            return _oauth_error(-14003, "Invalid redirect uri")
        code = self._world.tokens.authorise(request.args.get("code_challenge", ""))
        fields = {"code": code, "oa_id": self._world.settings.zalo_oa_id, "state": request.args.get("state", "")}
        return Response("", 302, {"Location": f"{target}?{urlencode(fields)}"})

    def describe_account(self) -> Response:
        """GET /v2.0/oa/getoa."""
        if (refusal := self._refuse_token(None)) is not None:
            return refusal
        account = {
            "oaid": self._world.settings.zalo_oa_id,
            "oa_id": self._world.settings.zalo_oa_id,
            "name": self._catalogue.oa_name,
            "is_verified": True,
            "package_name": "OA Premium",
            "linked_zca": "",
        }
        return _success(account)

    def describe_user(self) -> Response:
        """GET /v3.0/oa/user/detail?data={"user_id":"…"}."""
        if (refusal := self._refuse_token(None)) is not None:
            return refusal
        try:
            asked = json.loads(request.args.get("data", ""))
        except ValueError:
            return _error(invalid("data"))
        user = asked.get("user_id") if isinstance(asked, dict) else None
        conversation = self._world.store.find("zalo", user) if isinstance(user, str) else None
        if conversation is None:
            return _error(invalid("user_id"))
        return _success(
            {
                "user_id": conversation.user,
                "user_id_by_app": user_id_by_app(conversation.user),
                "user_external_id": "",
                "display_name": conversation.name,
                "user_alias": conversation.name,
                "is_sensitive": False,
                "user_is_follower": conversation.following,
                "avatar": "",
                "avatars": {"120": "", "240": ""},
                "tags_and_notes_info": {"notes": [], "tag_names": []},
                "shared_info": {},
            }
        )

    def upload(self, kind: str) -> Response:
        """POST /v2.0/oa/upload/{image,gif,file}."""
        return serve(self._world, "zalo_upload", lambda fault: self._upload(kind, fault))

    def _send(self, fault: Fault | None) -> Response:
        if (refusal := self._refuse_token(fault)) is not None:
            return refusal
        body: Any = request.get_json(silent=True)
        try:
            user = read_recipient(body)
            check_window(self._world.now(), self._world.last_contact("zalo", user))
            content = read_content(body, self._uploads.get)
        except ZaloError as error:
            return _error(error)
        message_id = self._world.page_wrote("zalo", user, content)
        quota = {"quota_type": "reply", "remain": "8", "total": "8"}
        return _success(
            {"message_id": message_id, "user_id": user, "sent_time": str(self._world.now()), "quota": quota}
        )

    def _send_anonymous(self, fault: Fault | None) -> Response:
        if (refusal := self._refuse_token(fault)) is not None:
            return refusal
        body: Any = request.get_json(silent=True)
        try:
            user = read_anonymous(body)
            content = read_content(body, self._uploads.get)
        except ZaloError as error:
            return _error(error)
        return _success({"message_id": self._world.page_wrote("zalo", user, content), "user_id": user})

    def _send_template(self, fault: Fault | None) -> Response:
        if (refusal := self._refuse_token(fault)) is not None:
            return refusal
        body: Any = request.get_json(silent=True)
        try:
            user, content = read_template(body)
        except ZaloError as error:
            return _error(error)
        if self._world.last_contact("zalo", user) is None:
            return _error(invalid("user_id"))
        return _success({"message_id": self._world.page_wrote("zalo", user, content), "user_id": user})

    def _refuse_token(self, fault: Fault | None) -> Response | None:
        if fault is not None and fault.kind in ("expired_token", "revoked_token"):
            self._world.tokens.revoke()
        if fault is not None and fault.code is not None:
            return _error(ZaloError(fault.code, "simulated error"))
        if not self._world.tokens.accepts(request.headers.get("access_token", "")):
            return _error(ZaloError(-216, "Access token is invalid"))
        return None

    def _issue_token(self, fault: Fault | None) -> Response:
        settings = self._world.settings
        if fault is not None and fault.code is not None:
            return _oauth_error(fault.code, "simulated error")
        if request.form.get("app_id") != settings.zalo_app_id:
            return _oauth_error(-14002, "Invalid app id")
        given = request.headers.get("secret_key", "").encode()
        if not any(hmac.compare_digest(given, secret.encode()) for secret in settings.zalo_app_secrets):
            return _oauth_error(-14004, "Invalid secret key")
        try:
            pair = self._spend()
        except TokenRefused:
            log.warning(
                "zalo token refused: it is unknown or was used before; delete simulator.json in VAR_DIR, or "
                'POST {"tokens": true} to /api/reset, to start again from ZALO_REFRESH_TOKEN'
            )
            return _oauth_error(-14014, "Invalid refresh token or authorization code")
        return jsonify(access_token=pair.access, refresh_token=pair.refresh, expires_in=str(ACCESS_SECONDS))

    def _spend(self) -> TokenPair:
        form = request.form
        if form.get("grant_type") == "refresh_token":
            return self._world.tokens.refresh(form.get("refresh_token", ""))
        if form.get("grant_type") == "authorization_code":
            return self._world.tokens.exchange(form.get("code", ""), form.get("code_verifier", ""))
        raise TokenRefused

    def _upload(self, kind: str, fault: Fault | None) -> Response:
        if (refusal := self._refuse_token(fault)) is not None:
            return refusal
        file = request.files.get("file")
        if kind not in UPLOAD_LIMITS or file is None:
            return _error(invalid("file"))
        data = file.read(UPLOAD_LIMITS[kind] + 1)
        if len(data) > UPLOAD_LIMITS[kind]:
            return _error(ZaloError(-210, "file is too large"))
        if kind == "file":
            return self._keep_file(file.filename or "")
        try:
            url = self._world.media.add(data)
        except PictureRefused:
            return _error(invalid("file"))
        if not url.endswith((".gif",) if kind == "gif" else (".jpg", ".png")):
            return _error(invalid("file"))
        return _success({"attachment_id": self._keep(url)})

    def _keep_file(self, name: str) -> Response:
        if not name.lower().endswith(FILE_ENDINGS):
            return _error(invalid("file"))
        return _success({"token": self._keep(name)})

    def _keep(self, value: str) -> str:
        key = secrets.token_urlsafe(32)
        self._uploads[key] = value
        return key


def _success(data: dict[str, Any]) -> Response:
    return jsonify(data=data, error=0, message="Success")


def _error(error: ZaloError) -> Response:
    return jsonify(error=error.code, message=error.message)


def _oauth_error(code: int, text: str) -> Response:
    return jsonify(error=code, error_name=text, error_reason=text, ref_doc="")
