"""The simulator in a test's hands: a gateway that remembers, and the calls of people and gateways."""

import json
import shutil
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from simulator.settings import Settings, read_settings

APP, OA, USER = "1847362950174826395", "2750918364027519384", "6093184725501938472"
PAGE, PSID = "104882019374655", "7719203846550192"
ZALO_TIME = 1795392000000
CS = "/v3.0/oa/message/cs"
SEND = "/v25.0/me/messages"
FIRST_REFRESH, APP_SECRET, PAGE_TOKEN = "demo-refresh-token", "app-secret", "page-token-demo"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ENVIRONMENT = {
    "ZALO_APP_ID": APP,
    "ZALO_APP_SECRET": "app-secret,older-secret",
    "ZALO_OA_ID": OA,
    "ZALO_OA_SECRET_KEY": "oa-secret-demo",
    "MESSENGER_PAGE_ID": PAGE,
    "MESSENGER_APP_SECRET": "app-secret-demo",
    "MESSENGER_VERIFY_TOKEN": "verify-demo",
    "MESSENGER_PAGE_TOKEN": "page-token-demo",
}


class Gateway:
    """A real HTTP server that keeps what it receives and answers what the test says."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                gateway.received.append((self.path, dict(self.headers.items()), body))
                self.send_response(gateway.statuses.pop(0) if gateway.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, _, body in self.received]

    def wait_for(self, count: int) -> list[Any]:
        wait_until(lambda: len(self.received) >= count)
        return self.bodies()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited too long"
        time.sleep(0.01)


def make_settings(gateway_url: str, var_dir: Path, **changes: Any) -> Settings:
    values = vars(read_settings(ENVIRONMENT)) | {"webhook_url": gateway_url, "var_dir": var_dir}
    return Settings(**(values | {"echoes": False, "receipts": False, "retry_delays": (0.02, 0.02)} | changes))


def write(client: FlaskClient, channel: str = "zalo", **body: Any) -> Any:
    user = USER if channel == "zalo" else PSID
    answer = client.post("/api/messages", json={"channel": channel, "user": user} | body)
    assert answer.status_code == 200, answer.text
    return answer.json


def messages(client: FlaskClient, channel: str = "zalo") -> Any:
    user = USER if channel == "zalo" else PSID
    return client.get(f"/api/conversations/{channel}/{user}").json["messages"]


def refresh(client: FlaskClient, token: str = FIRST_REFRESH, secret: str = APP_SECRET) -> Any:
    form = {"grant_type": "refresh_token", "refresh_token": token, "app_id": APP}
    return client.post("/v4/oa/access_token", data=form, headers={"secret_key": secret}).json


def zalo_send(client: FlaskClient, access: str, message: Any, user: Any = USER) -> Any:
    body = {"recipient": {"user_id": user}, "message": message}
    answer = client.post(CS, json=body, headers={"access_token": access})
    assert answer.status_code == 200
    return answer.json


def graph_send(client: FlaskClient, *, token: str = PAGE_TOKEN, user: str = PSID, **body: Any) -> Any:
    request = {"recipient": {"id": user}, "messaging_type": "RESPONSE"} | body
    return client.post(SEND, json=request, headers={"Authorization": f"Bearer {token}"})


def zalo_buttons(count: int = 1, title: str = "Gửi", payload: Any = "#GUI", kind: str = "oa.query.show") -> Any:
    button = {"title": title, "type": kind, "payload": payload}
    return {"text": "Chọn", "attachment": {"type": "template", "payload": {"buttons": [button] * count}}}


def quick_replies(count: int, title: str = "Có") -> Any:
    return {"text": "?", "quick_replies": [{"content_type": "text", "title": title, "payload": "P"}] * count}


def button_template(count: int = 1, text: str = "Chọn") -> Any:
    buttons = [{"type": "postback", "title": "Có", "payload": "P"}] * count
    return {
        "attachment": {"type": "template", "payload": {"template_type": "button", "text": text, "buttons": buttons}}
    }


def order(client: FlaskClient, endpoint: str, kind: str, count: int = 1, **more: Any) -> None:
    answer = client.post("/api/faults", json={"endpoint": endpoint, "kind": kind, "count": count} | more)
    assert answer.status_code == 200
