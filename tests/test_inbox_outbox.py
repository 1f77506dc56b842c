"""What the durable inbox and outbox promise, on both databases: nothing twice, nothing lost, nothing out of order."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.orm import Session

from cases.model import Case, CaseEvent
from cases.rulebook import Rulebook
from cases.service import Draft, open_case
from core import arrivals, inbox, outbox
from core.db import Database, reading, transaction
from core.events import InboundEvent
from core.inbox import LEASE, LeaseLostError
from core.model import Attachment, Conversation, Inbound, Outbound, Turn
from core.sealed import words_of
from tests.support import KIM_LIEN, NOW, VAULT, Clock, add_conversation, add_units, said

THREADS = 8


def is_tap(_conversation: Conversation, message: Inbound) -> bool:
    return message.kind == "tap"


def accept(database: Database, *events: InboundEvent, now: datetime = NOW) -> list[bool]:
    with transaction(database) as session:
        return [arrivals.accept(session, [event], now, VAULT) == 1 for event in events]


def claim(database: Database, worker: str, now: datetime = NOW) -> tuple[int, list[str]] | None:
    """The id of the turn that was taken and the words of its members."""
    with transaction(database) as session:
        turn = inbox.claim(session, worker, now, is_tap)
        return None if turn is None else (turn.id, [words_of(VAULT, member).text for member in turn.members])


def finish(database: Database, turn_id: int, worker: str, now: datetime = NOW) -> None:
    with transaction(database) as session:
        inbox.finish(inbox.held(session, turn_id, worker), now)


def answer_all(database: Database, now: datetime = NOW) -> list[list[str]]:
    """Take turns until nothing waits; the words of each turn in the order they were taken."""
    turns = []
    while taken := claim(database, "w/0", now):
        finish(database, taken[0], "w/0", now)
        turns.append(taken[1])
    return turns


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


class TestInbox:
    def test_a_message_delivered_again_is_kept_once_with_its_photos(self, database: Database) -> None:
        photo = said("", kind="media", external_id="p1", attachments=({"type": "image", "url": "https://x.test/1"},))
        assert accept(database, photo, photo) == [True, False]
        assert accept(database, photo) == [False]
        with reading(database) as session:
            counts = [session.scalar(select(func.count()).select_from(table)) for table in (Inbound, Attachment)]
        assert counts == [1, 1]

    def test_the_same_platform_id_on_two_channels_is_two_messages(self, database: Database) -> None:
        first, second = said("a", external_id="1"), said("b", external_id="1")
        assert accept(database, first, InboundEvent(**{**vars(second), "channel": "messenger"})) == [True, True]

    def test_thirty_two_simultaneous_deliveries_of_one_message_keep_one(self, database: Database) -> None:
        event = said("một lần thôi")
        with ThreadPoolExecutor(THREADS) as pool:
            new = list(pool.map(lambda _: accept(database, event)[0], range(32)))
        assert sum(new) == 1
        with reading(database) as session:
            assert session.scalar(select(func.count(Conversation.id))) == 1

    def test_order_in_a_conversation_is_by_the_platform_clock(self, database: Database) -> None:
        accept(database, said("ba", at=at(3)), said("một", at=at(1)), said("hai", at=at(2)))
        assert answer_all(database) == [["một", "hai", "ba"]]

    def test_order_between_turns_is_by_the_platform_clock_as_well(self, database: Database) -> None:
        accept(database, said("nút", kind="tap", at=at(2)), said("sau", at=at(3)), said("trước", at=at(1)))
        assert answer_all(database) == [["trước"], ["nút"], ["sau"]]

    @pytest.mark.parametrize(
        ("kinds", "turns"),
        [
            (["text", "text", "text"], ["0 1 2"]),
            (["tap", "text"], ["0", "1"]),
            (["text", "tap", "text", "text"], ["0", "1", "2 3"]),
            (["tap", "tap"], ["0", "1"]),
            (["text", "media", "location"], ["0 1 2"]),
        ],
    )
    def test_free_words_waiting_together_are_one_turn_and_a_tap_stands_alone(
        self, database: Database, kinds: Sequence[str], turns: Sequence[str]
    ) -> None:
        accept(database, *(said(str(n), kind=kind, at=at(n)) for n, kind in enumerate(kinds)))
        assert [" ".join(words) for words in answer_all(database)] == turns

    def test_a_flood_is_cut_into_turns_and_nothing_of_it_is_lost(self, database: Database) -> None:
        accept(database, *(said(str(n), at=at(n)) for n in range(45)))
        turns = answer_all(database)
        assert max(map(len, turns)) <= inbox.MAX_MEMBERS
        assert [word for words in turns for word in words] == [str(n) for n in range(45)]

    def test_members_are_fixed_across_a_retry_and_later_words_wait_for_the_next_turn(self, database: Database) -> None:
        accept(database, said("một"), said("hai", at=at(1)))
        turn_id, words = claim(database, "w/0") or (0, [])
        accept(database, said("ba", at=at(-5)))  # even one that was written earlier
        with transaction(database) as session:
            inbox.fail(inbox.held(session, turn_id, "w/0"), NOW, at(2), counts=True)
        assert claim(database, "w/0", at(1)) is None
        assert claim(database, "w/1", at(2)) == (turn_id, words) == (turn_id, ["một", "hai"])
        finish(database, turn_id, "w/1")
        assert answer_all(database) == [["ba"]]

    def test_a_conversation_in_work_is_not_worked_twice_and_does_not_hold_up_others(self, database: Database) -> None:
        accept(database, said("a", user="u1"), said("b", user="u2"))
        assert (claim(database, "w/0") or (0, []))[1] == ["a"]
        accept(database, said("c", user="u1"))
        assert (claim(database, "w/1") or (0, []))[1] == ["b"]
        assert claim(database, "w/2") is None

    def test_a_second_open_turn_of_a_conversation_is_refused_by_the_database(self, database: Database) -> None:
        accept(database, said("a"))
        claim(database, "w/0")
        with pytest.raises(DBAPIError), transaction(database) as session:
            session.add(Turn(conversation_id=1, status="open", next_at=NOW, created_at=NOW))

    def test_when_a_lease_runs_out_another_worker_gets_the_same_turn_and_the_first_cannot_finish(
        self, database: Database
    ) -> None:
        accept(database, said("a"), said("b", at=at(1)))
        first = claim(database, "w/0")
        assert claim(database, "w/1", NOW + LEASE - timedelta(seconds=1)) is None
        accept(database, said("c", at=at(2)))
        assert claim(database, "w/1", NOW + LEASE) == first == (1, ["a", "b"])
        with pytest.raises(LeaseLostError):
            finish(database, 1, "w/0")
        finish(database, 1, "w/1")
        with pytest.raises(LeaseLostError):
            finish(database, 1, "w/1")

    @pytest.mark.parametrize(
        ("successor", "free"), [("host:1", True), ("host:2", False), ("host:", False), ("host_1", False)]
    )
    def test_a_successor_of_the_same_name_gets_its_turns_back_at_once(
        self, database: Database, successor: str, free: bool
    ) -> None:
        accept(database, said("a"))
        taken = claim(database, "host:1/turn-0")
        with transaction(database) as session:
            assert inbox.release(session, successor, NOW) == int(free)
        assert claim(database, f"{successor}/turn-1") == (taken if free else None)

    def test_eight_claiming_threads_take_every_message_once_and_no_conversation_twice_at_a_time(
        self, database: Database
    ) -> None:
        conversations, messages = 12, 5
        kinds = ("text", "text", "tap", "text", "text")
        for n in range(messages):
            accept(database, *(said(f"{u}.{n}", user=f"u{u}", kind=kinds[n], at=at(n)) for u in range(conversations)))
        seen: list[tuple[str, str]] = []
        in_work: set[int] = set()
        lock = threading.Lock()

        def work(number: int) -> None:
            worker = f"w/{number}"
            while True:
                with transaction(database) as session:
                    turn = inbox.claim(session, worker, NOW, is_tap)
                    conversation = turn.conversation_id if turn else 0
                    words = [words_of(VAULT, member).text for member in turn.members] if turn else []
                if turn is None:
                    with reading(database) as session:
                        if session.scalar(select(Inbound.id).where(Inbound.turn_id.is_(None)).limit(1)) is None:
                            return
                    continue
                with lock:
                    assert conversation not in in_work
                    in_work.add(conversation)
                time.sleep(0.001)  # long enough for another thread to try the same conversation
                with lock:
                    seen.extend((word.split(".")[0], word) for word in words)
                    in_work.remove(conversation)
                finish(database, turn.id, worker)

        with ThreadPoolExecutor(THREADS) as pool:
            for result in [pool.submit(work, number) for number in range(THREADS)]:
                result.result(timeout=60)
        for u in range(conversations):
            assert [word for user, word in seen if user == str(u)] == [f"{u}.{n}" for n in range(messages)]
        with reading(database) as session:
            turns = session.scalar(select(func.count(Turn.id)))
            assert set(session.scalars(select(Turn.status))) == {"done"}
        assert turns == conversations * 3  # words, the tap, words

    def test_the_reply_window_opens_by_our_clock_when_a_message_reaches_us(self, database: Database) -> None:
        def window() -> datetime | None:
            with reading(database) as session:
                return session.scalars(select(Conversation.last_inbound_at)).one()

        late = said("nằm lâu trên đường", at=at(-90_000))
        accept(database, late)
        assert window() == NOW
        accept(database, late, now=at(60))  # a repeat is no new word
        assert window() == NOW
        accept(database, said("đồng hồ sai", at=at(3600)), now=at(120))
        assert window() == at(120)


class Post:
    """The outbox of one database with two conversations, and short words for what a test does with it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with transaction(database) as session:
            self.first, self.second = add_conversation(session, "u1").id, add_conversation(session, "u2").id

    def put(self, text: str, *, key: str = "", conversation: int | None = None, now: datetime = NOW) -> bool:
        with transaction(self.database) as session:
            return outbox.enqueue(session, conversation or self.first, key or f"k:{text}", text, now, author="bot")

    def claim(self, worker: str = "w/0", now: datetime = NOW) -> str | None:
        with transaction(self.database) as session:
            row = outbox.claim(session, worker, now)
            return row and row.text

    def change(self, text: str, act: Callable[[Outbound], object], worker: str = "w/0") -> None:
        with transaction(self.database) as session:
            row_id = session.scalars(select(Outbound.id).where(Outbound.text == text)).one()
            act(outbox.held(session, row_id, worker))

    def texts(self) -> list[str]:
        with reading(self.database) as session:
            return list(session.scalars(select(Outbound.text).order_by(Outbound.id)))


@pytest.fixture
def post(database: Database) -> Post:
    return Post(database)


class TestOutbox:
    def test_the_same_fact_is_told_once(self, post: Post) -> None:
        assert post.put("Đã gửi", key="turn:1:0")
        assert not post.put("Đã gửi lại", key="turn:1:0")
        assert post.texts() == ["Đã gửi"]

    def test_the_same_fact_written_by_eight_threads_is_told_once(self, post: Post) -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            new = list(pool.map(lambda _: post.put("Đã gửi", key="turn:1:0"), range(24)))
        assert sum(new) == 1
        assert post.texts() == ["Đã gửi"]

    def test_a_message_of_a_transaction_that_failed_was_never_written(self, post: Post) -> None:
        with pytest.raises(ZeroDivisionError), transaction(post.database) as session:
            outbox.enqueue(session, post.first, "k", "x", NOW, author="bot")
            raise ZeroDivisionError
        assert post.texts() == []

    def test_the_first_unsent_message_goes_first_and_holds_up_only_its_own_conversation(self, post: Post) -> None:
        post.put("1a")
        post.put("1b")
        post.put("2a", conversation=post.second)
        assert post.claim("w/0") == "1a"
        assert post.claim("w/1") == "2a"
        assert post.claim("w/2") is None
        post.change("1a", lambda row: outbox.retry(row, "busy", NOW))
        assert post.claim("w/2") is None
        assert post.claim("w/2", at(1)) == "1a"
        post.change("1a", lambda row: outbox.sent(row, "p1", NOW), "w/2")
        assert post.claim("w/2") == "1b"

    def test_a_dead_message_does_not_hold_up_the_next(self, post: Post) -> None:
        post.put("1a")
        post.put("1b")
        post.claim()
        post.change("1a", lambda row: outbox.dead(row, "refused"))
        assert post.claim() == "1b"

    def test_a_failing_message_waits_longer_each_time_and_dies_after_a_day(self, post: Post) -> None:
        post.put("1a")
        now, waits = NOW, []
        with transaction(post.database) as session:
            for _ in range(12):
                row = outbox.claim(session, "w/0", now)
                assert row is not None
                assert outbox.retry(row, "down", now)
                waits.append((row.next_at - now).total_seconds())
                assert outbox.claim(session, "w/1", row.next_at - timedelta(milliseconds=1)) is None
                now = row.next_at
            for age, alive in ((timedelta(hours=23, minutes=59), True), (timedelta(hours=24, minutes=5), False)):
                row = outbox.claim(session, "w/0", NOW + age)
                assert row is not None
                assert outbox.retry(row, "down", NOW + age) is alive
            assert (row.status, row.error) == ("dead", "down")
        assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]

    def test_revived_messages_start_afresh_and_go_before_later_ones(self, post: Post) -> None:
        for text in ("1a", "1b", "1c"):
            post.put(text)
            if text != "1c":
                post.claim()
                post.change(text, lambda row: outbox.dead(row, "refused"))
        later = NOW + timedelta(days=3)
        with transaction(post.database) as session:
            dead = [row.id for row in outbox.dead_letters(session)]
            assert outbox.revive(session, dead[:1], later) == 1
        assert post.claim(now=later) == "1a"
        post.change("1a", lambda row: outbox.retry(row, "busy", later))
        with reading(post.database) as session:
            assert [row.text for row in outbox.dead_letters(session)] == ["1b"]
        with transaction(post.database) as session:
            assert outbox.revive(session, [], later) == 1
            assert outbox.dead_letters(session) == []

    def test_when_a_lease_runs_out_another_worker_sends_and_the_first_cannot_record(self, post: Post) -> None:
        post.put("1a")
        post.claim("w/0")
        assert post.claim("w/1", NOW + outbox.LEASE - timedelta(seconds=1)) is None
        assert post.claim("w/1", NOW + outbox.LEASE) == "1a"
        with pytest.raises(LeaseLostError):
            post.change("1a", lambda row: outbox.sent(row, "p1", NOW), "w/0")
        post.change("1a", lambda row: outbox.sent(row, "p1", NOW), "w/1")
        assert post.claim("w/0", NOW + timedelta(days=1)) is None

    @pytest.mark.parametrize(("successor", "free"), [("host:1", True), ("host:11", False), ("host:%", False)])
    def test_a_successor_of_the_same_name_gets_its_messages_back_at_once(
        self, post: Post, successor: str, free: bool
    ) -> None:
        post.put("1a")
        post.claim("host:1/send-0")
        with transaction(post.database) as session:
            assert outbox.release(session, successor, NOW) == int(free)
        assert post.claim(f"{successor}/send-1") == ("1a" if free else None)

    def test_eight_sending_threads_send_every_message_once_and_in_order(self, post: Post) -> None:
        for n in range(10):
            post.put(f"1.{n}")
            post.put(f"2.{n}", conversation=post.second)
        sent: list[str] = []
        lock = threading.Lock()

        def send(number: int) -> None:
            worker = f"w/{number}"
            while True:
                text = post.claim(worker)
                if text is not None:
                    with lock:
                        sent.append(text)
                    post.change(text, lambda row: outbox.sent(row, "p", NOW), worker)
                with lock:
                    if len(sent) >= 20:
                        return

        with ThreadPoolExecutor(THREADS) as pool:
            for result in [pool.submit(send, number) for number in range(THREADS)]:
                result.result(timeout=60)
        for conversation in "12":
            assert [t for t in sent if t[0] == conversation] == [f"{conversation}.{n}" for n in range(10)]


class TestStore:
    @pytest.fixture
    def event_id(self, database: Database, rulebook: Rulebook) -> int:
        with transaction(database) as session:
            add_units(session)
            draft = Draft(add_conversation(session).id, "waste", "Rác", ward_id=KIM_LIEN)
            case = open_case(session, rulebook, draft, "turn:1:0", NOW)
            return session.scalars(select(CaseEvent.id).where(CaseEvent.case_id == case.id)).one()

    @pytest.mark.parametrize(
        "tamper",
        [
            lambda session, event_id: session.execute(
                update(CaseEvent).where(CaseEvent.id == event_id).values(kind="resolved")
            ),
            lambda session, event_id: session.execute(delete(CaseEvent).where(CaseEvent.id == event_id)),
            lambda session, event_id: session.execute(delete(CaseEvent)),
        ],
        ids=["update", "delete", "delete all"],
    )
    def test_what_happened_to_a_case_cannot_be_rewritten(
        self, database: Database, event_id: int, tamper: Callable[[Session, int], object]
    ) -> None:
        with pytest.raises(DBAPIError, match="append-only"), transaction(database) as session:
            tamper(session, event_id)
        with reading(database) as session:
            assert session.scalars(select(CaseEvent.kind)).all() == ["opened"]

    def test_a_time_without_a_zone_is_refused(self, database: Database) -> None:
        with pytest.raises(StatementError, match="time zone"), transaction(database) as session:
            session.add(Conversation(channel="zalo", user_id="u", created_at=NOW.replace(tzinfo=None)))

    def test_a_time_comes_back_as_the_same_moment_in_utc(self, database: Database, clock: Clock) -> None:
        local = NOW.astimezone().replace(microsecond=123456)
        with transaction(database) as session:
            session.add(Conversation(channel="zalo", user_id="u", created_at=local))
        with reading(database) as session:
            stored = session.scalars(select(Conversation.created_at)).one()
        assert stored == local
        assert stored.utcoffset() == timedelta(0)

    def test_what_is_written_while_reading_is_not_kept(self, database: Database) -> None:
        with reading(database) as session:
            add_conversation(session)
        with reading(database) as session:
            assert session.scalar(select(func.count(Conversation.id))) == 0
            assert session.scalar(select(func.count(Case.id))) == 0


def test_answering_while_the_same_citizen_writes_does_not_deadlock(database: Database) -> None:
    """The gateway holds the new inbound's key lock and wants the conversation; the worker has it and wants its lock."""
    with transaction(database) as session:
        conversation_id = arrivals.get_conversation(session, "zalo", "u", NOW).id
    changed = threading.Event()

    def write_more() -> None:
        changed.wait(5)
        with transaction(database) as session:
            arrivals.accept(
                session, [said("nữa", user="u", at=NOW + timedelta(seconds=1))], NOW + timedelta(seconds=1), VAULT
            )

    writer = threading.Thread(target=write_more)
    writer.start()
    with transaction(database) as session:
        session.get_one(Conversation, conversation_id).options = [{"title": "Gửi"}]
        session.flush()
        changed.set()
        time.sleep(0.3)  # the gateway has inserted its row by now and waits for ours
        outbox.enqueue(session, conversation_id, "turn:1:0", "Dạ vâng ạ.", NOW, author="bot")
    writer.join()
    with reading(database) as session:
        assert session.scalar(select(func.count(Inbound.id))) == 1
        assert session.scalar(select(func.count(Outbound.id))) == 1


def test_words_wait_for_more_of_the_same_thought_but_taps_do_not(database: Database) -> None:
    settle = timedelta(seconds=2)

    def claimed(at: datetime) -> list[str]:
        with transaction(database) as session:
            turn = inbox.claim(
                session, "w", at, lambda _, message: words_of(VAULT, message).text.startswith("#"), settle
            )
            if turn is None:
                return []
            texts = [words_of(VAULT, member).text for member in turn.members]
            inbox.finish(turn, at)
            return texts

    def hear(text: str, at: datetime) -> None:
        with transaction(database) as session:
            arrivals.accept(session, [said(text, at=at)], at, VAULT)

    second = timedelta(seconds=1)
    hear("Rác chất đống", NOW)
    assert claimed(NOW + second) == []
    hear("ở ngõ 12 Chùa Bộc", NOW + second)
    assert claimed(NOW + 2 * second) == []
    assert claimed(NOW + 3 * second) == ["Rác chất đống", "ở ngõ 12 Chùa Bộc"]
    hear("#1.1f", NOW + 4 * second)
    assert claimed(NOW + 4 * second) == ["#1.1f"]
    for number in range(9):  # somebody who never stops is answered all the same
        hear(f"và còn nữa {number}", NOW + (10 + number) * second)
    assert len(claimed(NOW + 18 * second)) == 9
