"""The message path from inbox to platform: whatever dies in between, one case, one set of replies, in order."""

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, select

from cases import service
from cases.masking import PHONE
from cases.model import Case, CaseEvent, Officer
from cases.queries import BEING_READ, UNREADABLE, messages_of
from cases.rulebook import Rulebook
from cases.service import Draft, open_case
from cases.workflow import Status
from core import inbox, outbox
from core.clock import SharedClock
from core.config import load_config
from core.db import Database, reading, transaction
from core.inbox import LEASE, InboundEvent
from core.log import JsonFormatter
from core.model import Conversation, Inbound, Outbound, Turn
from core.spool import Spool
from core.vault import Vault
from tests.fakes import Reply
from tests.support import (
    DONG_DA,
    KIM_LIEN,
    NOW,
    Clock,
    Crash,
    FakeChannel,
    FakeRasa,
    add_officer,
    add_units,
    answer_with,
    channel_error,
    crash_at,
    said,
)
from webhook.channels import TOKEN_TIMEOUT
from webhook.chores import Chores
from webhook.converse import PATIENCE, Converser
from webhook.deliver import Deliverer
from webhook.download import HostRule
from webhook.exporter import Exporter
from webhook.kept import FORGOTTEN
from webhook.media import MediaFetcher
from webhook.question import let_go
from webhook.rasa_client import CONNECT_TIMEOUT, Answer, RasaClient
from webhook.worker import Worker, own_slot

TURN = "host:0/turn-0"
SEND = "host:0/send-0"
NAME, NUMBER, USER = "Bà Hồng", "0912345678", "6093184725501938472"
PERSONAL = (NAME, NUMBER, "912 345", USER, "Chùa Bộc", "trợ lý bí mật")
FORM = {"v": 1, "slots": {"description": "x"}, "loop": "report_form"}


@dataclass
class House:
    """A worker over one database, with a scripted Rasa, a channel that remembers, and a clock of the test."""

    database: Database
    rulebook: Rulebook
    rasa: FakeRasa
    clock: Clock
    channel: FakeChannel = field(default_factory=FakeChannel)
    vault: Vault = field(default_factory=lambda: Vault(["test-key"]))

    @property
    def converser(self) -> Converser:
        return Converser(self.database, self.rulebook, RasaClient([self.rasa.url], 2.0), self.vault, self.clock)

    @property
    def deliverer(self) -> Deliverer:
        return Deliverer(self.database, {"zalo": self.channel}, self.clock)

    def hear(self, *events: InboundEvent) -> None:
        """What the gateway does, in its one transaction."""
        with transaction(self.database) as session:
            for event in events:
                inbox.accept(session, event, self.clock(), self.vault)

    def say(self, text: str = "", **values: Any) -> None:
        """A message of the citizen, one second after the one before."""
        self.clock.advance(seconds=1)
        self.hear(said(text, at=self.clock(), **{"user": USER, **values}))

    def work(self) -> str:
        """What is not done yet: "turn", "message" or nothing."""
        with reading(self.database) as session:
            waiting = select(Inbound.id).outerjoin(Turn).where(Inbound.turn_id.is_(None) | (Turn.status == "open"))
            if session.scalar(waiting.limit(1)) is not None:
                return "turn"
            unsent = session.scalar(select(Outbound.id).where(Outbound.status == "waiting").limit(1))
            return "message" if unsent is not None else ""

    def settle(self, worker: str = "host:0", *, patience: int = 120) -> None:
        """Work until nothing waits; when nothing is due, let a second pass."""
        for _ in range(patience):
            work = self.work()
            if not work:
                return
            step = self.converser.step if work == "turn" else self.deliverer.step
            if not step(f"{worker}/{work}"):
                self.clock.advance(seconds=1)
        raise AssertionError(f"still not done: {self.work()}")

    def talk(self, text: str = "", **values: Any) -> None:
        self.say(text, **values)
        self.settle()

    def rows(self, query: Select[tuple[Any]]) -> list[Any]:
        with reading(self.database) as session:
            found = list(session.scalars(query))
            session.expunge_all()  # so that they can be looked at when the session is gone
            return found

    def conversation(self, user: str = USER) -> Conversation:
        found: Conversation = self.rows(select(Conversation).where(Conversation.user_id == user))[0]
        return found

    def turns(self) -> list[Turn]:
        return self.rows(select(Turn).order_by(Turn.id))

    def texts_kept(self) -> list[str]:
        return self.rows(select(Inbound.text).order_by(Inbound.sent_at, Inbound.id))

    def read_by_officers(self, user: str = USER) -> list[str]:
        """What the desk shows of the citizen's words."""
        with reading(self.database) as session:
            lines = messages_of(session, self.conversation(user).id, self.vault)
        return [line.text for line in lines if line.author == "citizen"]

    def outbounds(self) -> list[Outbound]:
        return self.rows(select(Outbound).order_by(Outbound.id))

    def case(self) -> Case:
        [found] = self.rows(select(Case))
        assert isinstance(found, Case)
        return found

    def events(self) -> list[str]:
        return self.rows(select(CaseEvent.kind).order_by(CaseEvent.id))

    def file(self) -> str:
        """A case of this citizen, as the action server would open it; returns its code."""
        with transaction(self.database) as session:
            conversation = inbox.get_conversation(session, "zalo", USER, self.clock())
            draft = Draft(conversation.id, "waste", "Rác ở ngõ 12 Chùa Bộc", ward_id=KIM_LIEN, area_id=DONG_DA)
            return open_case(session, self.rulebook, draft, "turn:0:0", self.clock()).code

    def officer_asks(self, text: str = "Số nhà nào ạ?") -> None:
        with transaction(self.database) as session:
            officer = session.scalars(select(Officer)).one()
            case = session.scalars(select(Case)).one()
            service.ask(session, self.rulebook, case, officer, text, self.clock())


@pytest.fixture
def rasa() -> Iterator[FakeRasa]:
    server = FakeRasa()
    yield server
    server.close()


@pytest.fixture
def house(database: Database, rulebook: Rulebook, rasa: FakeRasa, clock: Clock) -> House:
    with transaction(database) as session:
        add_units(session)
        add_officer(session, "kimlien", KIM_LIEN)
    return House(database, rulebook, rasa, clock)


def personal_in(records: list[logging.LogRecord]) -> list[str]:
    """Personal words that would reach a log file, or that a record carries in any of its fields."""
    written = "\n".join(JsonFormatter().format(record) + repr(vars(record)) for record in records)
    return [word for word in PERSONAL if word in written]


@pytest.fixture(autouse=True)
def nothing_personal_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Every test of this file talks in personal words; none of them may be in any log record, at any level."""
    caplog.set_level(logging.DEBUG)
    yield
    assert personal_in(caplog.get_records("call")) == []


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
    assert all("meant" not in question["metadata"] for question in house.rasa.questions)
    with reading(house.database) as session:
        assert session.scalars(select(Conversation.held)).one() is None


def test_what_nobody_calls_a_report_within_a_day_is_let_go(house: House) -> None:
    ask_whether_petition(house)
    house.clock.advance(hours=25)
    with transaction(house.database) as session:
        let_go(session, house.clock())
    with reading(house.database) as session:
        assert session.scalars(select(Conversation.held)).one() is None


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


def test_a_message_the_platform_takes_later_keeps_its_place(house: House) -> None:
    house.rasa.next_answers(answer_with("một", "hai", "ba"))
    house.channel.errors = [channel_error(retry=True), None, channel_error(retry=True)]
    house.talk("chào")
    assert house.channel.texts == ["một", "hai", "ba"]
    assert [row.external_id for row in house.outbounds()] == ["platform-1", "platform-2", "platform-3"]
    assert [row.error for row in house.outbounds()] == [None] * 3


def test_a_message_nobody_can_deliver_is_noted_on_its_case_once_and_the_next_one_goes(house: House) -> None:
    house.talk("chào")
    house.file()
    house.channel.errors = [channel_error(retry=False, code="window_closed")]
    house.officer_asks("một?")
    house.officer_asks("hai?")
    house.settle()
    assert [(row.status, row.error) for row in house.outbounds()[1:]] == [("dead", "window_closed"), ("sent", None)]
    assert "hai?" in house.channel.texts[-1]
    assert house.events().count("undelivered") == 1
    assert not house.deliverer.step(SEND)


def test_a_dead_message_without_a_case_is_dead_and_nothing_more(house: House) -> None:
    house.channel.errors = [channel_error(retry=False, code="blocked")]
    house.talk("chào")
    assert [row.status for row in house.outbounds()] == ["dead"]
    assert house.events() == []


def test_a_channel_that_is_not_configured_keeps_its_messages_until_it_is(house: House) -> None:
    house.say("chào")
    house.converser.step(TURN)
    nobody = replace(house.deliverer, channels={})
    assert nobody.step(SEND)
    assert [(row.status, row.error) for row in house.outbounds()] == [("waiting", "channel_not_configured")]
    house.settle()
    assert house.channel.texts == ["Dạ vâng ạ."]


def test_a_channel_with_a_bug_loses_nothing(house: House) -> None:
    house.channel.errors = [RuntimeError("bug")]
    house.say("chào")
    house.converser.step(TURN)
    assert house.deliverer.step(SEND)
    assert (house.outbounds()[0].status, house.outbounds()[0].error) == ("waiting", "unexpected")
    house.settle()
    assert house.channel.texts == ["Dạ vâng ạ."]


def test_the_channel_learns_who_how_and_why_but_never_twice(house: House) -> None:
    house.talk("chào")
    outgoing = house.channel.sent[0]
    assert (outgoing.user_id, outgoing.author, outgoing.key) == (USER, "bot", "turn:1:0")
    assert outgoing.route == "reply"


def test_conversations_do_not_wait_for_each_other(house: House) -> None:
    house.say("a", user="u1")
    house.say("b", user="u2")
    house.rasa.next_answers(Reply(status=500))
    assert house.converser.step(TURN)
    assert house.converser.step(TURN)
    assert [turn.status for turn in house.turns()] == ["open", "done"]


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def at_work(house: House, spool: Spool, folder: Path) -> Iterator[None]:
    """A whole worker, with its threads and the real time, until the block ends."""
    stop = threading.Event()
    worker = Worker(
        name="host:0",
        database=house.database,
        converser=replace(house.converser, clock=now),
        deliverer=replace(house.deliverer, clock=now),
        fetcher=MediaFetcher(house.database, folder / "media", HostRule(), now),
        chores=Chores(
            house.database,
            house.rulebook,
            Exporter(house.database, house.rulebook, house.vault, folder / "exports", now),
            now,
        ),
        spool=spool,
        stop=stop,
        wake=threading.Event(),
        clock=SharedClock(house.database),
    )
    thread = threading.Thread(target=worker.run, args=(2, 2, folder / "alive"))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=20)
    assert not thread.is_alive()


def wait_for(house: House, messages: int) -> None:
    deadline = time.monotonic() + 20
    while len(house.channel.texts) < messages and time.monotonic() < deadline:
        time.sleep(0.02)
    assert house.channel.texts == ["Dạ vâng ạ."] * messages


def test_a_worker_takes_back_what_its_predecessor_held_drains_the_spool_and_stops_when_told(
    house: House, tmp_path: Path
) -> None:
    house.clock.now = now()
    house.say("trước khi chết")
    with pytest.raises(Crash), crash_at(house.database, 1, "after"):
        house.converser.step("host:0/turn-0")
    spool = Spool(tmp_path / "spool", house.vault)
    spool.append(said("từ đĩa", user="u2", at=house.clock()))
    with at_work(house, spool, tmp_path):
        wait_for(house, 2)
    assert {question["text"] for question in house.rasa.questions} == {"trước khi chết", "từ đĩa"}
    assert spool.is_empty()
    assert (tmp_path / "alive").exists()


def test_an_event_sealed_with_a_lost_key_is_set_aside_and_those_behind_it_are_answered(
    house: House, tmp_path: Path
) -> None:
    house.clock.now = now()
    spool = Spool(tmp_path / "spool", house.vault)
    Spool(tmp_path / "spool", Vault(["lost"])).append(said("không đọc được", user="u1"))
    spool.append(said("từ đĩa", user="u2", at=house.clock()))
    with at_work(house, spool, tmp_path):
        wait_for(house, 1)
    assert [question["text"] for question in house.rasa.questions] == ["từ đĩa"]
    assert len(list((tmp_path / "spool").glob("*.bad"))) == 1


def test_two_workers_of_one_machine_have_two_names_and_a_dead_one_frees_its_own(tmp_path: Path) -> None:
    first, first_lock = own_slot(tmp_path)
    second, second_lock = own_slot(tmp_path)
    assert first != second
    first_lock.close()
    third, third_lock = own_slot(tmp_path)
    assert third == first
    second_lock.close()
    third_lock.close()
