"""Who gets a citizen's next words: the bot, or the case about which an officer spoke last."""

from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import select

from cases import service
from cases.model import Case, Officer
from cases.workflow import Status
from core.db import transaction
from core.inbox import LEASE
from tests.fakes import Reply
from tests.message_path import FORM, NAME, TURN, House
from tests.support import NOW, answer_with


def test_the_words_after_an_officers_question_go_to_the_case_and_those_after_them_to_the_bot(house: House) -> None:
    code = house.file()
    house.officer_asks()
    house.talk(f"số 12 ngõ 12 Chùa Bộc, {NAME}")
    assert house.rasa.questions == []
    assert house.case().status == Status.IN_PROGRESS
    assert house.events()[-1] == "citizen_answered"
    assert code in house.channel.texts[-1]
    house.talk("nhà có cổng xanh ạ")  # said soon after: part of the same answer
    assert house.rasa.questions == []
    assert house.events().count("citizen_answered") == 2
    house.clock.advance(minutes=10)
    house.talk("còn việc khác")
    assert [question["text"] for question in house.rasa.questions] == ["còn việc khác"]
    assert house.events().count("citizen_answered") == 2


def asked_to_confirm() -> Reply:
    buttons = [{"title": "Gửi", "payload": "/affirm"}, {"title": "Sửa", "payload": "/deny"}]
    return answer_with("Gửi nhé?", state=FORM, buttons=buttons)


def test_who_spoke_last_owns_the_next_words(house: House) -> None:
    house.file()
    house.rasa.next_answers(asked_to_confirm())
    house.talk("báo thêm việc khác")
    house.officer_asks()
    house.talk("1")  # the bot's summary is no longer what was asked
    assert house.events()[-1] == "citizen_answered"
    assert len(house.rasa.questions) == 1
    house.rasa.next_answers(answer_with("Đã gửi.", state={"v": 1, "slots": {}, "loop": None}))
    house.talk("Chùa Bộc")
    assert [question["text"] for question in house.rasa.questions] == ["báo thêm việc khác", "Chùa Bộc"]


def test_after_an_officers_answer_a_mere_yes_is_marked_as_not_for_the_bot(house: House) -> None:
    house.file()
    house.rasa.next_answers(asked_to_confirm())
    house.talk("báo thêm việc khác")
    with transaction(house.database) as session:
        officer, case = session.scalars(select(Officer)).one(), session.scalars(select(Case)).one()
        service.reply(session, house.rulebook, case, officer, "Đã nhận ạ.", NOW)
    house.settle()
    house.talk("ok")
    question = house.rasa.questions[-1]
    assert (question["text"], question["metadata"]["interrupted"]) == ("ok", True)
    house.talk("ở Chùa Bộc")
    assert house.rasa.questions[-1]["metadata"]["interrupted"] is False


@pytest.mark.parametrize(("text", "kind"), [("#tra_cuu", "tap"), ("", "start")])
def test_a_door_of_the_menu_is_no_answer_to_an_officer(house: House, text: str, kind: str) -> None:
    house.file()
    house.officer_asks()
    house.talk(text, kind=kind)
    assert len(house.rasa.questions) == 1
    assert house.case().status == Status.WAITING_CITIZEN


def test_an_officer_who_resolves_meanwhile_does_not_leave_the_citizen_without_an_answer(house: House) -> None:
    house.file()
    house.officer_asks()
    house.say("số nhà 12")

    def resolve() -> datetime:
        if house.case().status != Status.RESOLVED and house.turns():
            with transaction(house.database) as session:
                officer, case = session.scalars(select(Officer)).one(), session.scalars(select(Case)).one()
                service.resolve(session, house.rulebook, case, officer, "Xong", NOW)
        return house.clock()

    converser = replace(house.converser, clock=resolve)
    assert converser.step(TURN)  # claimed for the case; the officer is done before it gets there
    assert converser.step(TURN)
    house.settle()
    assert house.case().status == Status.RESOLVED
    assert house.channel.texts[-1] == "Dạ vâng ạ."
    assert house.clock() - NOW < LEASE
