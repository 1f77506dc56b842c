"""What platforms tell besides messages: receipts, echoes, a person in the platform's inbox, edits, who holds whom."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from cases import personal
from cases.rulebook import Rulebook
from core import arrivals, outbox
from core.db import Database, reading, transaction
from core.erased import is_erased
from core.events import InboundEvent
from core.model import Conversation, Inbound, Outbound, PlatformNotice, Turn
from core.sealed import Words, keep_plain, words_of
from core.vault import Vault
from tests.support import Clock, FakeChannel, FakeRasa
from webhook.converse import SILENCE, Converser
from webhook.deliver import Deliverer
from webhook.kept import FORGOTTEN
from webhook.rasa_client import RasaClient

USER = "6093184725501938472"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class House:
    """A conversation with one message of ours that was sent, and the parts that work on it."""

    database: Database
    rulebook: Rulebook
    clock: Clock
    rasa: FakeRasa
    vault: Vault
    channel: FakeChannel

    def hear(self, kind: str, **values: Any) -> bool:
        event = InboundEvent("zalo", values.pop("id", f"e-{kind}"), values.pop("user", USER), kind, self.clock())
        with transaction(self.database) as session:
            return arrivals.accept(session, [replace(event, **values)], self.clock(), self.vault) == 1

    def write(self, text: str, **values: Any) -> int:
        with transaction(self.database) as session:
            conversation = arrivals.get_conversation(session, "zalo", USER, self.clock())
            author = values.pop("author", "bot")
            outbox.enqueue(session, conversation.id, f"k:{text}", text, self.clock(), author=author, **values)
            return session.scalars(select(Outbound.id).where(Outbound.key == f"k:{text}")).one()

    def deliver(self) -> None:
        deliverer = Deliverer(self.database, {"zalo": self.channel}, self.clock)
        while deliverer.step("host:0/send-0"):
            pass

    def converse(self) -> None:
        rasa = RasaClient([self.rasa.url], 2.0)
        Converser(self.database, self.rulebook, rasa, self.vault, self.clock).step("host:0/turn-0")

    def outbound(self, outbound_id: int) -> Outbound:
        return next(row for row in self.all(Outbound) if row.id == outbound_id)

    def conversation(self) -> Conversation:
        return next(row for row in self.all(Conversation) if row.user_id == USER)

    def all(self, table: type[Any]) -> list[Any]:
        with reading(self.database) as session:
            found = list(session.scalars(select(table).order_by(table.id)))
            session.expunge_all()
        return found


@pytest.fixture
def house(database: Database, rulebook: Rulebook, clock: Clock) -> Any:
    rasa = FakeRasa()
    made = House(database, rulebook, clock, rasa, Vault(["test-key"]), FakeChannel())
    made.hear("text", text="alo", id="first")
    yield made
    rasa.close()


def test_receipts_are_kept_on_the_message_they_speak_of(house: House) -> None:
    one, two = house.write("một"), house.write("hai")
    house.deliver()
    house.hear("delivered", user="", payload="platform-1")
    house.clock.advance(seconds=9)
    house.hear("seen", user="", payload="platform-2\nunknown")
    house.hear("delivered", user="", payload="platform-1")
    first, second = house.outbound(one), house.outbound(two)
    assert (first.delivered_at, first.seen_at) == (house.clock() - timedelta(seconds=9), None)
    assert (second.delivered_at, second.seen_at) == (house.clock(), house.clock())


def test_a_watermark_speaks_of_everything_sent_until_then(house: House) -> None:
    early = house.write("sớm")
    house.deliver()
    house.clock.advance(seconds=60)
    late = house.write("muộn")
    house.deliver()
    house.hear("seen", sent_at=house.clock() - timedelta(seconds=30))
    assert house.outbound(early).seen_at is not None
    assert house.outbound(late).seen_at is None


def test_receipts_for_strangers_and_phones_make_no_conversation(house: House) -> None:
    for kind in ("delivered", "seen", "echo", "edit", "left", "taken", "passed", "reaction"):
        house.hear(kind, user="84900000456", payload="platform-9")
    assert len(house.all(Conversation)) == 1


def test_a_person_in_the_platforms_inbox_silences_the_bot_and_is_kept(house: House) -> None:
    house.converse()
    asked = len(house.rasa.questions)
    assert house.hear("human", text="Chào anh, em là cán bộ trực.", id="m_1")
    assert house.hear("human", text="Chào anh, em là cán bộ trực.", id="m_1")
    kept = [row for row in house.all(Outbound) if row.route == "inbox"]
    assert [(row.author, row.status, row.text) for row in kept] == [("officer", "sent", "Chào anh, em là cán bộ trực.")]
    house.hear("text", text="số tôi là 0912345678", id="second")
    house.converse()
    assert len(house.rasa.questions) == asked
    assert [turn.intent for turn in house.all(Turn)][-1] == "person_answers"
    assert house.vault.unseal(house.conversation().phone or b"") == "0912345678"
    house.clock.advance(seconds=SILENCE.total_seconds())
    house.hear("text", text="còn ai không", id="third")
    house.converse()
    assert len(house.rasa.questions) == asked + 1


def test_in_standby_nothing_is_answered_until_the_thread_is_passed_back(house: House) -> None:
    house.converse()
    asked = len(house.rasa.questions)
    house.hear("taken")
    house.hear("text", text="tôi đang nói chuyện với cán bộ", id="second", standby=True)
    house.converse()
    assert len(house.rasa.questions) == asked
    house.hear("passed")
    house.hear("text", text="cảm ơn", id="third")
    house.converse()
    assert len(house.rasa.questions) == asked + 1


def test_an_edit_changes_the_words_and_makes_no_second_message(house: House) -> None:
    house.hear("edit", payload="first", text="alo, đèn hỏng")
    house.hear("edit", payload="first", text="alo, đèn đường hỏng")
    house.hear("edit", payload="first", text="lạ", user="somebody-else")
    (row,) = house.all(Inbound)
    words = words_of(house.vault, row)
    assert (words.text, words.original) == ("alo, đèn đường hỏng", "alo")
    assert (row.text, row.original) == ("", None)


def test_an_edit_does_not_bring_back_what_was_erased(house: House) -> None:
    assert is_erased(FORGOTTEN) and is_erased(personal.ERASED)
    with transaction(house.database) as session:
        keep_plain(session.scalars(select(Inbound)).one(), Words("text", FORGOTTEN))
    house.hear("edit", payload="first", text="tố cáo ông A")
    assert house.all(Inbound)[0].text == FORGOTTEN


def test_a_reaction_is_kept_on_our_message_and_is_no_report(house: House) -> None:
    sent = house.write("Mã hồ sơ")
    house.deliver()
    before = len(house.all(Inbound))
    house.clock.advance(seconds=5)
    house.hear("reaction", text="❤️", payload="platform-1")
    assert (house.outbound(sent).reaction, len(house.all(Inbound))) == ("❤️", before)
    assert house.conversation().last_inbound_at == house.clock()
    house.hear("reaction", text="", payload="platform-1")
    assert house.outbound(sent).reaction is None


def test_the_link_by_which_a_citizen_came_is_remembered(house: House) -> None:
    house.hear("referral", referral="qr_phuong_lang")
    assert house.conversation().source == "qr_phuong_lang"
    house.hear("text", text="x", id="second")
    assert house.conversation().source == "qr_phuong_lang"


def test_notices_and_unknown_events_are_counted_without_content(house: House) -> None:
    for _ in range(3):
        house.hear("notice", user="", payload="unknown:some_new_event_2027")
    (notice,) = house.all(PlatformNotice)
    assert (notice.channel, notice.reason, notice.count) == ("zalo", "unknown:some_new_event_2027", 3)
    assert len(house.all(Conversation)) == 1


def test_an_echo_confirms_a_message_whose_answer_was_lost(house: House) -> None:
    sent = house.write("Hồ sơ PA-1 đã xong")
    with transaction(house.database) as session:
        row = outbox.claim(session, "host:0/send-9", house.clock())
        assert row is not None
        outbox.retry(row, "timeout", house.clock())
    house.hear("echo", text="Hồ sơ PA-1 đã xong", id="m_echo")
    house.clock.advance(seconds=100)
    house.deliver()
    row = house.outbound(sent)
    assert (row.status, row.external_id, house.channel.sent) == ("sent", "m_echo", [])


def test_an_echo_of_other_words_confirms_nothing(house: House) -> None:
    sent = house.write("Hồ sơ PA-1 đã xong")
    house.hear("echo", text="Hồ sơ PA-1 đã xong", id="m_echo")
    assert house.outbound(sent).status == "waiting"
    house.deliver()
    assert house.outbound(sent).external_id == "platform-1"
