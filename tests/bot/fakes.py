"""A small action server and a client for the turn channel; used by the tests of this folder."""

import json
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FakeActions:
    """An action server with one behaviour per action; `away()` and `back()` take it off the network."""

    def __init__(self) -> None:
        self.server: ThreadingHTTPServer | None = None
        self.port = 0
        self.back()

    def back(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), _Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def away(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, body = answer(call["next_action"], call["tracker"])
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args: Any) -> None:
        """Quiet."""


def answer(action: str, tracker: dict[str, Any]) -> tuple[int, Any]:
    latest, slots = tracker["latest_message"], tracker["slots"]
    if action == "validate_toy_form":
        return validate(latest, slots)
    if action == "action_echo":
        return 200, said(
            custom={"text": latest["text"], "metadata": latest["metadata"], "sender": tracker["sender_id"]}
        )
    if action == "action_done":
        return 200, said(text=f"Xong: {slots['place']}")
    if action == "action_slow":
        time.sleep(0.3)
        return 200, said(custom={"sender": tracker["sender_id"], "text": latest["text"], "place": slots["place"]})
    if action == "action_odd":
        return 200, {"events": "nothing of the kind"}
    if action == "action_guess_mood" and "vui" in latest["text"]:
        return 200, {"events": [set_slot("mood", "vui")], "responses": []}
    return 500, {"error": "broken"}


def validate(latest: dict[str, Any], slots: dict[str, Any]) -> tuple[int, Any]:
    asked, text = slots["requested_slot"], latest["text"]
    if text == "vỡ":
        return 500, {"error": "broken"}
    if asked is None:
        return 200, {"events": [], "responses": []}
    value = latest["intent"]["name"] == "affirm" if asked == "confirm" else text
    return 200, {"events": [set_slot(asked, value or None)], "responses": []}


def said(**reply: Any) -> dict[str, list[Any]]:
    return {"events": [], "responses": [reply]}


def set_slot(name: str, value: Any) -> dict[str, Any]:
    return {"event": "slot", "name": name, "value": value}


class Client:
    """Talks to a running bot."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"

    def turn(
        self, text: str | None = None, payload: str | None = None, state: Any = None, **more: Any
    ) -> tuple[int, Any]:
        body = {"turn_id": "t-1", "text": text, "payload": payload, "state": state or {}, "metadata": {}, **more}
        return self.post("/webhooks/turn/", json.dumps(body).encode())

    def post(self, path: str, body: bytes) -> tuple[int, Any]:
        request = urllib.request.Request(self.base + path, body, {"Content-Type": "application/json"})  # noqa: S310
        return self._open(request)

    def get(self, path: str) -> tuple[int, Any]:
        return self._open(urllib.request.Request(self.base + path))  # noqa: S310

    def _open(self, request: urllib.request.Request) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(request, timeout=30) as answered:  # noqa: S310 - our own loopback address
                return answered.status, json.loads(answered.read())
        except urllib.error.HTTPError as error:
            return error.code, _json_or_text(error.read())


def _json_or_text(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode("utf-8", "replace")
