"""JSON interface of the phone page and of tests: act as a citizen, read both sides, order faults; used by `app`."""

import json
import re
import secrets
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from simulator.api_input import InputError, read_action, read_share, read_user
from simulator.delivery import Parcel
from simulator.faults import ENDPOINTS, parse_fault, play_before
from simulator.handshake import subscribe
from simulator.media import MAX_BYTES, PictureRefused
from simulator.samples import SAMPLES, draw
from simulator.world import CHANNELS, World

FIRST_ATTEMPT_SECONDS = 15.0
MAX_FAULTS = 10_000
MAX_NAME = 60
TIMESTAMP = re.compile(rb'"timestamp"\s*:\s*"?(\d+)')


class Api:
    """The simulator's own interface, not part of either platform."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._samples: dict[str, bytes] = {}

    def routes(self) -> Blueprint:
        """The addresses under /api, the hosted pictures and the sample photos."""
        routes = Blueprint("api", __name__)
        routes.add_url_rule("/api/messages", view_func=self.write, methods=["POST"])
        routes.add_url_rule("/api/raw", view_func=self.write_raw, methods=["POST"])
        routes.add_url_rule("/api/photos", view_func=self.add_photo, methods=["POST"])
        routes.add_url_rule("/api/people", view_func=self.add_person, methods=["POST"])
        routes.add_url_rule("/api/people/<channel>", view_func=self.list_people)
        routes.add_url_rule("/api/conversations/<channel>/<user>", view_func=self.show_conversation)
        routes.add_url_rule("/api/sent", view_func=self.list_sent)
        routes.add_url_rule("/api/faults", view_func=self.faults, methods=["GET", "POST"])
        routes.add_url_rule("/api/clock", view_func=self.move_clock, methods=["POST"])
        routes.add_url_rule("/api/reset", view_func=self.reset, methods=["POST"])
        routes.add_url_rule("/api/subscribe", view_func=self.subscribe, methods=["POST"])
        routes.add_url_rule("/api/profile", view_func=self.show_profile)
        routes.add_url_rule("/media/<name>", view_func=self.show_picture)
        routes.add_url_rule("/samples/<name>.jpg", view_func=self.show_sample)
        routes.register_error_handler(InputError, _bad_request)
        return routes

    def write(self) -> Response:
        """POST /api/messages: a citizen acts; answers when the gateway was asked once."""
        body = _json()
        channel, user = _channel(body.get("channel")), read_user(body.get("user"))
        if (repeated := self._repeat(channel, user, body)) is not None:
            return repeated
        if body.get("image") in SAMPLES:
            body = body | {"image": self._world.media.add(self._sample(body["image"]))}
        conversation = self._world.store.open(channel, user)
        action = read_action(
            channel,
            body,
            offered=self._world.store.offered(conversation),
            message_id=self._world.new_message_id(channel),
            now=self._world.now(),
        )
        return _outcome(self._world.act(channel, user, action), action.message_id)

    def write_raw(self) -> Response:
        """POST /api/raw {"channel","body","tampered"?}: any webhook body (object or text), signed or tampered."""
        body = _json()
        channel, event = _channel(body.get("channel")), body.get("body")
        data = event.encode() if isinstance(event, str) else json.dumps(event, ensure_ascii=False).encode()
        stamp = TIMESTAMP.search(data)
        timestamp = stamp[1].decode() if stamp else ""
        return _outcome(self._world.raw(channel, data, timestamp, tampered=bool(body.get("tampered"))), None)

    def add_photo(self) -> Response:
        """POST /api/photos (multipart field `file`): keeps a picture, answers its address for `image`."""
        file = request.files.get("file")
        data = file.read(MAX_BYTES + 1) if file else b""
        try:
            return jsonify(url=self._world.media.add(data))
        except PictureRefused as error:
            raise InputError("picture_refused") from error

    def add_person(self) -> Response:
        """POST /api/people {"channel", "user"?, "name"?}: a new citizen, or a new name for one."""
        body = _json()
        channel, name = _channel(body.get("channel")), body.get("name", "")
        if not isinstance(name, str) or len(name) > MAX_NAME:
            raise InputError("name_invalid")
        digits = 19 if channel == "zalo" else 16
        user = read_user(body.get("user", str(10 ** (digits - 1) + secrets.randbelow(8 * 10 ** (digits - 1)))))
        conversation = self._world.store.open(channel, user, name.strip())
        return jsonify(user=conversation.user, name=conversation.name)

    def list_people(self, channel: str) -> Response:
        """GET /api/people/<channel>."""
        return jsonify(self._world.store.people(_channel(channel)))

    def show_conversation(self, channel: str, user: str) -> Response:
        """GET /api/conversations/<channel>/<user>?after=<version>: messages that changed since, oldest first."""
        conversation = self._world.store.find(_channel(channel), user)
        if conversation is None:
            return jsonify(channel=channel, user=user, name="", version=0, messages=[], typing=False, following=False)
        view = self._world.store.view(conversation, _number("after"))
        return jsonify(view | {"typing": self._world.now() < conversation.typing_until})

    def list_sent(self) -> Response:
        """GET /api/sent?after=N: calls the gateway made on send endpoints, in order."""
        return jsonify(self._world.sent.after(_number("after")))

    def faults(self) -> Response:
        """GET: what is still to come. POST {"endpoint","kind","count","seconds"?}: order more; count 0 cancels.

        With {"share": 0.1, "kind": "status500,zalo-32"} that part of all calls misbehaves until it is set to 0.
        """
        if request.method == "GET":
            return jsonify(self._world.faults.waiting())
        body = _json()
        endpoint, count, seconds = body.get("endpoint"), body.get("count", 1), body.get("seconds")
        if endpoint not in ENDPOINTS:
            raise InputError(f"endpoint must be one of {', '.join(ENDPOINTS)}")
        if type(count) is not int or not 0 <= count <= MAX_FAULTS:
            raise InputError("count_invalid")
        if count == 0:
            self._world.faults.clear(endpoint)
            return jsonify(self._world.faults.waiting())
        try:
            wait = None if seconds is None else float(seconds)
            kinds = tuple(parse_fault(endpoint, kind.strip(), wait) for kind in str(body.get("kind")).split(","))
        except (TypeError, ValueError) as error:
            raise InputError("kind_unknown") from error
        if "share" in body:
            self._world.faults.by_chance(endpoint, read_share(body["share"]), kinds)
        else:
            for kind in kinds:
                self._world.faults.order(endpoint, kind, count)
        return jsonify(self._world.faults.waiting())

    def move_clock(self) -> Response:
        """POST /api/clock {"advance_seconds": n}: later messages and windows count from there."""
        seconds = _json().get("advance_seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise InputError("advance_seconds_invalid")
        self._world.advance(seconds)
        return jsonify(now=self._world.now())

    def reset(self) -> Response:
        """POST /api/reset {"tokens"?: true}: forgets conversations, calls, faults; with tokens also the token line."""
        body = request.get_json(silent=True)
        self._world.reset(tokens=isinstance(body, dict) and body.get("tokens") is True)
        return jsonify(status="ok")

    def subscribe(self) -> Response:
        """POST /api/subscribe: does Facebook's GET handshake with the gateway."""
        status, echoed = subscribe(self._world.settings)
        return jsonify(status=status, challenge_echoed=echoed)

    def show_profile(self) -> Response:
        """GET /api/profile: greeting, Get Started and menu the gateway has set for Messenger."""
        return jsonify(self._world.disk.get("messenger_profile", {}))

    def show_picture(self, name: str) -> Response:
        """GET /media/<name>."""
        fault = self._world.faults.take("media")
        if (early := play_before(fault)) is not None:
            return early
        picture = self._world.media.find(name)
        if picture is None:
            abort(404)
        return Response(picture.data, mimetype=picture.mime, headers={"Cache-Control": "private, max-age=3600"})

    def show_sample(self, name: str) -> Response:
        """GET /samples/<name>.jpg."""
        if name not in SAMPLES:
            abort(404)
        return Response(self._sample(name), mimetype="image/jpeg", headers={"Cache-Control": "max-age=3600"})

    def _repeat(self, channel: str, user: str, body: dict[str, Any]) -> Response | None:
        message_id = body.get("message_id")
        parcel = self._world.repeat(channel, user, message_id) if isinstance(message_id, str) else None
        return _outcome(parcel, message_id) if parcel else None

    def _sample(self, name: str) -> bytes:
        if name not in self._samples:
            self._samples[name] = draw(name)
        return self._samples[name]


def _outcome(parcel: Parcel, message_id: str | None) -> Response:
    parcel.attempted.wait(FIRST_ATTEMPT_SECONDS)
    return jsonify(status=parcel.status, state=parcel.state, message_id=message_id)


def _json() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise InputError("body_must_be_a_json_object")
    return body


def _channel(value: Any) -> str:
    if value not in CHANNELS:
        raise InputError("channel_unknown")
    return str(value)


def _number(name: str) -> int:
    value = request.args.get(name, "0")
    if not value.isascii() or not value.isdecimal():
        raise InputError(f"{name}_invalid")
    return int(value)


def _bad_request(error: InputError) -> tuple[Response, int]:
    return jsonify(error=str(error)), 400
