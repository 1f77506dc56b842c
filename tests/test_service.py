"""What can happen to a case: filed once, seen by the right officers, moved by the rules, told once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases import service
from cases.deadlines import add_working_hours, working_hours_between
from cases.model import Case, CaseEvent, Officer
from cases.queries import NotFoundError, case_for
from cases.queue import Filters, queue
from cases.rulebook import Rulebook
from cases.service import Draft, StaleCaseError, UnknownUnitError
from cases.workflow import Move, MoveNotAllowedError, Status, moves_from
from core import outbox
from core.db import Database, reading, transaction
from core.model import Conversation, Outbound
from core.vault import Vault
from tests.support import (
    CAU_GIAY,
    CAU_GIAY_WARD,
    CITY,
    DONG_DA,
    KIM_LIEN,
    LANG,
    NOW,
    Filed,
    add_conversation,
    add_officer,
    add_units,
)

PEOPLE = {
    "city": CITY, "dongda": DONG_DA, "kimlien": KIM_LIEN, "lang": LANG, "caugiay": CAU_GIAY,
    "caugiay_ward": CAU_GIAY_WARD,
}  # fmt: skip


@dataclass
class Hall(Filed):
    """Units, one officer for each, and short words for opening and moving cases."""

    database: Database
    rulebook: Rulebook
    filed: int = 0

    def open(
        self, *, ward: str | None = KIM_LIEN, area: str | None = DONG_DA, now: datetime = NOW, **values: Any
    ) -> str:
        self.filed += 1
        with transaction(self.database) as session:
            conversation = add_conversation(session, f"citizen-{self.filed}")
            chosen = {"category": "waste", "description": "Rác chưa thu gom", **values}
            draft = Draft(conversation.id, ward_id=ward, area_id=area, **chosen)
            return service.open_case(session, self.rulebook, draft, f"turn:{self.filed}:0", now).code

    def act(self, code: str, move: Move, now: datetime = NOW, version: int | None = None, who: str = "kimlien") -> None:
        with transaction(self.database) as session:
            case, officer = self.of(session, code), session.scalars(select(Officer).filter_by(username=who)).one()
            self.moves(session, case, officer, now, version)[move]()

    def moves(
        self, session: Session, case: Case, officer: Officer, now: datetime, version: int | None
    ) -> dict[Move, Callable[[], None]]:
        book = self.rulebook
        return {
            Move.TAKE: lambda: service.take(session, case, officer, now, version),
            Move.REPLY: lambda: service.reply(session, book, case, officer, "Lời đáp", now, version),
            Move.ASK: lambda: service.ask(session, book, case, officer, "Câu hỏi", now, version),
            Move.ANSWER: lambda: service.citizen_answered(session, book, case, 77, now),
            Move.TRANSFER: lambda: service.transfer(session, book, case, officer, LANG, "Sai phường", now, version),
            Move.RESOLVE: lambda: service.resolve(session, book, case, officer, "Đã dọn", now, version),
            Move.REOPEN: lambda: service.reopen(session, book, case, officer, "Còn rác", now, version),
        }

    def bring_to(self, status: Status) -> str:
        """A new case, led to this status by the moves that lead there."""
        code = self.open()
        ways = {
            Status.NEW: (), Status.IN_PROGRESS: (Move.TAKE,), Status.WAITING_CITIZEN: (Move.ASK,),
            Status.RESOLVED: (Move.RESOLVE,), Status.REOPENED: (Move.RESOLVE, Move.REOPEN),
        }  # fmt: skip
        for move in ways[status]:
            self.act(code, move)
        assert self.case(code).status == status
        return code

    @staticmethod
    def of(session: Session, code: str) -> Case:
        return session.scalars(select(Case).where(Case.code == code)).one()

    def told(self) -> list[str]:
        with reading(self.database) as session:
            return list(session.scalars(select(Outbound.text).order_by(Outbound.id)))

    def awaits(self, code: str) -> int | None:
        with reading(self.database) as session:
            return session.get_one(Conversation, self.of(session, code).conversation_id).awaiting_case_id

    def seen_by(self, who: str, status: str = "open") -> set[str]:
        with reading(self.database) as session:
            officer = session.scalars(select(Officer).filter_by(username=who)).one()
            return {case.code for case in queue(session, Vault(["k"]), officer, Filters(status=status), NOW).cases}


@pytest.fixture
def hall(database: Database, rulebook: Rulebook) -> Hall:
    with transaction(database) as session:
        add_units(session)
        for username, unit in PEOPLE.items():
            add_officer(session, username, unit)
    return Hall(database, rulebook)


class TestOpening:
    def test_a_turn_that_files_again_gets_the_same_case(self, hall: Hall) -> None:
        codes = set()
        with transaction(hall.database) as session:
            draft = Draft(add_conversation(session).id, "waste", "Rác", ward_id=KIM_LIEN)
        for words in ("Rác", "Rác khác"):
            with transaction(hall.database) as session:
                repeat = replace(draft, description=words)
                codes.add(service.open_case(session, hall.rulebook, repeat, "turn:1:0", NOW).code)
        assert len(codes) == 1
        [code] = codes
        assert hall.case(code).description == "Rác"
        assert hall.events(code) == ["opened"]

    def test_eight_repeats_at_once_file_one_case(self, hall: Hall) -> None:
        with transaction(hall.database) as session:
            draft = Draft(add_conversation(session).id, "waste", "Rác", ward_id=KIM_LIEN)

        def file(_: int) -> str:
            with transaction(hall.database) as session:
                return service.open_case(session, hall.rulebook, draft, "turn:1:0", NOW).code

        with ThreadPoolExecutor(8) as pool:
            codes = set(pool.map(file, range(24)))
        assert len(codes) == 1
        assert hall.events(codes.pop()) == ["opened"]

    def test_two_matters_of_one_turn_are_two_cases(self, hall: Hall) -> None:
        with transaction(hall.database) as session:
            draft = Draft(add_conversation(session).id, "waste", "Rác", ward_id=KIM_LIEN)
            codes = {service.open_case(session, hall.rulebook, draft, f"turn:1:{n}", NOW).code for n in range(2)}
        assert len(codes) == 2

    @pytest.mark.parametrize(
        ("ward", "area", "unit"),
        [(KIM_LIEN, DONG_DA, KIM_LIEN), (None, DONG_DA, DONG_DA), (None, None, CITY), (LANG, None, LANG)],
    )
    def test_a_case_goes_to_the_nearest_queue_that_is_known(
        self, hall: Hall, ward: str | None, area: str | None, unit: str
    ) -> None:
        assert hall.case(hall.open(ward=ward, area=area)).unit_id == unit

    def test_both_clocks_start_when_it_is_filed(self, hall: Hall) -> None:
        case = hall.case(hall.open())
        assert case.receive_by == NOW + timedelta(days=1)  # 8 working hours: the same hour tomorrow
        assert case.receive_by < case.due_at
        assert (case.received_at, case.first_answer_at, case.waiting_since) == (None, None, None)


class TestVisibility:
    @pytest.mark.parametrize(
        ("ward", "area", "seen"),
        [
            (KIM_LIEN, DONG_DA, {"city", "dongda", "kimlien"}),
            (None, DONG_DA, {"city", "dongda"}),
            (None, None, {"city"}),
            # The place lies in old Đống Đa, the ward is counted under Cầu Giấy today: both areas see it.
            (CAU_GIAY_WARD, DONG_DA, {"city", "dongda", "caugiay", "caugiay_ward"}),
            (CAU_GIAY_WARD, CAU_GIAY, {"city", "caugiay", "caugiay_ward"}),
        ],
    )
    def test_an_officer_sees_the_subtree_and_its_old_ground_and_nobody_else_does(
        self, hall: Hall, ward: str | None, area: str | None, seen: set[str]
    ) -> None:
        code = hall.open(ward=ward, area=area)
        assert {who for who in PEOPLE if code in hall.seen_by(who)} == seen
        assert {who for who in PEOPLE if self.passes_gate(hall, who, code)} == seen

    def test_a_case_handed_elsewhere_is_still_seen_by_the_area_it_lies_in(self, hall: Hall) -> None:
        code = hall.open()
        with transaction(hall.database) as session:
            officer = session.scalars(select(Officer).filter_by(username="dongda")).one()
            service.transfer(session, hall.rulebook, hall.of(session, code), officer, CAU_GIAY, "Liên quan", NOW)
        assert {who for who in PEOPLE if code in hall.seen_by(who)} == {"city", "dongda", "caugiay"}

    def test_not_yours_and_not_there_are_the_same_answer(self, hall: Hall) -> None:
        code = hall.open()
        errors = []
        for wanted in (code, "PA-100-000-008"):
            with reading(hall.database) as session, pytest.raises(NotFoundError) as caught:
                case_for(session, session.scalars(select(Officer).filter_by(username="lang")).one(), wanted)
            errors.append(type(caught.value))
        assert errors == [NotFoundError, NotFoundError]

    def test_an_officer_who_left_sees_nothing(self, hall: Hall) -> None:
        code = hall.open()
        with transaction(hall.database) as session:
            session.scalars(select(Officer).filter_by(username="city")).one().active = False
        assert hall.seen_by("city") == set()
        assert not self.passes_gate(hall, "city", code)

    @staticmethod
    def passes_gate(hall: Hall, who: str, code: str) -> bool:
        with reading(hall.database) as session:
            try:
                case_for(session, session.scalars(select(Officer).filter_by(username=who)).one(), code)
            except NotFoundError:
                return False
            return True


NEW, WORK, WAIT, DONE, AGAIN = (
    Status.NEW, Status.IN_PROGRESS, Status.WAITING_CITIZEN, Status.RESOLVED, Status.REOPENED,
)  # fmt: skip
# Every move from every state: where it leads, or None when it is refused.
TABLE: dict[Move, dict[Status, Status | None]] = {
    Move.TAKE: {NEW: WORK, WORK: WORK, WAIT: WAIT, DONE: None, AGAIN: WORK},
    Move.REPLY: {NEW: WORK, WORK: WORK, WAIT: WAIT, DONE: DONE, AGAIN: WORK},
    Move.ASK: {NEW: WAIT, WORK: WAIT, WAIT: WAIT, DONE: None, AGAIN: WAIT},
    Move.TRANSFER: {NEW: NEW, WORK: NEW, WAIT: NEW, DONE: None, AGAIN: NEW},
    Move.RESOLVE: {NEW: DONE, WORK: DONE, WAIT: DONE, DONE: None, AGAIN: DONE},
    Move.REOPEN: {NEW: None, WORK: None, WAIT: None, DONE: AGAIN, AGAIN: None},
}
ROWS = [(move, status, result) for move, row in TABLE.items() for status, result in row.items()]
TELLING = {Move.REPLY, Move.ASK, Move.TRANSFER, Move.RESOLVE, Move.REOPEN}


class TestMoves:
    @pytest.mark.parametrize(("move", "status", "result"), ROWS, ids=[f"{move}-{status}" for move, status, _ in ROWS])
    def test_a_move_leads_where_the_table_says_or_changes_nothing(
        self, hall: Hall, move: Move, status: Status, result: Status | None
    ) -> None:
        code = hall.bring_to(status)
        before, told, events = hall.case(code), hall.told(), hall.events(code)
        assert (move in moves_from(status)) is (result is not None)
        if result is None:
            with pytest.raises(MoveNotAllowedError):
                hall.act(code, move)
            assert (hall.case(code).version, hall.told(), hall.events(code)) == (before.version, told, events)
            return
        hall.act(code, move)
        after = hall.case(code)
        assert after.status == result
        assert after.version == before.version + 1
        new = hall.told()[len(told) :]
        assert len(new) == (1 if move in TELLING else 0)
        assert all(code in text for text in new)

    @pytest.mark.parametrize("move", TABLE)
    def test_a_page_that_is_out_of_date_changes_and_tells_nothing(self, hall: Hall, move: Move) -> None:
        code = hall.bring_to(DONE if move is Move.REOPEN else NEW)
        version = hall.case(code).version
        told = hall.told()
        with pytest.raises(StaleCaseError):
            hall.act(code, move, version=version - 1)
        assert (hall.case(code).version, hall.told()) == (version, told)
        hall.act(code, move, version=version)

    def test_of_eight_officers_pressing_at_once_one_wins(self, hall: Hall) -> None:
        code = hall.open()

        def press(_: int) -> bool:
            with transaction(hall.database) as session:
                officer = session.scalars(select(Officer).filter_by(username="kimlien")).one()
                case = case_for(session, officer, code, lock=True)
                try:
                    service.resolve(session, hall.rulebook, case, officer, "Xong", NOW, 1)
                except StaleCaseError:
                    return False
                return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(press, range(8))) == 1
        assert len(hall.told()) == 1

    def test_the_first_taking_stops_the_receiving_clock_and_the_first_word_the_answering_clock(
        self, hall: Hall
    ) -> None:
        code = hall.open()
        hall.act(code, Move.TAKE, NOW + timedelta(hours=1))
        hall.act(code, Move.REPLY, NOW + timedelta(hours=2))
        hall.act(code, Move.REPLY, NOW + timedelta(hours=3))
        hall.act(code, Move.TAKE, NOW + timedelta(hours=4), who="dongda")
        case = hall.case(code)
        assert (case.received_at, case.first_answer_at) == (NOW + timedelta(hours=1), NOW + timedelta(hours=2))
        assert hall.events(code) == ["opened", "taken", "replied", "replied", "taken"]

    def test_a_transfer_keeps_the_deadline_and_empties_the_desk_it_lay_on(self, hall: Hall) -> None:
        code = hall.bring_to(WORK)
        due = hall.case(code).due_at
        hall.act(code, Move.TRANSFER, NOW + timedelta(hours=5))
        case = hall.case(code)
        assert (case.due_at, case.unit_id, case.ward_id, case.area_id) == (due, LANG, LANG, DONG_DA)
        assert case.officer_id is None
        assert "Sai phường" in hall.told()[-1]
        assert "Phường Láng" in hall.told()[-1]

    @pytest.mark.parametrize("target", ["2025:99999", KIM_LIEN])
    def test_a_transfer_to_nowhere_or_to_itself_is_refused(self, hall: Hall, target: str) -> None:
        code = hall.open()
        with pytest.raises(UnknownUnitError), transaction(hall.database) as session:
            officer = session.scalars(select(Officer).filter_by(username="kimlien")).one()
            service.transfer(session, hall.rulebook, hall.of(session, code), officer, target, "x", NOW)
        assert hall.case(code).unit_id == KIM_LIEN

    def test_a_reopened_case_counts_and_is_no_longer_resolved(self, hall: Hall) -> None:
        case = hall.case(hall.bring_to(AGAIN))
        assert (case.reopened_count, case.resolved_at) == (1, None)

    def test_a_citizen_who_reopens_is_answered_by_the_bot_and_not_by_a_notice(self, hall: Hall) -> None:
        code = hall.bring_to(DONE)
        told = hall.told()
        with transaction(hall.database) as session:
            service.reopen(session, hall.rulebook, hall.of(session, code), None, "Còn rác", NOW, turn_id=5)
        assert hall.told() == told
        assert hall.case(code).status == AGAIN


TUESDAY_15H = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)  # 15:00 in Hà Nội, two working hours before closing


class TestWaiting:
    @pytest.mark.parametrize(
        ("passed", "working_hours"),
        [
            (timedelta(hours=1), 1),
            (timedelta(hours=10), 2),  # the office closed at 17:00
            (timedelta(days=1), 8),
            (timedelta(days=5), 26),  # over a weekend
        ],
    )
    def test_the_clock_rests_while_the_citizen_is_asked(
        self, hall: Hall, passed: timedelta, working_hours: float
    ) -> None:
        calendar = hall.rulebook.calendar
        code = hall.open(now=TUESDAY_15H)
        due = hall.case(code).due_at
        hall.act(code, Move.ASK, TUESDAY_15H)
        hall.act(code, Move.ASK, TUESDAY_15H + timedelta(minutes=30))  # asking again does not start anew
        assert hall.case(code).due_at == due
        assert working_hours_between(calendar, TUESDAY_15H, TUESDAY_15H + passed) == working_hours
        hall.act(code, Move.ANSWER, TUESDAY_15H + passed)
        case = hall.case(code)
        assert (case.status, case.waiting_since) == (WORK, None)
        assert case.due_at == add_working_hours(calendar, due, working_hours)

    def test_an_answer_is_noted_and_confirmed_once_however_often_its_turn_is_repeated(self, hall: Hall) -> None:
        code = hall.bring_to(WAIT)
        assert hall.awaits(code) == hall.case(code).id
        told = len(hall.told())
        for _ in range(3):
            hall.act(code, Move.ANSWER)
        assert hall.events(code).count("citizen_answered") == 1
        assert len(hall.told()) == told + 1

    @pytest.mark.parametrize("move", [Move.TRANSFER, Move.RESOLVE])
    def test_a_case_that_moves_on_waits_for_nobody(self, hall: Hall, move: Move) -> None:
        code = hall.bring_to(WAIT)
        hall.act(code, move, NOW + timedelta(hours=3))
        assert hall.awaits(code) is None
        assert hall.case(code).waiting_since is None

    @pytest.mark.parametrize("move", [Move.TRANSFER, Move.RESOLVE])
    def test_a_question_about_one_case_outlives_the_end_of_another(self, hall: Hall, move: Move) -> None:
        code = hall.bring_to(WAIT)
        with transaction(hall.database) as session:
            asked = hall.of(session, code)
            draft = Draft(asked.conversation_id, "waste", "Việc khác", ward_id=KIM_LIEN, area_id=DONG_DA)
            other = service.open_case(session, hall.rulebook, draft, "turn:other:0", NOW).code
        hall.act(other, move)
        assert hall.awaits(code) == hall.case(code).id

    def test_an_officer_who_resolves_while_the_answer_comes_in_is_not_undone(self, hall: Hall) -> None:
        code = hall.bring_to(WAIT)
        with ThreadPoolExecutor(1) as pool:
            with transaction(hall.database) as session:
                read_before = hall.of(session, code)
                officer = pool.submit(hall.act, code, Move.RESOLVE)
                wait([officer], timeout=0.3)  # PostgreSQL lets the officer through here, SQLite after the block
                service.citizen_answered(session, hall.rulebook, read_before, 9, NOW)
            officer.result(timeout=30)
        assert hall.case(code).status == DONE
        assert {"resolved", "citizen_answered"} <= set(hall.events(code))

    def test_more_words_through_the_bot_answer_the_question_as_well(self, hall: Hall) -> None:
        code = hall.bring_to(WAIT)
        with transaction(hall.database) as session:
            service.add_information(session, hall.rulebook, hall.of(session, code), 9, NOW)
        assert hall.case(code).status == WORK
        assert hall.awaits(code) is None


class TestUndelivered:
    def test_it_is_noted_on_the_case_of_the_message(self, hall: Hall) -> None:
        code = hall.bring_to(WAIT)
        with transaction(hall.database) as session:
            row = outbox.claim(session, "w/0", NOW)
            assert row is not None
            outbox.dead(row, "window_closed")
            service.note_undelivered(session, row, NOW)
        assert hall.events(code)[-1] == "undelivered"

    def test_a_message_that_dies_again_after_a_retry_by_hand_is_noted_once(self, hall: Hall) -> None:
        code = hall.bring_to(WAIT)
        for _ in range(2):
            with transaction(hall.database) as session:
                row = outbox.claim(session, "w/0", NOW)
                assert row is not None
                outbox.dead(row, "window_closed")
                service.note_undelivered(session, row, NOW)
            with transaction(hall.database) as session:
                outbox.revive(session, [], NOW)
        assert hall.events(code).count("undelivered") == 1

    def test_a_message_of_no_case_is_noted_nowhere(self, hall: Hall) -> None:
        with transaction(hall.database) as session:
            conversation = add_conversation(session)
            outbox.enqueue(session, conversation.id, "k", "x", NOW, author="bot")
            row = outbox.claim(session, "w/0", NOW)
            assert row is not None
            service.note_undelivered(session, row, NOW)
            assert session.scalar(select(func.count(CaseEvent.id))) == 0
