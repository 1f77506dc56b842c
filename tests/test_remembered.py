"""Remembered figures are the counted ones, after whatever happens to a case; and they are used."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Column, ColumnElement, delete, event, func, select, text, true, update
from sqlalchemy.orm import Session

from cases import forecount, queries, remembered, service, statistics
from cases.history import record
from cases.measures import Filter
from cases.model import Case, CaseEvent, Officer
from cases.rulebook import Rulebook
from core.db import Base, Database, reading, transaction
from core.model import Outbound
from core.vault import Vault
from tests.desk import Desk, move
from tests.lives import UNTIL, lead_lives
from tests.support import CITY, DONG_DA, KIM_LIEN, ROOT, PostgresHouse, SqliteHouse, add_officer, add_units
from webhook.chores import FORECOUNT_EVERY, Chores
from webhook.exporter import Exporter

PERIODS = (
    Filter(date(2026, 1, 1), date(2026, 3, 31)),
    Filter(date(2026, 1, 15), date(2026, 4, 20)),
    Filter(date(2026, 1, 1), date(2026, 12, 31), category="waste"),
    Filter(date(2026, 2, 3), date(2026, 2, 20)),
)


@pytest.fixture(scope="module", params=("sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)))
def house_of_lives(request: pytest.FixtureRequest, rulebook: Rulebook) -> SqliteHouse | PostgresHouse:
    """The lives are led once on either engine and kept; every test gets a copy."""
    house: SqliteHouse | PostgresHouse = request.getfixturevalue(f"{request.param}_house")
    with transaction(house.furnish()) as session:
        add_units(session)
        lead_lives(session, rulebook, 120)
    house.keep("remembered_lives")
    return house


@pytest.fixture
def lived(house_of_lives: SqliteHouse | PostgresHouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(remembered, "LEAST", 1)
    yield house_of_lives.furnish(kept="remembered_lives")
    house_of_lives.clear()


def ask(database: Database, rulebook: Rulebook, filters: Filter, by: str = "ward") -> statistics.Figures:
    """As the dashboard does."""
    scope: ColumnElement[bool] = true()
    with reading(database) as session:
        found, counted = remembered.figures(session, scope, rulebook.calendar, filters, UNTIL, by)
    with transaction(database) as session:
        remembered.keep(session, counted, UNTIL)
    return found


def assert_right(database: Database, rulebook: Rulebook, filters: Filter, by: str = "ward") -> None:
    found = ask(database, rulebook, filters, by)
    with reading(database) as session:
        counted = statistics.figures(session, true(), rulebook.calendar, filters, UNTIL, by)
    assert [(line.key, line.values()) for line in found.lines] == [(line.key, line.values()) for line in counted.lines]
    assert found.total.values() == counted.total.values()


def statements(database: Database, rulebook: Rulebook, filters: Filter) -> int:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    with reading(database) as session:
        remembered.figures(session, true(), rulebook.calendar, filters, UNTIL, "ward")
    event.remove(database.engine, "before_cursor_execute", note)
    return sum("first_answer_at" in one for one in seen)


@pytest.mark.parametrize("by", ["ward", "month", "officer", "refused_for"])
@pytest.mark.parametrize("filters", PERIODS, ids=str)
def test_what_is_remembered_is_what_was_counted(lived: Database, rulebook: Rulebook, filters: Filter, by: str) -> None:
    for _ in range(2):
        assert_right(lived, rulebook, filters, by)


def test_a_month_is_counted_once(lived: Database, rulebook: Rulebook) -> None:
    first = statements(lived, rulebook, PERIODS[0])
    ask(lived, rulebook, PERIODS[0])
    assert statements(lived, rulebook, PERIODS[0]) < first - 2


def _rate(session: Session, rulebook: Rulebook, case: Case, by: Officer) -> None:
    record(session, case, "rated", UNTIL, score=1 if case.rating != 1 else 5)


def _reopen(session: Session, rulebook: Rulebook, case: Case, by: Officer) -> None:
    service.reopen(session, rulebook, case, None, "Chưa xong", UNTIL)


def _correct(session: Session, rulebook: Rulebook, case: Case, by: Officer) -> None:
    service.correct_category(session, rulebook, case, by, "market", UNTIL)


def _erase(session: Session, rulebook: Rulebook, case: Case, by: Officer) -> None:
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("DROP TRIGGER case_events_no_delete"))
    else:
        session.execute(text("ALTER TABLE case_events DISABLE TRIGGER ALL"))
    session.execute(delete(CaseEvent).where(CaseEvent.case_id == case.id))
    for column in _pointing_at(Case):
        session.execute(delete(column.table).where(column == case.id))
    session.execute(delete(Case).where(Case.id == case.id))


def _pointing_at(model: type[Base]) -> list[Column[int]]:
    """Of every table but its own and the events the columns that refer to it."""
    tables = [table for table in Base.metadata.sorted_tables if table.name not in {"cases", "case_events", "outbounds"}]
    return [key.parent for table in tables for key in table.foreign_keys if key.column is model.__table__.c.id]


def _repair(session: Session, rulebook: Rulebook, case: Case, by: Officer) -> None:
    """By somebody who writes SQL and knows nothing of versions."""
    session.execute(update(Case).where(Case.id == case.id).values(ward_id=None, area_id=DONG_DA, is_demo=True))


def _lose(session: Session, rulebook: Rulebook, case: Case, by: Officer) -> None:
    session.execute(update(Outbound).where(Outbound.case_id == case.id).values(status="dead"))


@pytest.mark.parametrize("change", [_rate, _reopen, _correct, _erase, _repair, _lose])
def test_no_change_of_an_old_case_is_missed(lived: Database, rulebook: Rulebook, change: object) -> None:
    period = PERIODS[0]
    before = ask(lived, rulebook, period).total.values()
    with transaction(lived) as session:
        told = select(Outbound.case_id).where(Outbound.status != "dead")
        query = select(Case).where(Case.status == "resolved", Case.opened_at < period.end, Case.id.in_(told))
        case = session.scalars(query.order_by(Case.opened_at)).first()
        by = session.scalars(select(Officer)).first()
        assert case is not None and callable(change)
        change(session, rulebook, case, by)
    assert_right(lived, rulebook, period)
    assert_right(lived, rulebook, period, "category")
    if change not in (_correct, _repair):
        assert ask(lived, rulebook, period).total.values() != before


def test_what_nobody_asks_for_any_more_is_forgotten(lived: Database, rulebook: Rulebook) -> None:
    ask(lived, rulebook, PERIODS[0])
    with transaction(lived) as session:
        remembered.keep(session, [], UNTIL + timedelta(days=91))
        assert session.scalar(select(func.count()).select_from(remembered.RememberedFigures)) == 0


@pytest.fixture
def leader(lived: Database) -> int:
    with transaction(lived) as session:
        return add_officer(session, "lanhdao", DONG_DA, "supervisor").id


def asked_by(database: Database, rulebook: Rulebook, officer_id: int, by: str) -> tuple[statistics.Figures, int]:
    """The figures of everything as this officer sees them, and how many months had to be counted for them."""
    everything = Filter(date(2025, 1, 1), date(2026, 12, 31))
    with reading(database) as session:
        scope = queries.visible_to(session, session.get_one(Officer, officer_id))
        found, counted = remembered.figures(session, scope, rulebook.calendar, everything, UNTIL, by)
        again = statistics.figures(session, scope, rulebook.calendar, everything, UNTIL, by)
    assert found.total.values() == again.total.values()
    assert [(line.key, line.values()) for line in found.lines] == [(line.key, line.values()) for line in again.lines]
    return found, len(counted)


def test_the_worker_counts_what_a_leader_will_ask_and_what_has_changed_again(
    lived: Database, rulebook: Rulebook, tmp_path: Path, leader: int
) -> None:
    at = [UNTIL]
    exporter = Exporter(lived, rulebook, Vault(("key",)), tmp_path, lambda: at[0])
    chores = Chores(lived, rulebook, exporter, lambda: at[0])
    before = {by: asked_by(lived, rulebook, leader, by)[1] for by in forecount.BREAKDOWNS}
    assert min(before.values()) >= 3
    while chores.step("w"):
        pass
    assert {asked_by(lived, rulebook, leader, by)[1] for by in forecount.BREAKDOWNS} == {0}
    with transaction(lived) as session:
        session.execute(update(Case).where(Case.opened_at < PERIODS[0].end).values(rating=5))
    assert asked_by(lived, rulebook, leader, "area")[1] >= 3
    at[0] += FORECOUNT_EVERY
    while chores.step("w"):
        pass
    assert {asked_by(lived, rulebook, leader, by)[1] for by in forecount.BREAKDOWNS} == {0}


KEY_OF_A_MONTH = """
from sqlalchemy import create_engine, true
from sqlalchemy.orm import Session
from cases import remembered
from cases.rulebook import load_rulebook
print(remembered._print(Session(create_engine("sqlite://")), true(), load_rulebook().calendar, "ward"))
"""


def test_what_one_process_has_counted_every_other_finds() -> None:
    """The worker counts for the desk, and the desk for itself after a restart."""
    seeds = ("1", "2", "3")
    run = [
        subprocess.run(
            [sys.executable, "-c", KEY_OF_A_MONTH],
            capture_output=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        for seed in seeds
    ]
    assert len({one.stdout for one in run}) == 1


def test_months_are_counted_ahead_for_those_alone_who_may_see_many_figures(lived: Database, leader: int) -> None:
    with reading(lived) as session:
        before = {piece.officer_id for piece in forecount.pieces(session, UNTIL)}
    with transaction(lived) as session:
        others = (("canbo", DONG_DA, "officer"), ("phuong", KIM_LIEN, "supervisor"), ("nghi", CITY, "supervisor"))
        for name, unit, role in others:
            add_officer(session, name, unit, role).active = name != "nghi"
    with reading(lived) as session:
        found = forecount.pieces(session, UNTIL)
    assert leader in before and {piece.officer_id for piece in found} == before
    days = sorted({(piece.quarter.first, piece.quarter.last) for piece in found})
    assert days[-1][1] >= UNTIL.date() >= days[-1][0]
    assert {after[0] - before[1] for before, after in pairwise(days)} == {timedelta(days=1)}


def test_the_dashboard_shows_a_change_in_a_month_that_it_remembers(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "LEAST", 1)
    codes = [desk.file(ward=KIM_LIEN) for _ in range(3)]
    officer = desk.log_in("kimlien")
    for code in codes:
        move(officer, code, "take", 1)
        move(officer, code, "resolve", 2, "Tổ vệ sinh phường đã dọn xong lúc 9 giờ hôm nay, sẽ kiểm tra lại.")
    desk.clock.now += timedelta(days=62)
    first, last = date(2026, 1, 1), desk.clock.now.date()
    page = f"/reports?first={first}&last={last}"
    chief = desk.log_in("giamsattp")
    for _ in range(2):
        assert "<b>3</b>" in (shown := " ".join(chief.get(page).text.split())) or ">3</a>" in shown
    with transaction(desk.database) as session:
        session.execute(update(Case).where(Case.code == codes[0]).values(status="refused", refused_for="other_body"))
    listed = chief.get(f"{page}&by=refused_for").text
    assert "other_body" in listed
