"""Promises of the simulator: real webhooks and signatures, the platforms' answers, faults, a page that escapes."""

import hashlib
import hmac
import io
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from simulator.app import create_app
from simulator.settings import Settings, SettingsError, read_settings
from simulator.signing import messenger_signature, zalo_signature
from tests.pages import served

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


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    gateway = Gateway()
    yield gateway
    gateway.close()


@pytest.fixture
def start(gateway: Gateway, tmp_path: Path) -> Iterator[Callable[..., FlaskClient]]:
    worlds = []

    def build(**changes: Any) -> FlaskClient:
        app = create_app(make_settings(gateway.url, tmp_path, **changes))
        worlds.append(app.extensions["simulator"])
        return app.test_client()

    yield build
    for world in worlds:
        world.delivery.close()


@pytest.fixture
def client(start: Callable[..., FlaskClient]) -> FlaskClient:
    return start()


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


VECTOR_ZALO = (
    '{"app_id":"1847362950174826395","event_name":"user_send_text","message":{"msg_id":"abc123",'
    '"text":"Đèn đường hỏng ở phường Ninh Kiều"},"recipient":{"id":"2750918364027519384"},'
    '"sender":{"id":"6093184725501938472"},"timestamp":"1795392000000"}'
)


@pytest.mark.parametrize(
    ("escaped", "mac"),
    [
        (False, "cc04902bfa6cf0ff82cf596e4c11bbe595194fdf5dbbdc1c9086f463758cf9a5"),
        (True, "4362c0d999c26e5af801a897b2f3152b90d92c22d18ba280a8de672585f3e29d"),
    ],
)
def test_zalo_signature_vectors(escaped: bool, mac: str) -> None:
    text = VECTOR_ZALO
    if escaped:
        text = json.dumps(json.loads(VECTOR_ZALO), ensure_ascii=True, separators=(",", ":"))
    assert zalo_signature(APP, text.encode(), "1795392000000", "oa-secret-demo") == f"mac={mac}"


@pytest.mark.parametrize(
    ("text", "mac"),
    [
        (
            r"\u0110\u00e8n \u0111\u01b0\u1eddng h\u1ecfng",
            "4234e357fe84dcb49b888f7f7a0a6b68bb7d5001e17dbc95a545b8ca1357569a",
        ),
        ("Đèn đường hỏng", "3bc3467681e899ec5caa9773a00ee96a6de5c9657f6be81bf8ecd50a136a7d24"),
    ],
)
def test_messenger_signature_vectors(text: str, mac: str) -> None:
    body = (
        '{"object":"page","entry":[{"id":"104882019374655","time":1795392000000,"messaging":[{"sender":'
        '{"id":"7719203846550192"},"recipient":{"id":"104882019374655"},"timestamp":1795392000000,'
        f'"message":{{"mid":"m_demo","text":"{text}"}}}}]}}]}}'
    )
    assert messenger_signature(body.encode(), "app-secret-demo") == f"sha256={mac}"


def test_a_messenger_webhook_is_the_documented_vector_byte_for_byte(client: FlaskClient, gateway: Gateway) -> None:
    write(client, "messenger", text="Đèn đường hỏng", message_id="m_demo", timestamp=ZALO_TIME)
    path, headers, body = gateway.received[0]
    assert path == "/webhooks/messenger" and len(body) == 268
    expected = "sha256=4234e357fe84dcb49b888f7f7a0a6b68bb7d5001e17dbc95a545b8ca1357569a"
    assert headers["X-Hub-Signature-256"] == expected


def test_zalo_webhooks_are_raw_utf8_and_their_signature_fits(client: FlaskClient, gateway: Gateway) -> None:
    write(client, text='Rác ứ đọng 😷\n"mùi" \\ / cảm ơn', timestamp=ZALO_TIME)
    path, headers, body = gateway.received[0]
    digest = hashlib.sha256(APP.encode() + body + b"1795392000000" + b"oa-secret-demo").hexdigest()
    assert (path, headers["X-ZEvent-Signature"]) == ("/webhooks/zalo", f"mac={digest}")
    assert "ứ đọng 😷".encode() in body
    assert headers["X-ZEvent-Server"] == "OA OpenAPI" and headers["User-Agent"] == "ZaloWebhook"


def test_messenger_slashes_are_escaped_and_signed_as_sent(client: FlaskClient, gateway: Gateway) -> None:
    write(client, "messenger", text="https://hanoi.gov.vn/ đây")
    _, headers, body = gateway.received[0]
    assert b"https:\\/\\/hanoi.gov.vn\\/ \\u0111\\u00e2y" in body and body.isascii()
    digest = hmac.new(b"app-secret-demo", body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={digest}"


def zalo_event(name: str, message: dict[str, Any]) -> dict[str, Any]:
    return {
        "app_id": APP,
        "sender": {"id": USER},
        "user_id_by_app": "",
        "recipient": {"id": OA},
        "event_name": name,
        "message": message,
        "timestamp": "1795392000000",
    }


PICTURE = "https://hanoi.example/a.jpg"
STICKER_ID = "51f0a7c2d39e84b6f071"
STICKER_URL = "https://zalo-api.zadn.vn/api/emoticon/sticker/webpc?eid=23311&size=130"


@pytest.mark.parametrize(
    ("body", "name", "message"),
    [
        ({"text": "alo"}, "user_send_text", {"text": "alo", "msg_id": "id1"}),
        ({"payload": "#TRA_CUU"}, "user_send_text", {"text": "#TRA_CUU", "msg_id": "id1"}),
        (
            {"image": PICTURE, "text": "ổ gà"},
            "user_send_image",
            {
                "text": "ổ gà",
                "msg_id": "id1",
                "attachments": [{"type": "image", "payload": {"thumbnail": PICTURE, "url": PICTURE}}],
            },
        ),
        (
            {"location": [21.0288, 105.8523]},
            "user_send_location",
            {
                "msg_id": "id1",
                "attachments": [
                    {
                        "type": "location",
                        "payload": {"coordinates": {"latitude": "21.0288000", "longitude": "105.8523000"}},
                    }
                ],
            },
        ),
        (
            {"sticker": True},
            "user_send_sticker",
            {
                "msg_id": "id1",
                "attachments": [{"type": "sticker", "payload": {"id": STICKER_ID, "url": STICKER_URL}}],
            },
        ),
    ],
)
def test_zalo_event_shapes(client: FlaskClient, gateway: Gateway, body: Any, name: str, message: Any) -> None:
    write(client, message_id="id1", timestamp=str(ZALO_TIME), **body)
    event = gateway.bodies()[0]
    assert len(event["user_id_by_app"]) == 19
    assert event | {"user_id_by_app": ""} == zalo_event(name, message)


def test_zalo_follow_has_a_follower_and_no_sender(client: FlaskClient, gateway: Gateway) -> None:
    write(client, event="follow", timestamp=ZALO_TIME)
    event = gateway.bodies()[0]
    assert event | {"user_id_by_app": ""} == {
        "oa_id": OA,
        "follower": {"id": USER},
        "user_id_by_app": "",
        "event_name": "follow",
        "source": "oa_profile",
        "app_id": APP,
        "timestamp": "1795392000000",
    }


@pytest.mark.parametrize(
    ("body", "event"),
    [
        ({"text": "alo"}, {"message": {"mid": "m1", "text": "alo"}}),
        (
            {"image": PICTURE},
            {"message": {"mid": "m1", "attachments": [{"type": "image", "payload": {"url": PICTURE}}]}},
        ),
        (
            {"location": [10.0341847, 105.7882563]},
            {
                "message": {
                    "mid": "m1",
                    "attachments": [
                        {"type": "location", "payload": {"coordinates": {"lat": 10.0341847, "long": 105.7882563}}}
                    ],
                }
            },
        ),
        (
            {"sticker": True},
            {
                "message": {
                    "mid": "m1",
                    "attachments": [
                        {
                            "type": "sticker",
                            "payload": {
                                "url": "https://scontent.xx.fbcdn.net/v/like.png",
                                "sticker_id": 369239263222822,
                            },
                        }
                    ],
                }
            },
        ),
        (
            {"payload": "GET_STARTED", "tap": "Bắt đầu"},
            {"postback": {"mid": "m1", "title": "Bắt đầu", "payload": "GET_STARTED"}},
        ),
    ],
)
def test_messenger_event_shapes(client: FlaskClient, gateway: Gateway, body: Any, event: Any) -> None:
    write(client, "messenger", message_id="m1", timestamp=ZALO_TIME, **body)
    item = {"sender": {"id": PSID}, "recipient": {"id": PAGE}, "timestamp": ZALO_TIME} | event
    assert gateway.bodies()[0] == {"object": "page", "entry": [{"id": PAGE, "time": ZALO_TIME, "messaging": [item]}]}


def test_the_same_message_id_is_the_same_webhook_again_and_one_message(client: FlaskClient, gateway: Gateway) -> None:
    first = write(client, text="alo", message_id="id1")
    again = write(client, text="khác", message_id="id1")
    assert first["message_id"] == again["message_id"] == "id1"
    assert gateway.received[0][2] == gateway.received[1][2]
    assert gateway.received[0][1]["X-ZEvent-Signature"] == gateway.received[1][1]["X-ZEvent-Signature"]
    assert [m["text"] for m in messages(client)] == ["alo"]


def test_a_webhook_the_gateway_cannot_take_comes_again_in_order(client: FlaskClient, gateway: Gateway) -> None:
    gateway.statuses = [503, 503]
    assert write(client, text="một")["state"] in ("retrying", "sent")
    write(client, text="hai")
    assert [body["message"]["text"] for body in gateway.wait_for(4)] == ["một", "một", "một", "hai"]
    assert [headers.get("num_retry") for _, headers, _ in gateway.received] == [None, "1", "2", None]
    wait_until(lambda: [m["state"] for m in messages(client)] == ["sent", "sent"])


def test_the_citizen_sees_when_the_gateway_is_away_or_refuses(
    start: Callable[..., FlaskClient], client: FlaskClient, gateway: Gateway
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = start(webhook_url=f"http://127.0.0.1:{closed.getsockname()[1]}")
        assert write(away, text="alo")["status"] is None
        wait_until(lambda: messages(away)[0]["state"] == "failed")
    gateway.statuses = [403]
    assert write(client, text="alo") | {"message_id": ""} == {"status": 403, "state": "refused", "message_id": ""}
    assert len(gateway.received) == 1


def test_zalo_refresh_tokens_work_once_and_survive_a_restart(start: Callable[..., FlaskClient]) -> None:
    client = start()
    first = refresh(client)
    assert first["expires_in"] == "90000"
    assert refresh(client)["error"] == -14014
    second = refresh(start(), first["refresh_token"], secret="older-secret")
    assert refresh(start(), first["refresh_token"])["error"] == -14014
    restarted = start()
    write(restarted, text="alo")
    assert zalo_send(restarted, first["access_token"], {"text": "cũ"})["error"] == -216
    assert zalo_send(restarted, second["access_token"], {"text": "mới"})["error"] == 0


def test_a_lost_state_file_still_knows_the_gateways_newest_refresh_token(
    start: Callable[..., FlaskClient], tmp_path: Path
) -> None:
    newest = refresh(start())
    (tmp_path / "simulator.json").unlink()
    assert "access_token" in refresh(start(), newest["refresh_token"])


@pytest.mark.parametrize(
    ("change", "code"), [({"app_id": "1"}, -14002), ({"refresh_token": "x"}, -14014), ({"grant_type": "y"}, -14014)]
)
def test_the_zalo_token_endpoint_refuses_what_is_wrong(client: FlaskClient, change: Any, code: int) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "demo-refresh-token", "app_id": APP} | change
    answer = client.post("/v4/oa/access_token", data=form, headers={"secret_key": "app-secret"})
    assert (answer.status_code, answer.json["error"]) == (200, code)
    assert refresh(client, secret="wrong")["error"] == -14004


def test_the_owner_can_authorise_again_with_pkce(client: FlaskClient) -> None:
    verifier, challenge = "pa-bot-verifier-0123456789-abcdefghijklmnop", "EAusxm5OQ-64IMMG8ZBFb9avadUMI6PDtqf2_kFiveM"
    query = {"app_id": APP, "redirect_uri": "http://127.0.0.1/back", "code_challenge": challenge, "state": "s"}
    target = client.get("/v4/oa/permission", query_string=query).headers["Location"]
    code = target.partition("code=")[2].partition("&")[0]
    form = {"grant_type": "authorization_code", "code": code, "app_id": APP, "code_verifier": verifier}
    answers = [client.post("/v4/oa/access_token", data=form, headers={"secret_key": "app-secret"}) for _ in "12"]
    assert "access_token" in answers[0].json and answers[1].json["error"] == -14014


def zalo_buttons(count: int = 1, title: str = "Gửi", payload: Any = "#GUI", kind: str = "oa.query.show") -> Any:
    button = {"title": title, "type": kind, "payload": payload}
    return {"text": "Chọn", "attachment": {"type": "template", "payload": {"buttons": [button] * count}}}


ZALO_MEDIA = {"type": "template", "payload": {"template_type": "media", "elements": [{"media_type": "image"}]}}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"text": "x" * 2000}, 0),
        ({"text": "x" * 2001}, -210),
        ({}, -201),
        ({"text": 5}, -201),
        (zalo_buttons(5), 0),
        (zalo_buttons(6), -201),
        (zalo_buttons(title="t" * 100), 0),
        (zalo_buttons(title="t" * 101), -201),
        (zalo_buttons(payload="p" * 1001), -201),
        (zalo_buttons(payload={"content": "x"}), -201),
        (zalo_buttons(kind="oa.open.url", payload={"url": "https://hanoi.gov.vn"}), 0),
        (zalo_buttons(kind="oa.open.url", payload="https://hanoi.gov.vn"), -201),
        ({"text": "Bản đồ", "attachment": ZALO_MEDIA}, -201),
    ],
)
def test_zalo_accepts_and_refuses_messages_as_documented(client: FlaskClient, message: Any, code: int) -> None:
    access = refresh(client)["access_token"]
    write(client, text="alo")
    assert zalo_send(client, access, message)["error"] == code
    assert len(messages(client)) == (2 if code == 0 else 1)


def test_zalo_refuses_bad_tokens_strangers_numbers_and_the_silent(client: FlaskClient) -> None:
    pair = refresh(client)
    write(client, text="alo")
    assert zalo_send(client, "wrong", {"text": "a"})["error"] == -216
    assert zalo_send(client, pair["access_token"], {"text": "a"}, user="1")["error"] == -201
    assert zalo_send(client, pair["access_token"], {"text": "a"}, user=int(USER))["error"] == -201
    client.post("/api/clock", json={"advance_seconds": 7 * 24 * 3600 + 60})
    assert zalo_send(client, pair["access_token"], {"text": "a"})["error"] == -216
    pair = refresh(client, pair["refresh_token"])
    assert zalo_send(client, pair["access_token"], {"text": "a"})["error"] == -230
    write(client, text="còn đây")
    assert zalo_send(client, pair["access_token"], {"text": "a"})["error"] == 0


def test_an_accepted_send_returns_as_echo_and_receipts(start: Callable[..., FlaskClient], gateway: Gateway) -> None:
    client = start(echoes=True, receipts=True)
    access = refresh(client)["access_token"]
    write(client, text="alo")
    sent = zalo_send(client, access, {"text": "Đã nhận"})["data"]["message_id"]
    echo, received, seen = gateway.wait_for(4)[1:]
    assert (echo["event_name"], echo["sender"], echo["recipient"]) == ("oa_send_text", {"id": OA}, {"id": USER})
    assert echo["message"] == {"text": "Đã nhận", "msg_id": sent}
    assert (received["event_name"], received["message"]) == ("user_received_message", {"msg_id": sent})
    assert (seen["event_name"], seen["message"]) == ("user_seen_message", {"msg_ids": [sent]})


def test_a_messenger_send_returns_as_echo_delivery_and_read(
    start: Callable[..., FlaskClient], gateway: Gateway
) -> None:
    client = start(echoes=True, receipts=True)
    write(client, "messenger", text="alo")
    sent = graph_send(client, message={"text": "Đã nhận", "metadata": "o:1"}).json["message_id"]
    echo, delivery, read = [body["entry"][0]["messaging"][0] for body in gateway.wait_for(4)[1:]]
    assert echo["sender"] == {"id": PAGE} and echo["message"]["is_echo"] is True
    assert (echo["message"]["mid"], echo["message"]["metadata"]) == (sent, "o:1")
    assert delivery["delivery"]["mids"] == [sent] and "watermark" in read["read"]


def test_zalo_taps_arrive_as_text_equal_to_the_payload(client: FlaskClient, gateway: Gateway) -> None:
    access = refresh(client)["access_token"]
    write(client, text="alo")
    zalo_send(client, access, zalo_buttons(kind="oa.query.hide"))
    write(client, tap="Gửi")
    assert gateway.bodies()[-1]["message"]["text"] == "#GUI"
    tapped = messages(client)[-1]
    assert (tapped["kind"], tapped["text"]) == ("query_hide", "Gửi")
    missing = client.post("/api/messages", json={"channel": "zalo", "user": USER, "tap": "Không có"})
    assert (missing.status_code, missing.json) == (400, {"error": "button_not_found"})


def test_messenger_taps_are_quick_replies_or_postbacks(client: FlaskClient, gateway: Gateway) -> None:
    write(client, "messenger", text="alo")
    replies = [{"content_type": "text", "title": "Môi trường", "payload": "LV"}]
    assert graph_send(client, message={"text": "Chọn", "quick_replies": replies}).status_code == 200
    buttons = [{"type": "postback", "title": "Tra cứu", "payload": "TC"}]
    template = {"template_type": "button", "text": "Chọn", "buttons": buttons}
    assert graph_send(client, message={"attachment": {"type": "template", "payload": template}}).status_code == 200
    write(client, "messenger", tap="Môi trường", message_id="m1")
    write(client, "messenger", payload="TC", message_id="m2")
    quick, postback = [body["entry"][0]["messaging"][0] for body in gateway.bodies()[1:]]
    assert quick["message"] == {"mid": "m1", "text": "Môi trường", "quick_reply": {"payload": "LV"}}
    assert postback["postback"] == {"mid": "m2", "title": "Tra cứu", "payload": "TC"}


def quick_replies(count: int, title: str = "Có") -> Any:
    return {"text": "?", "quick_replies": [{"content_type": "text", "title": title, "payload": "P"}] * count}


def button_template(count: int = 1, text: str = "Chọn") -> Any:
    buttons = [{"type": "postback", "title": "Có", "payload": "P"}] * count
    return {
        "attachment": {"type": "template", "payload": {"template_type": "button", "text": text, "buttons": buttons}}
    }


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"message": {"text": "x" * 1999}}, 200, None),
        ({"message": {"text": "x" * 2000}}, 400, (100, None)),
        ({"message": {"text": ""}}, 400, (100, 2018034)),
        ({"message": {"text": "a"} | button_template()}, 400, (100, None)),
        ({"message": quick_replies(13)}, 200, None),
        ({"message": quick_replies(14)}, 400, (100, None)),
        ({"message": quick_replies(1, "t" * 21)}, 400, (100, None)),
        ({"message": quick_replies(1, "Cổng dịch vụ công")}, 200, None),
        ({"message": button_template(3)}, 200, None),
        ({"message": button_template(4)}, 400, (100, None)),
        ({"message": button_template(text="x" * 641)}, 400, (100, None)),
        ({"sender_action": "typing_on"}, 200, None),
        ({"sender_action": "dance"}, 400, (100, None)),
        ({"messaging_type": "MESSAGE_TAG", "tag": "ACCOUNT_UPDATE", "message": {"text": "a"}}, 400, (100, None)),
        ({"message": {"text": "a"}, "user": "999"}, 400, (100, 2018001)),
        ({"message": {"text": "a"}, "token": "wrong"}, 401, (190, None)),
    ],
)
def test_messenger_accepts_and_refuses_as_documented(client: FlaskClient, body: Any, status: int, error: Any) -> None:
    write(client, "messenger", text="alo")
    answer = graph_send(client, **body)
    found = answer.json.get("error")
    assert answer.status_code == status
    assert (found and (found["code"], found.get("error_subcode"))) == error


def test_messenger_closes_its_window_after_24_hours_and_a_persons_after_seven_days(client: FlaskClient) -> None:
    write(client, "messenger", text="alo")
    client.post("/api/clock", json={"advance_seconds": 24 * 3600 + 60})
    late = graph_send(client, message={"text": "a"})
    assert (late.status_code, late.json["error"]["code"], late.json["error"]["error_subcode"]) == (400, 10, 2018278)
    human = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT", "message": {"text": "a"}}
    assert graph_send(client, **human).status_code == 200
    client.post("/api/clock", json={"advance_seconds": 6 * 24 * 3600})
    assert graph_send(client, **human).json["error"]["error_subcode"] == 2018278


def test_the_graph_token_may_stand_in_the_query_and_typing_shows(client: FlaskClient) -> None:
    write(client, "messenger", text="alo")
    body = {"recipient": {"id": PSID}, "sender_action": "typing_on"}
    assert client.post(f"/v25.0/{PAGE}/messages?access_token=page-token-demo", json=body).status_code == 200
    view = f"/api/conversations/messenger/{PSID}"
    assert client.get(view).json["typing"] is True
    client.post("/api/clock", json={"advance_seconds": 21})
    assert client.get(view).json["typing"] is False


def test_the_messenger_profile_needs_get_started_before_a_menu(client: FlaskClient) -> None:
    head = {"Authorization": "Bearer page-token-demo"}
    items = [{"type": "postback", "title": "Tra cứu phản ánh", "payload": "TC"}]
    menu = {"persistent_menu": [{"locale": "default", "call_to_actions": items}]}
    url = "/v25.0/me/messenger_profile"
    assert client.post(url, json=menu, headers=head).status_code == 400
    both = menu | {"get_started": {"payload": "GET_STARTED"}}
    assert client.post(url, json=both, headers=head).json == {"result": "success"}
    assert client.get(f"{url}?fields=get_started", headers=head).json["data"] == [{"get_started": both["get_started"]}]
    assert client.delete(url, json={"fields": ["get_started"]}, headers=head).status_code == 400
    assert client.delete(url, json={"fields": ["persistent_menu", "get_started"]}, headers=head).status_code == 200
    assert client.get("/api/profile").json == {}


def test_reads_need_a_token_and_answer_in_the_platforms_form(client: FlaskClient) -> None:
    access = {"access_token": refresh(client)["access_token"]}
    client.post("/api/people", json={"channel": "zalo", "user": USER, "name": "Lê Thị Mẫu"})
    client.post("/api/people", json={"channel": "messenger", "user": PSID, "name": "Lê Thị Mẫu"})
    query = {"data": json.dumps({"user_id": USER})}
    detail = client.get("/v3.0/oa/user/detail", query_string=query, headers=access).json
    assert (detail["error"], detail["data"]["display_name"]) == (0, "Lê Thị Mẫu")
    assert client.get("/v2.0/oa/getoa", headers=access).json["data"]["oa_id"] == OA
    assert client.get("/v2.0/oa/getoa").json["error"] == -216
    profile = client.get(f"/v25.0/{PSID}?fields=first_name,last_name&access_token=page-token-demo").json
    assert profile == {"first_name": "Mẫu", "last_name": "Lê Thị", "id": PSID}
    assert client.get(f"/v25.0/{PSID}").status_code == 401


def jpeg() -> bytes:
    output = io.BytesIO()
    Image.new("RGB", (40, 30), "#336699").save(output, "JPEG")
    return output.getvalue()


def multipart(file: bytes) -> bytes:
    return b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n' + file + b"\r\n--B--\r\n"


def test_photos_are_hosted_and_only_real_pictures_are_taken(client: FlaskClient, gateway: Gateway) -> None:
    url = client.post("/api/photos", data={"file": (io.BytesIO(jpeg()), "a.jpg")}).json["url"]
    write(client, image=url)
    write(client, image="sample")
    sent = [body["message"]["attachments"][0]["payload"]["url"] for body in gateway.bodies()]
    assert sent[0] == url and sent[1] != url
    for address in sent:
        answer = client.get(address.removeprefix("http://127.0.0.1:8090"))
        assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    assert client.get("/media/guess.jpg").status_code == 404
    for refused in (b"<svg onload=alert(1)>", b"", b"\xff\xd8\xff broken", jpeg() + b"0" * 9_000_000):
        answer = client.post("/api/photos", data=multipart(refused), content_type="multipart/form-data; boundary=B")
        assert (answer.status_code, answer.json) == (400, {"error": "picture_refused"})


def test_an_uploaded_picture_can_be_sent_by_its_id(client: FlaskClient) -> None:
    access = refresh(client)["access_token"]
    write(client, text="alo")
    upload = {"file": (io.BytesIO(jpeg()), "a.jpg")}
    kept = client.post("/v2.0/oa/upload/image", data=upload, headers={"access_token": access}).json["data"]
    element = {"media_type": "image", "attachment_id": kept["attachment_id"]}
    payload = {"template_type": "media", "elements": [element]}
    message = {"text": "Bản đồ", "attachment": {"type": "template", "payload": payload}}
    assert zalo_send(client, access, message)["error"] == 0
    assert messages(client)[-1]["images"][0].startswith("http://127.0.0.1:8090/media/")
    element["attachment_id"] = "gone"
    assert zalo_send(client, access, message)["error"] == -100


def order(client: FlaskClient, endpoint: str, kind: str, count: int = 1, **more: Any) -> None:
    answer = client.post("/api/faults", json={"endpoint": endpoint, "kind": kind, "count": count} | more)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("status500", 500, "Internal"),
        ("http429", 429, "Too Many"),
        ("not_json", 200, "<html>"),
        ("zalo-32", 200, '"error":-32'),
        ("error_in_200:-201", 200, '"error":-201'),
        ("expired_token", 200, '"error":-216'),
        ("revoked_token", 200, '"error":-220'),
        ("window_closed", 200, '"error":-230'),
        ("user_blocked", 200, '"error":-213'),
        ("slow", 200, '"error":0'),
        ("slow_bytes", 200, '"error":0'),
    ],
)
def test_ordered_zalo_faults_happen_once(client: FlaskClient, kind: str, status: int, text: str) -> None:
    access = {"access_token": refresh(client)["access_token"]}
    write(client, text="alo")
    order(client, "zalo_send", kind, seconds=0.01)
    body = {"recipient": {"user_id": USER}, "message": {"text": "a"}}
    answer = client.post(CS, json=body, headers=access)
    assert answer.status_code == status and text in answer.text
    after = client.post(CS, json=body, headers=access).json["error"]
    assert after == (-216 if kind in {"expired_token", "revoked_token"} else 0)


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("graph:613", 400, (613, None)),
        ("graph:10/2018278", 400, (10, 2018278)),
        ("expired_token", 401, (190, 463)),
        ("revoked_token", 401, (190, 460)),
        ("window_closed", 400, (10, 2018278)),
        ("user_blocked", 400, (551, 1545041)),
    ],
)
def test_ordered_messenger_faults_have_the_graph_error_form(
    client: FlaskClient, kind: str, status: int, error: Any
) -> None:
    write(client, "messenger", text="alo")
    order(client, "messenger_send", kind, count=2)
    for _ in range(2):
        answer = graph_send(client, message={"text": "a"})
        found = answer.json["error"]
        assert (answer.status_code, (found["code"], found.get("error_subcode"))) == (status, error)
    assert graph_send(client, message={"text": "a"}).status_code == 200


def test_a_token_fault_and_its_cancellation(client: FlaskClient) -> None:
    order(client, "zalo_token", "zalo:-14012", count=5)
    assert refresh(client)["error"] == -14012
    order(client, "zalo_token", "", count=0)
    assert "access_token" in refresh(client)
    bad = client.post("/api/faults", json={"endpoint": "zalo_send", "kind": "earthquake"})
    assert bad.status_code == 400


def test_a_share_of_all_calls_fails_until_it_is_set_to_nothing(client: FlaskClient) -> None:
    access = {"access_token": refresh(client)["access_token"]}
    write(client, text="alo")
    body = {"recipient": {"user_id": USER}, "message": {"text": "a"}}

    def failures() -> int:
        return sum(client.post(CS, json=body, headers=access).status_code != 200 for _ in range(200))

    order(client, "zalo_send", "status500,http429", share=0.1)
    assert 8 <= failures() <= 35
    order(client, "zalo_send", "status500", share=0)
    assert failures() == 0
    assert client.post("/api/faults", json={"endpoint": "media", "kind": "status500", "share": 2}).status_code == 400


def test_a_lost_answer_means_accepted_and_a_reset_means_not(client: FlaskClient) -> None:
    write(client, "messenger", text="alo")
    order(client, "messenger_send", "reset")
    order(client, "messenger_send", "lost_answer")
    with served(client.application) as url:
        for text in ("mất", "đến"):
            body = {"recipient": {"id": PSID}, "message": {"text": text}}
            with pytest.raises(requests.ConnectionError):
                requests.post(f"{url}{SEND}", json=body, params={"access_token": PAGE_TOKEN}, timeout=5)
    assert [m["text"] for m in messages(client, "messenger")] == ["alo", "đến"]
    outcomes = [(c["fault"], c["accepted"], c["status"]) for c in client.get("/api/sent").json]
    assert outcomes == [("reset", False, None), ("lost_answer", True, None)]


def test_the_sent_log_shows_calls_in_order_without_tokens(client: FlaskClient) -> None:
    access = refresh(client)["access_token"]
    write(client, text="alo")
    write(client, "messenger", text="alo")
    zalo_send(client, access, {"text": "một"})
    graph_send(client, message={"text": "hai"})
    graph_send(client, token="wrong-token", message={"text": "ba"})
    calls = client.get("/api/sent").json
    assert [(c["n"], c["endpoint"], c["accepted"]) for c in calls] == [
        (1, "zalo_send", True),
        (2, "messenger_send", True),
        (3, "messenger_send", False),
    ]
    assert calls[0]["body"] == {"recipient": {"user_id": USER}, "message": {"text": "một"}}
    assert [c["headers"]["access_token_valid"] for c in calls] == [True, True, False]
    assert [c["n"] for c in client.get("/api/sent?after=2").json] == [3]
    text = client.get("/api/sent").text
    assert access not in text and "page-token-demo" not in text and f"…{access[-4:]}" in text


def test_raw_webhooks_are_signed_unless_told_to_tamper(client: FlaskClient, gateway: Gateway) -> None:
    for tampered in (False, True):
        body = {"channel": "messenger", "body": {"object": "user", "entry": []}, "tampered": tampered}
        assert client.post("/api/raw", json=body).json["status"] == 200
    fits = [
        headers["X-Hub-Signature-256"] == messenger_signature(body, "app-secret-demo")
        for _, headers, body in gateway.received
    ]
    assert fits == [True, False]


def test_the_conversation_keeps_both_sides_and_reset_forgets_them(client: FlaskClient) -> None:
    access = refresh(client)["access_token"]
    write(client, text="alo")
    zalo_send(client, access, zalo_buttons())
    citizen, page = messages(client)
    assert (citizen["sender"], citizen["state"], citizen["receipt"]) == ("citizen", "sent", "seen")
    assert page["buttons"] == [{"title": "Gửi", "kind": "query_show", "value": "#GUI"}]
    view = f"/api/conversations/zalo/{USER}"
    version = client.get(view).json["version"]
    assert client.get(f"{view}?after={version}").json["messages"] == []
    client.post("/api/reset")
    assert messages(client) == [] and client.get("/api/sent").json == []
    client.post("/api/reset", json={"tokens": True})
    assert "access_token" in refresh(client)


@pytest.mark.parametrize(
    "body",
    [
        {"channel": "sms", "user": USER, "text": "a"},
        {"channel": "zalo", "user": int(USER), "text": "a"},
        {"channel": "zalo", "user": "../x", "text": "a"},
        {"channel": "zalo", "user": USER},
        {"channel": "zalo", "user": USER, "location": [91, 0]},
        {"channel": "zalo", "user": USER, "image": "file:///etc/passwd"},
        {"channel": "messenger", "user": PSID, "event": "follow"},
    ],
)
def test_wrong_input_is_refused_and_sends_nothing(client: FlaskClient, gateway: Gateway, body: Any) -> None:
    assert client.post("/api/messages", json=body).status_code == 400
    assert gateway.received == []


def test_the_page_renders_and_its_policy_and_script_keep_messages_from_becoming_markup(client: FlaskClient) -> None:
    page = client.get("/")
    assert page.status_code == 200 and "Điện thoại thử nghiệm" in page.text
    assert "script" not in page.headers["Content-Security-Policy"].replace("default-src 'self'", "")
    assert json.loads(page.text.partition('id="texts">')[2].partition("</script>")[0])["resend"] == "Gửi lại"
    for name in ("bubbles.js", "phone.js"):
        with client.get(f"/static/{name}") as answer:
            script = answer.text
        assert not [word for word in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(") if word in script]


@pytest.mark.browser
@pytest.mark.processes
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: the phone page is not tried in a browser")
def test_a_person_chats_on_the_page_and_no_message_becomes_markup(client: FlaskClient, gateway: Gateway) -> None:
    attack = "<img src=x onerror=\"document.title='taken'\">"
    with served(client.application) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(url)
        page.fill("#text", attack)
        page.keyboard.press("Enter")
        expect(page.locator(".row.citizen .bubble")).to_have_text(attack)
        user = page.locator("#person-id").inner_text()
        zalo_send(client, refresh(client)["access_token"], zalo_buttons(title="<b>Gửi</b>"), user=user)
        page.get_by_role("button", name="<b>Gửi</b>").click()
        expect(page.locator(".row.citizen .bubble").nth(1)).to_have_text("#GUI")
        gateway.statuses = [403]
        page.fill("#text", "bị từ chối")
        page.keyboard.press("Enter")
        expect(page.locator(".meta.wrong")).to_contain_text("từ chối (mã 403)")
        page.get_by_role("button", name="Gửi lại").click()
        expect(page.locator(".meta.wrong")).to_have_count(0)
        assert page.title() != "taken" and page.locator(".messages img").count() == 0
        browser.close()
    assert [body["message"]["text"] for body in gateway.bodies()] == [attack, "#GUI", "bị từ chối", "bị từ chối"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ZALO_APP_ID": ""}, "ZALO_APP_ID is missing"),
        ({"MESSENGER_PAGE_TOKEN": " , "}, "MESSENGER_PAGE_TOKEN is empty"),
        ({"SIMULATOR_PORT": "99999"}, "SIMULATOR_PORT must be a port"),
        ({"WEBHOOK_URL": "localhost:8000"}, "WEBHOOK_URL must start with"),
        ({"SIMULATOR_ECHOES": "maybe"}, "SIMULATOR_ECHOES must be on or off"),
    ],
)
def test_a_wrong_setting_stops_with_a_sentence(change: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        read_settings(ENVIRONMENT | change)


def test_the_webhook_address_follows_the_gateways_port() -> None:
    assert read_settings(ENVIRONMENT | {"WEBHOOK_PORT": "8123"}).webhook_url == "http://127.0.0.1:8123"


@pytest.mark.processes
def test_the_real_server_hears_zalos_headers_with_underscores(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = ENVIRONMENT | {"SIMULATOR_PORT": str(port), "VAR_DIR": str(tmp_path)}
    root = Path(__file__).parents[1]
    process = subprocess.Popen([sys.executable, "-m", "simulator"], env=environment, cwd=root)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(url), seconds=15)
        form = {"grant_type": "refresh_token", "refresh_token": "demo-refresh-token", "app_id": APP}
        secret = {"secret_key": "app-secret"}
        pair = requests.post(f"{url}/v4/oa/access_token", data=form, headers=secret, timeout=5).json()
        access = {"access_token": pair["access_token"]}
        assert requests.get(f"{url}/v2.0/oa/getoa", headers=access, timeout=5).json()["error"] == 0
    finally:
        process.terminate()
        process.wait(timeout=10)


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=1).ok
    except requests.ConnectionError:
        return False
