"""Asking a citizen for a phone number: HTTP in, rows and messages out, and whom it must not reach."""

import re
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from cases import consents
from cases.consents import Purpose
from core import arrivals
from core.db import reading, transaction
from core.model import Conversation, Outbound, Turn
from core.vault import Vault
from tests.casework import ELSEWHERE, give_phone
from tests.desk import Desk, move
from tests.pages import post
from tests.support import FakeChannel, said
from webhook.converse import Converser
from webhook.deliver import Deliverer
from webhook.rasa_client import RasaClient

BUTTON = "Xin số điện thoại</button>"


def file(desk: Desk, channel: str = "zalo", **ago: float) -> str:
    """A case whose citizen wrote then, without a number."""
    code = desk.file()
    with transaction(desk.database) as session:
        conversation = session.get_one(Conversation, desk.case(code).conversation_id)
        conversation.channel = channel
        conversation.last_inbound_at = desk.clock.now - timedelta(**(ago or {"minutes": 5}))
    return code


def ask(desk: Desk, client: FlaskClient, code: str, version: int = 0) -> TestResponse:
    return post(client, f"/cases/{code}/ask_phone", version=version or desk.case(code).version)


def conversation_of(desk: Desk, code: str) -> Conversation:
    with reading(desk.database) as session:
        found = session.get_one(Conversation, desk.case(code).conversation_id)
        session.expunge_all()
        return found


def answer_consent(desk: Desk, code: str, at: datetime, *, given: bool) -> None:
    with transaction(desk.database) as session:
        conversation_id = desk.case(code).conversation_id
        turn = Turn(conversation_id=conversation_id, status="done", next_at=at, created_at=at)
        session.add(turn)
        session.flush()
        consents.answer(session, conversation_id, Purpose.CONTACT, turn.id, at, given=given)


@pytest.mark.parametrize("name", ["zalo", "messenger"])
def test_a_citizen_is_asked_by_the_form_of_the_platform(desk: Desk, name: str) -> None:
    code, client = file(desk, name), desk.log_in("dongda")
    assert BUTTON in client.get(f"/cases/{code}").text
    assert ask(desk, client, code).status_code == 302
    assert desk.events(code) == ["opened", "phone_asked"]
    desk.clock.advance(seconds=11)
    channel = FakeChannel()
    while Deliverer(desk.database, {name: channel}, desk.clock).step("host:0/send-0"):
        pass
    [sent] = channel.sent
    assert sent.contact is not None
    assert "xin số điện thoại" in sent.contact.title
    assert code in sent.contact.subtitle
    assert "Anh/chị cho em xin số điện thoại" in sent.text
    assert "http" not in sent.text
    page = client.get(f"/cases/{code}").text
    assert "Xin số điện thoại người dân" in page
    assert desk.case(code).status == "new"  # asking is not yet an answer: no clock stops


def test_what_the_citizen_writes_soon_goes_to_the_case(desk: Desk) -> None:
    code, client = file(desk), desk.log_in("dongda")
    ask(desk, client, code)
    found = conversation_of(desk, code)
    assert (found.awaiting_case_id, found.officer_spoke) == (desk.case(code).id, True)
    assert found.awaiting_until == desk.clock.now + timedelta(hours=2)


def test_a_question_that_waits_for_its_answer_goes_on_waiting(desk: Desk) -> None:
    code, client = file(desk), desk.log_in("dongda")
    move(client, code, "ask", 1, "Ngõ số mấy ạ?")
    ask(desk, client, code)
    found = conversation_of(desk, code)
    assert (found.awaiting_case_id, found.awaiting_until) == (desk.case(code).id, None)


def test_a_request_is_taken_back_and_may_be_made_again(desk: Desk) -> None:
    code, client = file(desk), desk.log_in("dongda")
    ask(desk, client, code)
    assert post(client, f"/cases/{code}/undo").status_code == 302
    assert conversation_of(desk, code).awaiting_case_id is None
    assert ask(desk, client, code).status_code == 302
    with reading(desk.database) as session:
        assert session.scalars(select(Outbound.status).order_by(Outbound.id)).all() == ["cancelled", "waiting"]


@pytest.mark.parametrize("answer", ["form", "words"])
def test_the_number_comes_back_to_the_case_without_the_bot(desk: Desk, answer: str) -> None:
    code, client = file(desk), desk.log_in("dongda")
    ask(desk, client, code)
    desk.clock.advance(seconds=20)
    vault, user = Vault(desk.config.data_keys), conversation_of(desk, code).user_id
    info = '{"name": "Lê Thị Mẫu", "phone": "84912345678"}'
    event = said(user=user, at=desk.clock(), kind="other", payload=info)
    if answer == "words":
        event = said("số tôi 0912 345 678", user=user, at=desk.clock())
    with transaction(desk.database) as session:
        arrivals.accept(session, [event], desk.clock(), vault)
    nobody = RasaClient(["http://127.0.0.1:9"], 1.0)
    assert Converser(desk.database, desk.rulebook, nobody, vault, desk.clock).step("w")
    kept = conversation_of(desk, code).phone
    assert kept is not None
    assert vault.unseal(kept) == "0912345678"
    assert desk.events(code) == ["opened", "phone_asked", "citizen_answered"]
    assert "Xem số" in client.get(f"/cases/{code}").text


def test_a_number_given_by_the_form_is_told_on_the_page_and_not_shown(desk: Desk) -> None:
    code, client = file(desk), desk.log_in("dongda")
    with transaction(desk.database) as session:
        row = desk.inbound(desk.case(code).conversation_id, "", "other")
        row.payload = '{"phone": "84912345678", "name": "Lê Thị Mẫu"}'
        session.add(row)
    give_phone(desk, code, "0912345678")
    page = client.get(f"/cases/{code}").text
    assert "đã gửi số điện thoại bằng biểu mẫu" in page
    assert "Xem số" in page
    assert BUTTON not in page
    assert re.search(r"84912345678|0912345678|Lê Thị Mẫu", page) is None


# Harm.


def test_a_citizen_is_pestered_for_a_number(desk: Desk) -> None:
    code, client = file(desk), desk.log_in("dongda")
    ask(desk, client, code)
    again = ask(desk, client, code)
    assert again.status_code == 422
    assert "mỗi ngày chỉ xin một lần" in again.text
    assert BUTTON not in again.text
    desk.clock.advance(hours=13, minutes=55)  # 23:55 in Hà Nội
    assert ask(desk, desk.log_in("dongda"), code).status_code == 422
    desk.clock.advance(minutes=10)
    assert ask(desk, desk.log_in("dongda"), code).status_code == 302
    assert desk.events(code).count("phone_asked") == 2


def test_who_refused_to_be_called_is_asked_for_a_number(desk: Desk) -> None:
    code, client = file(desk), desk.log_in("dongda")
    answer_consent(desk, code, desk.clock.now, given=False)
    assert BUTTON not in client.get(f"/cases/{code}").text
    answer = ask(desk, client, code)
    assert answer.status_code == 422
    assert "không đồng ý để gọi điện" in answer.text
    assert (desk.events(code), desk.outbound_texts()) == (["opened"], [])


@pytest.mark.parametrize(("name", "hours"), [("zalo", 49), ("messenger", 25), ("zalo", 24 * 30)])
def test_a_closed_window_is_paid_for_or_stretched_to_ask_for_a_number(desk: Desk, name: str, hours: int) -> None:
    code, client = file(desk, name, hours=hours), desk.log_in("dongda")
    answer = ask(desk, client, code)
    assert answer.status_code == 422
    assert "đã lâu không nhắn" in answer.text
    assert desk.outbound_texts() == []


def test_a_known_number_is_asked_for(desk: Desk) -> None:
    given, typed, client = file(desk), file(desk), desk.log_in("dongda")
    give_phone(desk, given, "0912345678")
    with transaction(desk.database) as session:
        session.add(desk.inbound(desk.case(typed).conversation_id, "gọi tôi 0912345678"))
    assert [ask(desk, client, code).status_code for code in (given, typed)] == [422, 422]
    assert desk.outbound_texts() == []


def test_a_number_is_asked_for_by_who_may_not(desk: Desk) -> None:
    mine, theirs = file(desk), desk.file(**ELSEWHERE)
    assert ask(desk, desk.log_in("dongda"), theirs).status_code == 404
    assert ask(desk, desk.log_in("giamsat"), mine).status_code == 403
    assert ask(desk, desk.log_in("dongda"), mine, version=9).status_code == 409
    assert desk.outbound_texts() == []


def test_a_masked_reporter_is_asked_for_a_number(desk: Desk) -> None:
    code, client = file(desk), desk.log_in("thanhpho")
    post(client, f"/cases/{code}/conflict", version=1, text="x", unit_id="2025:00229", named="")
    told = desk.outbound_texts()
    assert BUTTON not in client.get(f"/cases/{code}").text
    assert ask(desk, client, code).status_code == 409
    assert desk.outbound_texts() == told


def test_a_closed_case_asks_for_a_number(desk: Desk) -> None:
    code, client = file(desk), desk.log_in("dongda")
    move(client, code, "resolve", 1, "Đã dọn xong.")
    told = desk.outbound_texts()
    assert ask(desk, client, code).status_code == 409
    assert desk.outbound_texts() == told
