"""Small real stand-ins for what the tests cannot have: the platforms' servers. Used by every test that needs one."""

import hashlib
import hmac
import json
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """One answer of a fake server: JSON (or raw bytes) with a status, late by `delay` seconds, or a cut connection."""

    body: Any = field(default_factory=dict)
    status: int = 200
    delay: float = 0.0
    cut: bool = False
    location: str = ""

    @property
    def raw(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Call:
    """One request a fake server received."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


class FakePlatform:
    """Zalo's and Facebook's servers on 127.0.0.1: friendly unless `script` says otherwise; remembers every call."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._scripts: dict[str, deque[Reply]] = defaultdict(deque)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def script(self, path_part: str, *replies: Reply) -> None:
        """The next calls whose path holds `path_part` get these replies, one each."""
        self._scripts[path_part].extend(replies)

    def calls_to(self, path_part: str) -> list[Call]:
        return [call for call in self.calls if path_part in call.path]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _reply(self, call: Call) -> Reply:
        with self._lock:
            self.calls.append(call)
            for path_part, replies in self._scripts.items():
                if path_part in call.path and replies:
                    return replies.popleft()
            return self._friendly(call.path, len(self.calls))

    def _friendly(self, path: str, number: int) -> Reply:
        if path.endswith("/oa/access_token"):
            return Reply(
                {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}", "expires_in": "90000"}
            )
        if path.endswith("/oa/message/cs"):
            return Reply({"data": {"message_id": f"sent-{number}"}, "error": 0, "message": "Success"})
        return Reply({"recipient_id": "someone", "message_id": f"sent-{number}"})

    def _handler(platform) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                reply = platform._reply(Call(self.path, dict(self.headers.items()), raw))
                time.sleep(reply.delay)
                if reply.cut:
                    self.close_connection = True
                    return
                try:
                    self.send_response(reply.status)
                    self.send_header("Content-Length", str(len(reply.raw)))
                    if reply.location:
                        self.send_header("Location", reply.location)
                    self.end_headers()
                    self.wfile.write(reply.raw)
                except OSError:  # the caller did not wait: that is what the test wanted
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                """Silence."""

        return Handler


def sign_zalo(raw: bytes, secret: str, app_id: str) -> dict[str, str]:
    """The header Zalo sends: SHA-256 over app id, body, the body's timestamp and the OA secret key."""
    stamp = str(json.loads(raw)["timestamp"])
    return {
        "X-ZEvent-Signature": "mac=" + hashlib.sha256(f"{app_id}{raw.decode()}{stamp}{secret}".encode()).hexdigest()
    }


def sign_messenger(raw: bytes, secret: str) -> dict[str, str]:
    """The header Facebook sends: HMAC-SHA256 of the body."""
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()}
