"""Zalo's side: tokens that work once, messages taken and refused, what a send brings back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.simulated import APP, OA, USER, Gateway, messages, refresh, write, zalo_buttons, zalo_send


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
