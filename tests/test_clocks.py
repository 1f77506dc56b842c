"""The clocks of a case: the golden table, what is kept for ever, who is told, who decides after two hops."""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from cases import clocks, closings, service
from cases.deadlines import LOCAL, Urgency, add_working_hours, format_deadline
from cases.extension import ExtensionRefusedError, extend
from cases.model import Case, CaseEvent, Officer
from cases.rulebook import Rulebook
from cases.service import Draft
from core.db import Database, transaction
from core.model import Outbound
from tests.golden_deadlines import GOLDEN, Row
from tests.support import CITY, DONG_DA, KIM_LIEN, LANG, NOW, SqliteHouse, add_conversation, add_officer, add_units

HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.strptime(text, "%d/%m/%Y %H:%M").replace(tzinfo=LOCAL).astimezone(UTC)


def written(moment: datetime | None) -> str:
    return f"{moment.astimezone(LOCAL):%d/%m/%Y %H:%M}" if moment else ""


def furnish(session: Session) -> None:
    add_units(session)
    for username, unit_id, role in (
        ("kimlien", KIM_LIEN, "officer"),
        ("lang", LANG, "officer"),
        ("dieuphoi", CITY, "coordinator"),
        ("giamsat", DONG_DA, "supervisor"),
    ):
        add_officer(session, username, unit_id, role)


def officer(session: Session, username: str) -> Officer:
    return session.scalars(select(Officer).filter_by(username=username)).one()


def file(session: Session, rulebook: Rulebook, urgency: str = "normal", now: datetime = NOW, user: str = "u") -> Case:
    """A case of the wanted urgency, whatever its category would give it."""
    category = dataclasses.replace(rulebook.categories["waste"], urgency=Urgency(urgency))
    book = dataclasses.replace(rulebook, categories={**rulebook.categories, "waste": category})
    conversation = add_conversation(session, user)
    draft = Draft(conversation.id, "waste", "Rác chưa thu gom", ward_id=KIM_LIEN, area_id=DONG_DA)
    return service.open_case(session, book, draft, f"{user}:0", now)


def step(session: Session, book: Rulebook, case: Case, verb: str, now: datetime) -> None:
    by = officer(session, "kimlien" if case.unit_id == KIM_LIEN else "lang")
    match verb:
        case "take":
            service.take(session, case, by, now)
        case "ask":
            service.ask(session, book, case, by, "Ở đâu ạ?", now)
        case "answer":
            service.add_information(session, book, case, int(now.timestamp()), now)
        case "extend":
            extend(session, book, case, by, "Chờ vật tư", now, case.version)
        case "transfer":
            service.transfer(session, book, case, by, LANG if case.unit_id == KIM_LIEN else KIM_LIEN, "Sai nơi", now)
        case "resolve":
            service.resolve(session, book, case, by, "Đã dọn", now)
        case "reopen":
            service.reopen(session, book, case, None, "Chưa xong", now)
        case "urgent" | "complex":
            clocks.change_urgency(session, book, case, Urgency(verb), now)
        case _:
            raise ValueError(verb)


@pytest.fixture
def sqlite(sqlite_house: SqliteHouse) -> Iterator[Database]:
    """Counting hours is the same on every database, so the table is walked on one."""
    yield sqlite_house.furnish()
    sqlite_house.clear()


@pytest.fixture
def hall(database: Database) -> Database:
    with transaction(database) as session:
        furnish(session)
    return database


@pytest.mark.parametrize("row", GOLDEN, ids=[row.why for row in GOLDEN])
def test_every_story_of_the_golden_table_ends_where_a_person_counted(
    sqlite: Database, rulebook: Rulebook, row: Row
) -> None:
    with transaction(sqlite) as session:
        furnish(session)
        case = file(session, rulebook, row.urgency, at(row.opened))
        for line in row.steps:
            verb, _, moment = line.partition(" ")
            if verb.endswith("!"):
                with pytest.raises(ExtensionRefusedError):
                    step(session, rulebook, case, verb[:-1], at(moment))
            else:
                step(session, rulebook, case, verb, at(moment))
        warned = clocks.warns_at(rulebook.calendar, rulebook.deadlines, case)
        found = (case.receive_by, warned, case.due_at, case.late_at, case.unreceived_at)
    expected = (row.receive_by, row.warned, row.due, row.late, row.unreceived)
    assert tuple(map(written, found)) == expected


def test_the_golden_table_is_large_and_meets_what_it_must() -> None:
    assert len(GOLDEN) >= 60
    assert len({row.why for row in GOLDEN}) == len(GOLDEN)
    stories = " ".join(f"{row.why} {' '.join(row.steps)}" for row in GOLDEN)
    for word in ("Friday 16:55", "lunch", "Tết 2026", "Tết 2027", "worked Saturday", "ask", "extend", "transfer"):
        assert word in stories


def sweep_until(session: Session, rulebook: Rulebook, start: datetime, end: datetime, every: timedelta = HOUR) -> None:
    moment = start
    while moment <= end:
        clocks.sweep(session, rulebook, moment)
        moment += every


def told(session: Session, case: Case) -> list[str]:
    """The system's events, in order, with the unit where there is one."""
    query = select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.actor == "system").order_by(CaseEvent.id)
    return [f"{event.kind} {event.data.get('target', '')}".strip() for event in session.scalars(query)]


def test_a_forgotten_case_is_warned_about_then_late_then_told_all_the_way_up(
    hall: Database, rulebook: Rulebook
) -> None:
    with transaction(hall) as session:
        case = file(session, rulebook)  # Tuesday 1/12/2026 10:00; due Tuesday 8/12 10:00
        step(session, rulebook, case, "take", NOW)
        sweep_until(session, rulebook, NOW, NOW + timedelta(days=14))
        assert told(session, case) == ["due_soon", "overdue", f"escalated {DONG_DA}", f"escalated {CITY}"]
        when = {
            event.kind: event.at for event in session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id))
        }
        assert case.late_at == case.due_at == at("08/12/2026 10:00")
        assert when["overdue"] - case.due_at <= HOUR
        assert when["escalated"] >= add_working_hours(rulebook.calendar, case.due_at, 16)


def test_nobody_takes_a_case_and_the_units_above_hear_of_it(hall: Database, rulebook: Rulebook) -> None:
    with transaction(hall) as session:
        case = file(session, rulebook)
        sweep_until(session, rulebook, NOW, NOW + timedelta(days=3, hours=1))
        assert told(session, case) == ["unreceived", f"escalated {DONG_DA}", f"escalated {CITY}"]
        assert (case.unreceived_at, case.late_at) == (case.receive_by, None)


def test_a_unit_without_anybody_who_would_look_is_not_told(hall: Database, rulebook: Rulebook) -> None:
    with transaction(hall) as session:
        officer(session, "giamsat").active = False
        case = file(session, rulebook)
        sweep_until(session, rulebook, NOW, NOW + timedelta(days=3, hours=1))
        assert told(session, case) == ["unreceived", f"escalated {CITY}"]


def test_sweeping_again_tells_nothing_twice(hall: Database, rulebook: Rulebook) -> None:
    late = NOW + timedelta(days=20)
    with transaction(hall) as session:
        case = file(session, rulebook)
        while clocks.sweep(session, rulebook, late):
            pass
        first = told(session, case)
        session.execute(text("UPDATE cases SET alarm_at = NULL"))
        session.expire_all()
        assert clocks.sweep(session, rulebook, late) == 1
        assert told(session, case) == first
        assert max(Counter(first).values()) == 1


def test_the_sweeper_lets_waiting_and_closed_cases_rest(hall: Database, rulebook: Rulebook) -> None:
    with transaction(hall) as session:
        asked, done = file(session, rulebook, user="a"), file(session, rulebook, user="b")
        step(session, rulebook, asked, "ask", NOW)
        step(session, rulebook, done, "resolve", NOW)
        assert clocks.sweep(session, rulebook, NOW + timedelta(days=60)) == 0
        assert told(session, asked) == told(session, done) == []


def test_lateness_stays_when_a_late_case_is_closed_before_the_sweeper_came(hall: Database, rulebook: Rulebook) -> None:
    with transaction(hall) as session:
        case = file(session, rulebook)
        step(session, rulebook, case, "resolve", NOW + timedelta(days=30))
        assert case.late_at == case.due_at
        assert told(session, case) == ["unreceived", "overdue"]


@pytest.mark.parametrize("ending", ["refuse", "abuse"])
def test_a_late_case_is_not_made_punctual_by_refusing_it(hall: Database, rulebook: Rulebook, ending: str) -> None:
    with transaction(hall) as session:
        case, late = file(session, rulebook), NOW + timedelta(days=30)
        if ending == "refuse":
            reason = ("complaint", "Chủ tịch phường", "")
            closings.refuse(session, rulebook, case, officer(session, "kimlien"), *reason, late, case.version)
            assert case.first_answer_at == late
        else:
            closings.mark_abuse(session, rulebook, case, officer(session, "kimlien"), "Quảng cáo", late, case.version)
        assert case.late_at == case.due_at


def test_the_third_unit_never_gets_a_case_that_wanders_the_coordinator_does(hall: Database, rulebook: Rulebook) -> None:
    with transaction(hall) as session:
        case = file(session, rulebook)
        step(session, rulebook, case, "transfer", NOW)
        assert (case.unit_id, case.officer_id, case.hops) == (LANG, None, 1)
        step(session, rulebook, case, "transfer", NOW)
        decides = officer(session, "dieuphoi")
        assert (case.unit_id, case.officer_id, case.hops) == (CITY, decides.id, 2)
        due = case.due_at
        service.transfer(session, rulebook, case, decides, LANG, "Phường Láng xử lý", NOW + HOUR)
        assert (case.unit_id, case.hops, case.due_at) == (LANG, 2, due)
        step(session, rulebook, case, "transfer", NOW + HOUR)
        assert case.officer_id == decides.id
        last = session.scalars(select(CaseEvent).order_by(CaseEvent.id.desc())).first()
        assert last is not None
        assert (last.data["source"], last.data["target"], last.data["wanted"]) == (LANG, CITY, KIM_LIEN)


def test_the_nearest_coordinator_above_both_decides_and_of_two_the_one_with_less_to_do(
    hall: Database, rulebook: Rulebook
) -> None:
    with transaction(hall) as session:
        busy, free = (add_officer(session, name, DONG_DA, "coordinator") for name in ("busy", "free"))
        step(session, rulebook, file(session, rulebook, user="other"), "take", NOW)
        session.scalars(select(Case)).one().officer_id = busy.id
        case = file(session, rulebook)
        for _ in range(2):
            step(session, rulebook, case, "transfer", NOW)
        assert (case.unit_id, case.officer_id) == (DONG_DA, free.id)


def test_placing_a_case_further_down_is_no_hop(hall: Database, rulebook: Rulebook) -> None:
    with transaction(hall) as session:
        case = file(session, rulebook)
        case.unit_id = CITY
        by = officer(session, "kimlien")
        for unit_id in (DONG_DA, KIM_LIEN):
            service.transfer(session, rulebook, case, by, unit_id, "Đúng nơi", NOW)
        assert (case.unit_id, case.hops) == (KIM_LIEN, 0)


def test_without_any_coordinator_a_case_goes_where_it_is_sent(hall: Database, rulebook: Rulebook) -> None:
    with transaction(hall) as session:
        officer(session, "dieuphoi").active = False
        case = file(session, rulebook)
        for _ in range(2):
            step(session, rulebook, case, "transfer", NOW)
        assert (case.unit_id, case.officer_id, case.hops) == (KIM_LIEN, None, 2)


def test_the_citizen_hears_the_reason_and_the_new_limit_of_an_extension(hall: Database, rulebook: Rulebook) -> None:
    with transaction(hall) as session:
        case = file(session, rulebook)
        step(session, rulebook, case, "extend", NOW)
        message = session.scalars(select(Outbound).where(Outbound.case_id == case.id)).one().text
        assert "Chờ vật tư" in message
        assert format_deadline(case.due_at) in message
