"""The window planner under a simulated clock: what goes, what waits for the citizen, and that no rule is broken."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from cases import consents, service
from cases.model import Case, CaseEvent, Officer
from cases.rulebook import Rulebook
from cases.service import Draft, open_case
from cases.windows import NOTICES, Facts, Policy, Route, plan
from core import arrivals, outbox
from core.db import Database, reading, transaction
from core.events import InboundEvent
from core.model import Conversation, Outbound
from core.vault import Vault
from tests.support import KIM_LIEN, VAULT, Clock, FakeChannel, add_officer, add_units
from webhook.channels.base import Blocked, ChannelMisconfigured, Notice, WalletEmpty, WindowClosed
from webhook.deliver import Deliverer, Means

NOON = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)  # 12:00 in Hà Nội
NIGHT = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)  # 23:00
ALL = Policy(utility=True, zbs=True, sms=True)


def facts(channel: str, author: str, hours: float | None, now: datetime = NOON, **values: Any) -> Facts:
    last = None if hours is None else now - timedelta(hours=hours)
    return Facts(**{"channel": channel, "author": author, "about_case": True, "last_inbound_at": last, **values})


@pytest.mark.parametrize(
    ("channel", "author", "hours", "policy", "route"),
    [
        ("messenger", "bot", 23, Policy(), "reply"),
        ("messenger", "bot", 24, Policy(), "hold"),
        ("messenger", "system", 25, Policy(), "hold"),
        ("messenger", "officer", 23, Policy(), "reply"),
        ("messenger", "officer", 24, Policy(), "human_agent"),
        ("messenger", "officer", 24 * 6.9, Policy(), "human_agent"),
        ("messenger", "officer", 24 * 7, Policy(), "hold"),
        ("messenger", "officer", 30, Policy(human_agent=False), "hold"),
        ("messenger", "bot", 30, Policy(utility=True), "utility"),
        ("messenger", "officer", 200, Policy(utility=True), "utility"),
        ("messenger", "officer", 200, Policy(sms=True), "hold"),  # no phone is known
        ("messenger", "officer", None, Policy(), "hold"),
        ("zalo", "bot", 47, Policy(), "reply"),
        ("zalo", "bot", 48, Policy(), "billed"),
        ("zalo", "officer", 24 * 6.9, Policy(), "billed"),
        ("zalo", "officer", 24 * 7, Policy(), "hold"),
        ("zalo", "officer", 24 * 7, Policy(zbs=True), "zbs"),
        ("zalo", "officer", 50, Policy(billed_a_day=0), "hold"),
        ("zalo", "officer", 200, Policy(zbs=True, billed_a_day=0), "hold"),
        ("zalo", "officer", None, Policy(), "hold"),
        ("a_new_one", "bot", 9999, Policy(), "reply"),
    ],
)
def test_a_message_goes_by_the_permission_it_has_and_else_not_at_all(
    channel: str, author: str, hours: float | None, policy: Policy, route: str
) -> None:
    assert plan(facts(channel, author, hours), policy, NOON).route == route


@pytest.mark.parametrize("channel", ["zalo", "messenger"])
@pytest.mark.parametrize("author", ["bot", "system", "officer"])
def test_no_minute_of_nine_days_breaks_a_rule_of_a_platform(channel: str, author: str) -> None:
    """The platforms' own lines, written down a second time: nothing of ours may go beyond them."""
    for minutes in range(0, 9 * 24 * 60, 7):
        route = plan(facts(channel, author, minutes / 60), ALL, NOON).route
        longest = {"reply": 24 * 60, "human_agent": 7 * 24 * 60} if channel == "messenger" else {}
        longest = longest or {"reply": 48 * 60, "billed": 7 * 24 * 60}
        assert route in {*longest, "utility", "zbs", "hold"}
        assert minutes < longest.get(route.value, 10**9)
        assert route != Route.HUMAN_AGENT or author == "officer"


def test_nothing_of_a_template_goes_twice_or_without_a_case_or_to_who_blocked_us() -> None:
    for values in ({"noticed": True}, {"about_case": False}, {"refused": "blocked"}):
        assert plan(facts("zalo", "officer", 200, **values), Policy(zbs=True), NOON).route == Route.HOLD
    by_sms = plan(facts("zalo", "officer", 1, refused="blocked", has_phone=True), ALL, NOON)
    assert by_sms.route == Route.SMS


def test_at_night_templates_wait_for_the_morning() -> None:
    found = plan(facts("zalo", "officer", 200, now=NIGHT), ALL, NIGHT)
    assert (found.route, found.until) == (Route.HOLD, datetime(2026, 11, 24, 0, 0, tzinfo=UTC))
    assert found.until is not None
    assert plan(facts("zalo", "officer", 200, now=found.until), ALL, found.until).route == Route.ZBS


def test_a_spent_budget_is_looked_at_again_the_next_day() -> None:
    found = plan(facts("zalo", "officer", 50, charged_today=1000), Policy(), NOON)
    assert (found.route, found.reason) == (Route.HOLD, "budget")
    assert found.until is not None
    assert NOON < found.until <= NOON + timedelta(days=1)


def test_who_unfollowed_gets_no_more_of_the_bot_but_an_officers_answer() -> None:
    assert plan(facts("zalo", "system", 1, left_at=NOON), Policy(), NOON).route == Route.HOLD
    assert plan(facts("zalo", "officer", 1, left_at=NOON), Policy(), NOON).route == Route.REPLY


def test_the_bot_does_not_talk_while_a_person_does() -> None:
    just_now = NOON - timedelta(minutes=5)
    assert plan(facts("zalo", "bot", 0.1, human_at=just_now, about_case=False), Policy(), NOON).route == Route.DROP
    kept = plan(facts("zalo", "bot", 0.1, human_at=just_now), Policy(), NOON)
    assert (kept.route, kept.until) == (Route.HOLD, just_now + timedelta(minutes=30))
    assert plan(facts("zalo", "officer", 0.1, human_at=just_now), Policy(), NOON).route == Route.REPLY


@dataclass
class Platform(FakeChannel):
    """A channel that also takes templates."""

    notices: list[Notice] = field(default_factory=list)

    def notify(self, notice: Notice) -> str | None:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        self.notices.append(notice)
        return f"template-{len(self.notices)}"


@dataclass
class House:
    """One citizen with one case, an officer, and a channel."""

    database: Database
    rulebook: Rulebook
    clock: Clock
    channels: Mapping[str, Platform]
    policy: Policy = field(default_factory=Policy)
    vault: Vault = field(default_factory=lambda: Vault(["test-key"]))

    @property
    def zalo(self) -> Platform:
        return self.channels["zalo"]

    def say(self, text: str) -> None:
        with transaction(self.database) as session:
            event = InboundEvent("zalo", f"{text}", "u1", "text", self.clock(), text)
            arrivals.accept(session, [event], self.clock(), VAULT)

    def open_case(self) -> None:
        with transaction(self.database) as session:
            conversation = session.scalars(select(Conversation)).one()
            conversation.phone = self.vault.seal("0912345678")
            draft = Draft(conversation.id, "road_damage", "đèn hỏng", ward_id=KIM_LIEN)
            open_case(session, self.rulebook, draft, "turn:1:0", self.clock())

    def reply(self, text: str) -> None:
        with transaction(self.database) as session:
            case, officer = session.scalars(select(Case)).one(), session.scalars(select(Officer)).one()
            service.reply(session, self.rulebook, case, officer, text, self.clock())

    def deliver(self) -> None:
        means = Means(self.policy, self.vault, "https://tiepdan.example", None, "Xem: {link}", "{code} {link}")
        deliverer = Deliverer(self.database, self.channels, self.clock, means)
        while deliverer.step("host:0/send-0"):
            pass

    def rows(self) -> list[Outbound]:
        with reading(self.database) as session:
            found = list(session.scalars(select(Outbound).order_by(Outbound.id)))
            session.expunge_all()
        return found

    def code(self) -> str:
        with reading(self.database) as session:
            return session.scalars(select(Case.code)).one()

    def events(self) -> list[str]:
        with reading(self.database) as session:
            return list(session.scalars(select(CaseEvent.kind).order_by(CaseEvent.id)))


@pytest.fixture
def house(database: Database, rulebook: Rulebook, clock: Clock) -> Iterator[House]:
    clock.now = NOON
    made = House(database, rulebook, clock, {"zalo": Platform(), "sms": Platform()})
    with transaction(database) as session:
        add_units(session)
        add_officer(session, "kimlien", KIM_LIEN)
    made.say("alo")
    made.open_case()
    yield made


def test_a_notice_carries_the_link_to_the_portal(house: House) -> None:
    house.reply("Đã xử lý.")
    house.deliver()
    (text,) = house.zalo.texts
    assert text.endswith(f"Xem: https://tiepdan.example/?ma={house.code()}")
    assert house.rows()[0].route == "reply"


def test_outside_the_window_a_message_waits_and_goes_when_the_citizen_returns(house: House) -> None:
    house.clock.advance(days=8)
    house.reply("một")
    house.reply("hai")
    house.deliver()
    assert [(row.status, row.error) for row in house.rows()] == [("held", "window_closed")] * 2
    assert (house.zalo.sent, house.events().count("undelivered")) == ([], 2)
    house.clock.advance(days=30)
    house.say("có tin gì chưa")
    house.deliver()
    assert [row.status for row in house.rows()] == ["sent", "sent"]
    assert ["một" in house.zalo.texts[0], "hai" in house.zalo.texts[1]] == [True, True]


def test_a_template_says_once_that_an_answer_waits_and_the_words_follow_later(house: House) -> None:
    house.policy = Policy(zbs=True)
    house.clock.advance(days=8)
    house.reply("Đã sửa xong.")
    house.deliver()
    house.deliver()
    (notice,) = house.zalo.notices
    assert (notice.user_id, notice.code) == ("u1", house.code())
    (row,) = house.rows()
    assert (row.status, row.error, row.route, row.external_id) == ("held", "noticed", "zbs", "template-1")
    assert row.charged_at == house.clock()
    assert "undelivered" not in house.events()
    house.say("tôi đây")
    house.deliver()
    assert len(house.zalo.sent) == 1
    assert len(house.zalo.notices) == 1


def test_an_sms_goes_to_the_citizens_phone(house: House) -> None:
    house.policy = Policy(sms=True)
    house.clock.advance(days=8)
    house.reply("Đã sửa xong.")
    house.deliver()
    (notice,) = house.channels["sms"].notices
    assert (notice.user_id, "Đã sửa" in notice.text) == ("0912345678", False)


def test_no_sms_goes_to_who_does_not_want_to_be_reached_at_the_phone(house: House) -> None:
    with transaction(house.database) as session:
        conversation = session.scalars(select(Conversation.id)).one()
        consents.answer(session, conversation, consents.Purpose.CONTACT, 1, house.clock(), given=False)
    house.policy = Policy(sms=True)
    house.clock.advance(days=8)
    house.reply("Đã sửa xong.")
    house.deliver()
    assert house.channels["sms"].notices == []
    assert [row.status for row in house.rows()] == ["held"]


def test_the_platform_knows_better_that_the_window_is_closed(house: House) -> None:
    house.zalo.errors.append(WindowClosed("zalo_-230"))
    house.reply("Đã sửa xong.")
    house.deliver()
    assert [(row.status, row.error) for row in house.rows()] == [("held", "window_closed")]
    house.say("alo alo")
    house.deliver()
    assert [row.status for row in house.rows()] == ["sent"]


def test_who_blocked_us_is_not_written_to_again_until_they_write(house: House) -> None:
    house.policy = Policy(zbs=True)
    house.zalo.errors.append(Blocked("zalo_-244"))
    house.reply("Đã sửa xong.")
    house.deliver()
    assert (house.zalo.sent, house.zalo.notices) == ([], [])
    assert [(row.status, row.error) for row in house.rows()] == [("held", "blocked")]


def test_a_refused_template_leaves_the_message_waiting_and_the_case_says_so(house: House) -> None:
    house.policy = Policy(zbs=True)
    house.clock.advance(days=8)
    house.zalo.errors.append(ChannelMisconfigured("zalo_-131"))
    house.reply("Đã sửa xong.")
    house.deliver()
    assert [(row.status, row.error) for row in house.rows()] == [("held", "window_closed")]
    assert "undelivered" in house.events()


def test_billed_messages_are_counted_and_end_at_the_days_limit(house: House) -> None:
    house.policy = Policy(billed_a_day=2)
    house.clock.advance(days=3)
    for text in ("một", "hai", "ba"):
        house.reply(text)
    house.deliver()
    assert [(row.status, row.route) for row in house.rows()] == [("sent", "billed"), ("sent", "billed"), ("held", None)]
    house.clock.advance(days=1)
    house.deliver()
    assert [row.status for row in house.rows()] == ["sent"] * 3


def test_an_empty_wallet_keeps_the_message_for_the_next_day(house: House) -> None:
    house.clock.advance(days=3)
    house.zalo.errors.append(WalletEmpty("zalo_-321"))
    house.reply("một")
    house.deliver()
    assert [(row.status, row.error) for row in house.rows()] == [("held", "wallet")]
    house.clock.advance(days=1)
    house.deliver()
    assert [row.status for row in house.rows()] == ["sent"]


def test_a_held_message_does_not_stop_the_next_one(house: House) -> None:
    house.clock.advance(days=8)
    house.reply("một")
    house.deliver()
    house.say("alo lần nữa")
    with transaction(house.database) as session:
        conversation = session.scalars(select(Conversation)).one()
        outbox.enqueue(session, conversation.id, "turn:9:0", "bot", house.clock(), author="bot")
    house.deliver()
    assert [row.status for row in house.rows()] == ["sent", "sent"]
    assert [text.splitlines()[-1] for text in house.zalo.texts][1] == "bot"


def test_every_way_that_is_no_chat_is_a_notice() -> None:
    assert NOTICES | {Route.REPLY, Route.HUMAN_AGENT, Route.BILLED, Route.HOLD, Route.DROP} == set(Route)
