"""The message path from inbox to platform: whatever dies in between, one case, one set of replies, in order."""

import logging
import socket
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cases.queries import BEING_READ, UNREADABLE
from cases.service import Draft, open_case
from cases.workflow import Status
from core import inbox, outbox
from core.config import load_config
from core.db import transaction
from core.inbox import LEASE
from core.model import Conversation
from core.vault import Vault
from tests.fakes import Reply
from tests.message_path import FORM, NAME, TURN, USER, House, personal_in
from tests.support import KIM_LIEN, NOW, Crash, answer_with, crash_at, said
from webhook.channels import TOKEN_TIMEOUT
from webhook.converse import PATIENCE
from webhook.rasa_client import CONNECT_TIMEOUT, Answer, RasaClient


def test_the_watch_over_the_logs_would_notice(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("x").warning("said", extra={"text": f"nhà {NAME}"})
    assert personal_in(caplog.records) == [NAME]
    caplog.clear()


# The commits of one journey, in order: what the citizen says files a case, the officer asks back, the citizen answers.
JOURNEY = (
    "accept the message", "claim the turn", "open the case", "store state and replies", "claim the first reply",
    "record it as sent", "claim the second reply", "record that as sent", "the officer asks", "claim the question",
    "record the question as sent", "accept the answer", "claim the turn of the answer", "give the answer to the case",
    "claim the thanks", "record the thanks as sent",
)  # fmt: skip
SENDING = {"record it as sent", "record that as sent", "record the question as sent", "record the thanks as sent"}
FIRST = said(f"{NAME} ở ngõ 12 Chùa Bộc đổ rác", external_id="first", user=USER)
SECOND = said("Số nhà 12", external_id="second", user=USER, at=NOW + timedelta(minutes=10))


class Journey:
    """The whole way of one matter; whoever acts from outside (platform, officer) does it again when in doubt."""

    def __init__(self, house: House) -> None:
        self.house = house
        house.rasa.answer = self.answer

    def answer(self, question: Mapping[str, Any]) -> Reply:
        """The bot with its action: files a case in a transaction of its own, and dies in it when told to."""
        house = self.house
        try:
            with transaction(house.database) as session:
                draft = Draft(question["metadata"]["conversation_id"], "waste", question["text"], ward_id=KIM_LIEN)
                code = open_case(session, house.rulebook, draft, f"{question['turn_id']}:0", house.clock()).code
        except Crash:
            return Reply(cut=True)
        return answer_with("Em đã gửi.", f"Mã hồ sơ: {code}", state={"v": 1, "slots": {}})

    def run(self, worker: str) -> None:
        self.house.hear(FIRST)
        self.house.settle(worker)
        if self.house.case().status == Status.NEW:
            self.house.officer_asks()
        self.house.settle(worker)
        self.house.hear(SECOND)
        self.house.settle(worker)


def test_the_journey_has_the_commits_that_the_crash_test_names(house: House) -> None:
    with crash_at(house.database, 0, "after") as reached:
        Journey(house).run("host:0")
    assert len(reached) == len(JOURNEY)


@pytest.mark.parametrize("step", JOURNEY)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_any_step_leaves_one_case_and_one_set_of_replies_in_order(
    house: House, step: str, when: str
) -> None:
    journey = Journey(house)
    number = JOURNEY.index(step) + 1
    with crash_at(house.database, number, when) as reached:
        try:
            journey.run("host:0")
        except Crash:
            assert step != "open the case"  # that one kills the action server, which Rasa reports to the worker
    assert reached[number - 1 :], "the crash never struck"
    if when == "after":  # its successor has the same name and need not wait for leases
        with transaction(house.database) as session:
            inbox.release(session, "host:0", house.clock())
            outbox.release(session, "host:0", house.clock())
        journey.run("host:0")
        assert house.clock() - NOW < LEASE
    else:
        journey.run("host:1")
    assert house.events() == ["opened", "taken", "asked", "citizen_answered"]
    assert [turn.status for turn in house.turns()] == ["done", "done"]
    code = house.case().code
    told = [row.text for row in house.outbounds()]
    assert told[:2] == ["Em đã gửi.", f"Mã hồ sơ: {code}"]
    assert len(told) == 4
    assert all(code in text for text in told[1:])
    assert {row.status for row in house.outbounds()} == {"sent"}
    # A platform cannot take part in our transaction: only what it took just before the crash may be sent again.
    assert list(dict.fromkeys(house.channel.texts)) == told
    assert len(house.channel.texts) - len(told) == (1 if when == "before" and step in SENDING else 0)


NO_ANSWERS = {
    "200 with an empty list": Reply([]),
    "200 without replies": Reply({"replies": [], "state": {}}),
    "200 with blank replies": Reply({"replies": [{"text": " "}], "state": {}}),
    "200 without state": Reply({"replies": [{"text": "x"}]}),
    "200 with half a body": Reply(b'{"replies": ['),
    "200 with replies of another shape": Reply({"replies": ["x"], "state": {}}),
    "200 with a button that has no payload": answer_with("x", buttons=[{"title": "Gửi"}]),
    "500": Reply({"error": "action_failed"}, status=500),
    "400": Reply({"error": "malformed"}, status=400),
}


@pytest.mark.parametrize("reply", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_an_answer_that_is_none_is_asked_for_again_and_the_citizen_hears_only_the_answer(
    house: House, reply: Reply
) -> None:
    house.rasa.next_answers(*[reply] * 3, answer_with("Em đây ạ."))
    house.talk(f"{NAME} đây")
    assert house.channel.texts == ["Em đây ạ."]
    assert house.conversation().attention is None
    assert [question["text"] for question in house.rasa.questions] == [f"{NAME} đây"] * 4


@pytest.mark.parametrize("reply", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_after_four_failures_one_apology_a_person_is_called_and_the_next_words_are_answered(
    house: House, reply: Reply
) -> None:
    house.rasa.next_answers(*[reply] * 4)
    house.say(f"{NAME} đây")
    house.say("tôi nhắn thêm", kind="tap")
    house.settle()
    assert house.channel.texts == [house.rulebook.words.notices["bot_failed"], "Dạ vâng ạ."]
    assert house.conversation().attention == "bot_failed"
    assert [turn.status for turn in house.turns()] == ["failed", "done"]
    assert house.texts_kept() == ["", "tôi nhắn thêm"], "what was not understood stays sealed"
    assert house.read_by_officers() == [f"{NAME} đây", "tôi nhắn thêm"]


def test_words_rest_sealed_until_they_are_understood(house: House) -> None:
    house.say("đèn đường hỏng")
    assert (house.texts_kept(), house.read_by_officers()) == ([""], [BEING_READ])
    house.settle()
    assert (house.texts_kept(), house.read_by_officers()) == (["đèn đường hỏng"], ["đèn đường hỏng"])


def test_words_sealed_with_a_lost_key_end_in_an_apology_and_hold_nobody_up(house: House) -> None:
    house.say("chào")
    house.vault = Vault(["another-key"])
    house.say("còn ai không")
    house.settle()
    assert house.channel.texts == [house.rulebook.words.notices["bot_failed"], "Dạ vâng ạ."]
    assert house.read_by_officers() == [UNREADABLE, "còn ai không"]


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.mark.parametrize("away", ["refused", "503"])
def test_rasa_away_is_not_counted_and_the_turn_is_answered_when_it_is_back(house: House, away: str) -> None:
    house.say("có ai không")
    converser = house.converser
    if away == "refused":
        converser = replace(converser, rasa=RasaClient([closed_port()], 1.0))
    else:
        house.rasa.next_answers(*[Reply({"error": "actions_unavailable"}, status=503)] * 10)
    for _ in range(10):
        assert converser.step(TURN)
        assert not converser.step(TURN)  # not before a little while
        house.clock.advance(seconds=5)
    assert [turn.failures for turn in house.turns()] == [0]
    assert house.outbounds() == []
    house.settle()
    assert house.channel.texts == ["Dạ vâng ạ."]


def test_rasa_away_for_a_quarter_of_an_hour_ends_in_one_apology(house: House) -> None:
    house.say("có ai không")
    converser = replace(house.converser, rasa=RasaClient([closed_port()], 1.0))
    assert converser.step(TURN)
    house.clock.advance(seconds=PATIENCE.total_seconds() - 1)
    assert converser.step(TURN)
    assert house.outbounds() == []
    house.clock.advance(seconds=1)
    assert converser.step(TURN)
    house.settle()
    assert house.channel.texts == [house.rulebook.words.notices["bot_failed"]]
    house.talk("giờ thì sao")
    assert house.channel.texts[1:] == ["Dạ vâng ạ."]


class BrokenRasa(RasaClient):
    """Breaks on what people wrote, as a bug of ours would."""

    def turn(self, question: Mapping[str, Any]) -> Answer:
        raise RuntimeError("a bug")


def test_a_message_that_breaks_us_ends_in_an_apology_and_stops_nobody_else(house: House) -> None:
    house.say("tin nhắn hỏng")
    house.say("tin của người khác", user="another")
    broken = replace(house.converser, rasa=BrokenRasa([house.rasa.url], 1.0))
    assert broken.step(TURN)
    assert house.converser.step(TURN)  # the other citizen is answered in the meantime
    for _ in range(3):
        house.clock.advance(seconds=10)
        assert broken.step(TURN)
    house.settle()
    assert house.channel.texts == ["Dạ vâng ạ.", house.rulebook.words.notices["bot_failed"]]


def test_another_rasa_process_takes_the_turn_when_one_is_gone(house: House) -> None:
    converser = replace(house.converser, rasa=RasaClient([closed_port(), house.rasa.url], 2.0))
    for number in range(4):
        house.say(f"tin {number}")
        assert converser.step(TURN)
    assert [turn.status for turn in house.turns()] == ["done"] * 4


def test_a_silent_rasa_is_given_up_and_asked_again(house: House) -> None:
    house.rasa.next_answers(Reply(delay=0.3))
    house.say("chậm")
    converser = replace(house.converser, rasa=RasaClient([house.rasa.url], 0.05))
    assert converser.step(TURN)
    assert [turn.failures for turn in house.turns()] == [1]
    house.settle()
    assert house.channel.texts == ["Dạ vâng ạ."]


def test_a_turn_and_a_message_are_over_before_their_lease_is() -> None:
    config = load_config({"SECRET_KEY": "a", "DATA_KEY": "b"}, Path("/nonexistent"))
    asking = CONNECT_TIMEOUT * len(config.rasa_urls) + config.rasa_timeout
    assert timedelta(seconds=asking) < inbox.LEASE
    assert timedelta(seconds=TOKEN_TIMEOUT + 2 * config.send_timeout) < outbox.LEASE


@pytest.mark.parametrize("how", ["it failed", "the worker died"])
def test_a_repeated_turn_asks_the_same_question_and_later_words_do_not_slip_in(house: House, how: str) -> None:
    house.talk("một", external_id="one")
    house.say("hai")
    house.say("ba")
    if how == "it failed":
        house.rasa.next_answers(Reply(status=500))
        house.converser.step(TURN)
    else:
        with pytest.raises(Crash), crash_at(house.database, 2, "before"):
            house.converser.step(TURN)
    house.say("bốn")
    house.settle("host:1")
    asked = house.rasa.questions[1:]
    assert asked[0] == asked[1]
    assert [question["text"] for question in asked] == ["hai\nba", "hai\nba", "bốn"]


def test_the_state_travels_with_the_conversation_and_not_with_the_process(house: House) -> None:
    house.rasa.next_answers(answer_with("Ở đâu ạ?", state=FORM))
    house.talk("rác")
    house.talk("Chùa Bộc")
    assert [question["state"] for question in house.rasa.questions] == [{}, FORM]
    metadata = house.rasa.questions[1]["metadata"]
    assert (metadata["turn_id"], metadata["channel"]) == (2, "zalo")
    assert metadata["conversation_id"] == house.conversation().id


def test_a_worker_that_lost_its_lease_throws_its_answer_away(house: House) -> None:
    def slow(question: Mapping[str, Any]) -> Reply:
        house.rasa.answer = lambda _: answer_with("từ người thứ hai")
        with transaction(house.database) as session:
            turn = inbox.claim(session, "host:1/turn-0", NOW + timedelta(hours=1), lambda *_: False)
            assert turn is not None
        return answer_with("từ người thứ nhất", state=FORM)

    house.rasa.answer = slow
    house.say("chào")
    assert house.converser.step(TURN)
    assert house.outbounds() == []
    assert house.conversation().state == {}
    house.clock.advance(hours=2)
    house.settle("host:1")
    assert house.channel.texts == ["từ người thứ hai"]


def test_giving_up_after_the_case_was_stored_tells_its_code(house: House) -> None:
    code = house.file()
    with transaction(house.database) as session:
        conversation = session.scalars(select(Conversation)).one()
        conversation.state = {**FORM, "slots": {"description": "x", "draft": {"began": 0}}}
    house.rasa.next_answers(*[Reply(status=500)] * 4)
    house.talk("gửi")
    assert code in house.channel.texts[-1]
    assert house.conversation().attention is None
    assert house.conversation().state == {}


def test_a_state_that_breaks_rasa_is_dropped_with_the_turn_it_broke(house: House) -> None:
    house.rasa.next_answers(answer_with("Ở đâu ạ?", state=FORM))
    house.talk("rác chất đống")
    house.rasa.next_answers(*[Reply(status=500)] * 4)
    house.talk("Chùa Bộc")
    house.talk("alo")
    assert house.rasa.questions[-1]["state"] == {}
    assert house.channel.texts[-1] == "Dạ vâng ạ."


def test_a_long_stop_of_ours_does_not_cost_the_citizens_their_answers(house: House) -> None:
    house.say("có ai không")
    away = replace(house.converser, rasa=RasaClient([closed_port()], 1.0))
    assert away.step(TURN)
    house.clock.advance(minutes=60)
    assert replace(away, started=house.clock()).step(TURN)
    assert house.outbounds() == []
    house.settle()
    assert house.channel.texts == ["Dạ vâng ạ."]
