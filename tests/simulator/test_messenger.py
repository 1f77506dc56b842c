"""Messenger's side: messages taken and refused, the reply window, profile and reads."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.simulated import OA, PAGE, PSID, USER, Gateway, button_template, graph_send, quick_replies, refresh, write


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
