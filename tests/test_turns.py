"""What becomes of a citizen's words on their way to the bot: taps, commands, numbers, and what may be a petition."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select

from cases.masking import PHONE
from core.db import reading, transaction
from core.model import Conversation, Inbound, Turn
from tests.message_path import FORM, NAME, NUMBER, USER, House
from tests.support import answer_with
from webhook.kept import FORGOTTEN
from webhook.question import let_go

BUTTONS = [{"title": "Gửi", "payload": "/affirm"}, {"title": "Sửa", "payload": "/deny"}]


def test_buttons_go_out_as_tokens_and_a_tap_comes_back_as_its_payload(house: House) -> None:
    house.rasa.next_answers(answer_with("Gửi nhé?", buttons=BUTTONS, state=FORM))
    house.talk("rác")
    assert [(button.title, button.payload) for button in house.channel.sent[0].buttons] == [
        ("Gửi", "#1.1"),
        ("Sửa", "#2.1"),
    ]
    house.talk("#1.1")  # as Zalo delivers a tap
    question = house.rasa.questions[1]
    assert (question["payload"], question["text"]) == ("/affirm", None)
    assert (question["metadata"]["tapped"], question["metadata"]["stale"]) == (True, False)


def test_a_button_of_an_older_question_is_said_to_be_stale_and_never_confirms(house: House) -> None:
    house.rasa.next_answers(
        answer_with("Gửi nhé?", buttons=BUTTONS), answer_with("Gửi bản mới nhé?", buttons=BUTTONS, state=FORM)
    )
    house.talk("rác")
    house.talk("sửa lại: cống tắc")
    house.talk("#1.1", kind="tap", payload="#1.1")
    question = house.rasa.questions[2]
    assert (question["payload"], question["metadata"]["stale"], question["metadata"]["tapped"]) == (
        "/inform",
        True,
        False,
    )


@pytest.mark.parametrize("typed", ["/restart", " /restart", "\u00a0/restart", "\u3000/affirm", '/inform{"skip": "x"}'])
def test_typed_words_never_become_a_command(house: House, typed: str) -> None:
    house.talk(typed)
    assert house.rasa.questions[0]["payload"] is None
    assert house.rasa.questions[0]["text"] == typed


@pytest.mark.parametrize(
    ("kind", "values", "payload", "metadata"),
    [
        ("start", {}, "/greet", {}),
        ("sticker", {}, "/inform", {"sticker": True}),
        ("location", {"location": {"lat": 21.0, "lon": 105.8}}, "/inform", {"location": {"lat": 21.0, "lon": 105.8}}),
        ("media", {"attachments": ({"type": "image", "url": "https://x.test/1"},) * 2}, "/inform", {"media": 2}),
    ],
)
def test_what_has_no_words_reaches_the_bot_as_what_it_is(
    house: House, kind: str, values: Mapping[str, Any], payload: str, metadata: Mapping[str, Any]
) -> None:
    house.talk("", kind=kind, **values)
    question = house.rasa.questions[0]
    assert (question["payload"], question["text"]) == (payload, None)
    assert metadata.items() <= question["metadata"].items()


def test_a_phone_number_never_reaches_rasa_and_is_kept_sealed(house: House) -> None:
    house.talk("gọi tôi số 0912 345 678 nhé")
    sent = house.rasa.calls[0].raw.decode()
    assert PHONE in json.loads(sent)["text"]
    assert "912" not in sent
    assert USER not in sent
    sealed = house.conversation().phone
    assert sealed is not None
    assert NUMBER.encode() not in sealed
    assert house.vault.unseal(sealed) == NUMBER
    house.talk("cảm ơn")
    assert house.conversation().phone == sealed


def test_what_was_told_of_a_denunciation_is_wiped_and_nothing_else(house: House) -> None:
    house.talk("chào")
    house.rasa.next_answers(answer_with("Tố cáo thì gửi trực tiếp ạ.", custom={"forget": True}))
    house.say(f"tôi tố cáo {NAME}")
    house.say("nhận tiền")
    house.settle()
    house.talk("cảm ơn")
    assert house.texts_kept() == ["chào", FORGOTTEN, FORGOTTEN, "cảm ơn"]


MAYBE = answer_with("Tố cáo hay phản ánh ạ?", custom={"forget": True, "hold": True},
                    buttons=[{"title": "Không, là phản ánh", "payload": "/report"},
                             {"title": "Phải, là tố cáo", "payload": "/denounce"}])  # fmt: skip
TOLD = "ông tổ trưởng lấn chiếm sân chung"


def ask_whether_petition(house: House) -> None:
    house.rasa.next_answers(MAYBE)
    house.talk(TOLD)


def everything_stored(house: House) -> str:
    with reading(house.database) as session:
        rows = [
            *session.scalars(select(Inbound)),
            *session.scalars(select(Conversation)),
            *session.scalars(select(Turn)),
        ]
        return "".join(str(vars(row)) for row in rows)


@pytest.mark.parametrize(
    "answer", ["#gui_phan_anh", "Không, là phản ánh", "không", "ko phai a", "không, cứ gửi phản ánh giúp tôi"]
)
def test_what_may_be_a_petition_rests_sealed_and_is_read_again_when_it_is_none(house: House, answer: str) -> None:
    ask_whether_petition(house)
    assert "lấn chiếm" not in everything_stored(house)
    house.talk(answer)
    question = house.rasa.questions[-1]
    assert (question["text"], question["payload"], question["metadata"]["meant"]) == (TOLD, None, "report")


TWO = [
    {"title": title, "payload": f'/inform{{"wish": "{wish}"}}'} for title, wish in (("Đồng ý", "yes"), ("Không", "no"))
]
CONSENT = answer_with("Anh/chị có đồng ý không ạ?", buttons=TWO)


@pytest.mark.parametrize(("answer", "wish"), [("tôi đồng ý", "yes"), ("ok em", "yes"), ("tôi không đồng ý", "no")])
def test_a_question_with_two_buttons_takes_a_yes_or_a_no(house: House, answer: str, wish: str) -> None:
    house.rasa.next_answers(CONSENT)
    house.talk("gửi xong rồi")
    house.talk(answer)
    assert house.rasa.questions[-1]["payload"] == f'/inform{{"wish": "{wish}"}}'


@pytest.mark.parametrize("answer", ["đúng rồi", "phải", "Phải, là tố cáo"])
def test_what_is_called_a_petition_is_guided_and_gone(house: House, answer: str) -> None:
    ask_whether_petition(house)
    house.talk(answer)
    question = house.rasa.questions[-1]
    assert question["payload"] == "/denounce" and "meant" not in question["metadata"]
    assert "lấn chiếm" not in everything_stored(house)


def test_what_is_not_called_a_report_is_gone_with_the_next_words(house: House) -> None:
    ask_whether_petition(house)
    house.talk("cách gửi tố cáo thế nào")
    house.talk("gửi phản ánh")
    assert ["meant" in question["metadata"] for question in house.rasa.questions] == [False] * 3
    with reading(house.database) as session:
        assert session.scalars(select(Conversation.held)).one() is None


def test_what_nobody_calls_a_report_within_a_day_is_let_go(house: House) -> None:
    ask_whether_petition(house)
    house.clock.advance(hours=25)
    with transaction(house.database) as session:
        let_go(session, house.clock())
    with reading(house.database) as session:
        assert session.scalars(select(Conversation.held)).one() is None
