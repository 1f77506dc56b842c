"""Faults on order, each as the platform would show it, and the log of what was sent."""

from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from tests.pages import served
from tests.simulated import CS, PAGE_TOKEN, PSID, SEND, USER, graph_send, messages, order, refresh, write, zalo_send


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
