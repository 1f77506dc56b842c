"""What the gateway receives: shapes and signatures of both platforms, again when it was away."""

import hashlib
import hmac
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from simulator.signing import messenger_signature, zalo_signature
from tests.simulated import (
    APP,
    OA,
    PAGE,
    PSID,
    USER,
    ZALO_TIME,
    Gateway,
    graph_send,
    messages,
    refresh,
    wait_until,
    write,
    zalo_buttons,
    zalo_send,
)

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


def test_raw_webhooks_are_signed_unless_told_to_tamper(client: FlaskClient, gateway: Gateway) -> None:
    for tampered in (False, True):
        body = {"channel": "messenger", "body": {"object": "user", "entry": []}, "tampered": tampered}
        assert client.post("/api/raw", json=body).json["status"] == 200
    fits = [
        headers["X-Hub-Signature-256"] == messenger_signature(body, "app-secret-demo")
        for _, headers, body in gateway.received
    ]
    assert fits == [True, False]
