"""Every figure of the dashboard against a recount in SQL that shares no line with it, and against its own list."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import bindparam, select, text, true
from sqlalchemy.orm import Session

from cases.deadlines import LOCAL
from cases.figure_lists import behind, cases_behind
from cases.measures import MEASURES, Filter, load_definitions, narrow
from cases.model import Case
from cases.rulebook import Rulebook
from cases.statistics import SHARES, Figures, figures
from cases.trends import surges, twelve_months
from core.db import Database, UtcDateTime, reading, transaction
from tests.lives import UNTIL, lead_lives
from tests.support import KIM_LIEN, add_units

LIVES = 300
PERIODS = (
    Filter(date(2026, 1, 1), date(2026, 12, 31)),
    Filter(date(2026, 2, 1), date(2026, 2, 28)),
    Filter(date(2026, 2, 14), date(2026, 2, 22)),  # Tết and the weekends around it
    Filter(date(2026, 3, 31), date(2026, 3, 31)),
    Filter(date(2026, 4, 1), date(2026, 4, 30), channel="zalo"),
    Filter(date(2026, 1, 1), date(2026, 12, 31), category="waste", urgency="normal"),
    Filter(date(2026, 1, 1), date(2026, 12, 31), ward=KIM_LIEN),
    Filter(date(2026, 1, 1), date(2026, 12, 31), ward="none"),
)
# Days without work in these months, written down from the published calendar and not from our catalogue.
OFF = {date(2026, 2, day) for day in range(16, 21)} | {date(2026, 1, 1), date(2026, 1, 2)}
FACTS = """
WITH facts AS (
  SELECT c.id, c.ward_id AS ward, c.area_id AS area, c.category, v.channel, c.officer_id AS officer, c.urgency,
    {day} AS day, substr({day}, 1, 7) AS month, c.opened_at, c.due_at, c.status, c.is_demo,
    (SELECT e.kind FROM case_events e WHERE e.case_id = c.id
      AND e.kind IN ('resolved', 'refused', 'marked_abuse', 'withdrawn', 'reopened')
      ORDER BY e.id DESC LIMIT 1) AS ending,
    (SELECT count(*) FROM case_events e WHERE e.case_id = c.id AND e.kind = 'resolved') AS endings,
    (SELECT count(*) FROM case_events e WHERE e.case_id = c.id AND e.kind = 'overdue') AS overdue,
    (SELECT count(*) FROM case_events e WHERE e.case_id = c.id AND e.kind = 'unreceived') AS unreceived,
    (SELECT count(*) FROM case_events e WHERE e.case_id = c.id AND e.kind = 'escalated') AS escalated,
    (SELECT count(*) FROM case_events e WHERE e.case_id = c.id AND e.kind = 'reopened' AND e.actor = 'citizen')
      AS complaints,
    (SELECT CAST(e.data ->> 'score' AS INTEGER) FROM case_events e WHERE e.case_id = c.id AND e.kind = 'rated'
      ORDER BY e.id DESC LIMIT 1) AS score,
    (SELECT e.data ->> 'reason' FROM case_events e WHERE e.case_id = c.id AND e.kind = 'refused'
      ORDER BY e.id DESC LIMIT 1) AS refused_for,
    (SELECT min(e.at) FROM case_events e WHERE e.case_id = c.id
      AND e.kind IN ('replied', 'asked', 'resolved', 'refused')) AS answer_at,
    (SELECT max(e.at) FROM case_events e WHERE e.case_id = c.id AND e.kind IN ('resolved', 'refused')) AS end_at,
    (SELECT count(*) FROM outbounds o WHERE o.case_id = c.id AND o.status = 'dead') AS lost
  FROM cases c JOIN conversations v ON v.id = c.conversation_id
  WHERE {day} BETWEEN :first AND :last
)
"""
CLOSED = "coalesce(ending, '') IN ('resolved', 'refused')"
ASIDE = "coalesce(ending, '') IN ('marked_abuse', 'withdrawn')"
OPEN = f"NOT ({CLOSED}) AND NOT ({ASIDE})"
RECOUNT = {
    "received": "1 = 1",
    "closed": CLOSED,
    "set_aside": ASIDE,
    "open": OPEN,
    "waiting": "status = 'waiting_citizen'",
    "late_now": f"{OPEN} AND status <> 'waiting_citizen' AND due_at < :now",
    "ever_late": "overdue > 0",
    "on_time": f"{CLOSED} AND overdue = 0",
    "judged": f"({CLOSED} OR overdue > 0) AND NOT ({ASIDE})",
    "unreceived": "unreceived > 0",
    "answered": "answer_at IS NOT NULL",
    "handled": CLOSED,
    "ever_closed": f"{CLOSED} OR endings > 0",
    "not_done": "complaints > 0",
    "rated": "score IS NOT NULL",
    "satisfied": "score IN (4, 5)",
    "refused": "ending = 'refused'",
    "undelivered": "lost > 0",
    "escalated": f"{OPEN} AND escalated > 0",
    "demo": "is_demo",
    "age_3": f"{OPEN} AND opened_at > :d3",
    "age_7": f"{OPEN} AND opened_at <= :d3 AND opened_at > :d7",
    "age_15": f"{OPEN} AND opened_at <= :d7 AND opened_at > :d15",
    "age_30": f"{OPEN} AND opened_at <= :d15 AND opened_at > :d30",
    "age_more": f"{OPEN} AND opened_at <= :d30",
}
MOMENTS = ("now", "d3", "d7", "d15", "d30")


class Recount:
    """The same questions asked in plain SQL."""

    def __init__(self, session: Session, filters: Filter) -> None:
        self.session, sqlite = session, session.get_bind().dialect.name == "sqlite"
        zone = "c.opened_at AT TIME ZONE 'Asia/Ho_Chi_Minh'"
        day = "date(c.opened_at, '+7 hours')" if sqlite else f"to_char({zone}, 'YYYY-MM-DD')"
        self.facts = FACTS.format(day=day)
        self.wanted = filters.address()
        self.where = "".join(
            f" AND {name} IS NULL" if value == "none" else f" AND {name} = :{name}"
            for name, value in self.wanted.items()
            if name not in ("first", "last")
        )
        days = {f"d{count}": UNTIL - timedelta(days=count) for count in (3, 7, 15, 30)}
        self.moments = {"now": UNTIL, **days}

    def rows(self, columns: str, condition: str, tail: str = "") -> list[Any]:
        sql = f"{self.facts} SELECT {columns} FROM facts WHERE ({condition}){self.where} {tail}"  # noqa: S608
        used = set(re.findall(r":([a-z]\w*)", sql))
        binds = [bindparam(name, type_=UtcDateTime()) for name in used if name in MOMENTS]
        values = {name: {**self.wanted, **self.moments}[name] for name in used}
        return list(self.session.execute(text(sql).bindparams(*binds), values))

    def counts(self, by: str) -> dict[str, dict[str, int]]:
        """By measure and key, without zeros."""
        sums = ", ".join(f"sum(CASE WHEN {condition} THEN 1 ELSE 0 END)" for condition in RECOUNT.values())
        found: dict[str, dict[str, int]] = {measure: {} for measure in RECOUNT}
        for key, *numbers in self.rows(f"{by}, {sums}", "1 = 1", f"GROUP BY {by}"):
            for measure, number in zip(RECOUNT, numbers, strict=True):
                if number:
                    found[measure]["" if key is None else str(key)] = number
        return found

    def hours(self, by: str, end: str, condition: str) -> dict[str, list[float]]:
        found: dict[str, list[float]] = defaultdict(list)
        for key, opened, ended in self.rows(f"{by}, opened_at, {end}", condition):
            found["" if key is None else str(key)].append(counted_hours(moment(opened), moment(ended)))
        return found


def moment(value: Any) -> datetime:
    """What a raw query gives: text in UTC on SQLite, a datetime on PostgreSQL; local time, to the second."""
    read = datetime.fromisoformat(f"{value}+00:00") if isinstance(value, str) else value
    return read.astimezone(LOCAL).replace(tzinfo=None, microsecond=0)


def counted_hours(start: datetime, end: datetime) -> float:
    """Day by day and shift by shift, the way one counts on a wall calendar."""
    total, day = timedelta(0), start.date()
    while day <= end.date():
        if day.weekday() < 5 and day not in OFF:
            for opens, closes in ((8, 12), (13, 17)):
                begins, ends = (datetime.combine(day, time(hour)) for hour in (opens, closes))
                total += max(timedelta(0), min(ends, end) - max(begins, start))
        day += timedelta(days=1)
    return total / timedelta(hours=1)


def middle(values: list[float]) -> float | None:
    values = sorted(values)
    half = len(values) // 2
    if not values:
        return None
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def nine_of_ten(values: list[float]) -> float | None:
    """The first value with at least 90 % of all at or below it."""
    fitting = (value for value in sorted(values) if sum(other <= value for other in values) * 10 >= len(values) * 9)
    return next(fitting, None)


@pytest.fixture(scope="module", params=("sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)))
def lived(request: pytest.FixtureRequest, rulebook: Rulebook) -> Iterator[Database]:
    """A database with the same lives on either engine; the tests of this module only read it."""
    house = request.getfixturevalue(f"{request.param}_house")
    database = house.furnish()
    with transaction(database) as session:
        add_units(session)
        lead_lives(session, rulebook, LIVES)
    yield database
    house.clear()


def look(session: Session, rulebook: Rulebook, filters: Filter, by: str = "ward") -> Figures:
    return figures(session, true(), rulebook.calendar, filters, UNTIL, by)


def test_the_lives_are_varied_enough_to_tell_figures_apart(lived: Database, rulebook: Rulebook) -> None:
    with reading(lived) as session:
        counts = look(session, rulebook, PERIODS[0]).total.counts
    assert counts["received"] == LIVES
    assert min(counts.values()) > 3
    assert len(set(counts.values())) > len(counts) - 6


@pytest.mark.parametrize("by", ["ward", "area", "category", "channel", "month", "officer", "refused_for"])
@pytest.mark.parametrize("filters", PERIODS, ids=str)
def test_every_count_equals_the_recount(lived: Database, rulebook: Rulebook, filters: Filter, by: str) -> None:
    assert set(RECOUNT) == set(MEASURES)
    with reading(lived) as session:
        found = look(session, rulebook, filters, by)
        for measure, expected in Recount(session, filters).counts(by).items():
            assert {line.key: n for line in found.lines if (n := line.counts[measure])} == expected, measure
            assert found.total.counts[measure] == sum(expected.values()), measure


@pytest.mark.parametrize("by", ["ward", "category", "month"])
@pytest.mark.parametrize("filters", PERIODS, ids=str)
def test_times_shares_and_ratings_equal_the_recount(
    lived: Database, rulebook: Rulebook, filters: Filter, by: str
) -> None:
    with reading(lived) as session:
        found, recount = look(session, rulebook, filters, by), Recount(session, filters)
        answers = recount.hours(by, "answer_at", RECOUNT["answered"])
        ends = recount.hours(by, "end_at", RECOUNT["handled"])
        stars = dict(recount.rows(f"coalesce({by}, ''), avg(score)", RECOUNT["rated"], f"GROUP BY {by}"))
        counts = recount.counts(by)
    assert found.lines
    for line in found.lines:
        assert line.answer_hours == pytest.approx(middle(answers[line.key]))
        assert line.handled_hours == pytest.approx(middle(ends[line.key]))
        assert line.handled_p90 == pytest.approx(nine_of_ten(ends[line.key]))
        assert line.rating == (pytest.approx(float(stars[line.key])) if line.key in stars else None)
        for name, (part, whole) in SHARES.items():
            of = counts[whole].get(line.key, 0)
            assert line.share(name) == (pytest.approx(counts[part].get(line.key, 0) / of) if of else None)
    every = [hours for group in ends.values() for hours in group]
    assert found.total.handled_hours == pytest.approx(middle(every))


@pytest.mark.parametrize("by", ["ward", "area", "month", "officer"])
def test_the_list_behind_a_figure_holds_exactly_the_cases_counted(lived: Database, rulebook: Rulebook, by: str) -> None:
    with reading(lived) as session:
        lines = look(session, rulebook, PERIODS[0], by).lines
        assert lines and any(line.counts["received"] for line in lines)
        for line in lines:
            own = narrow(PERIODS[0], by, line.key)
            for measure, count in line.counts.items():
                rows, total = cases_behind(session, true(), own, measure, UNTIL, limit=1000)
                assert len({case.id for case in rows}) == total == count


def test_the_parts_add_up_to_the_whole(lived: Database, rulebook: Rulebook) -> None:
    with reading(lived) as session:
        for filters in PERIODS:
            counts = look(session, rulebook, filters).total.counts
            assert counts["closed"] + counts["open"] + counts["set_aside"] == counts["received"]
            assert sum(counts[age] for age in ("age_3", "age_7", "age_15", "age_30", "age_more")) == counts["open"]
            assert counts["on_time"] <= counts["judged"] <= counts["on_time"] + counts["ever_late"]


def test_the_two_geographies_count_the_same_cases_differently(lived: Database, rulebook: Rulebook) -> None:
    with reading(lived) as session:
        wards, areas = (look(session, rulebook, PERIODS[0], by) for by in ("ward", "area"))
    assert wards.total.counts == areas.total.counts
    assert {line.key for line in wards.lines} & {line.key for line in areas.lines} == set()


def test_months_begin_at_midnight_in_ha_noi(lived: Database, rulebook: Rulebook) -> None:
    """2026-01-31 17:00 UTC is the first second of February in Hà Nội."""
    with reading(lived) as session:
        for first, last in ((date(2026, 1, 31), date(2026, 1, 31)), (date(2026, 2, 1), date(2026, 2, 1))):
            query = select(Case.opened_at).where(behind(Filter(first, last), "received", UNTIL))
            days = {opened.astimezone(LOCAL).date() for opened in session.scalars(query)}
            assert days == {first}


def test_twelve_months_equal_the_recount(lived: Database) -> None:
    with reading(lived) as session:
        months = twelve_months(session, true(), Filter(date(2026, 4, 1), date(2026, 4, 15)), UNTIL)
        recount = Recount(session, PERIODS[0])
        received = recount.counts("month")["received"]
        ends: dict[str, int] = defaultdict(int)
        for (ended,) in recount.rows("end_at", CLOSED):
            ends[f"{moment(ended):%Y-%m}"] += 1
    assert [month.key for month in months][-4:] == ["2026-01", "2026-02", "2026-03", "2026-04"]
    assert len(months) == 12
    assert {month.key: month.received for month in months if month.received} == received
    assert {month.key: month.closed for month in months if month.closed} == dict(ends)


def test_a_surge_is_three_times_the_usual_week_and_leads_to_its_cases(lived: Database, rulebook: Rulebook) -> None:
    at = datetime(2026, 2, 1, 5, 0, tzinfo=LOCAL)
    with reading(lived) as session:
        found = surges(session, true(), PERIODS[0], at)
        assert found
        for one in found:
            assert one.count >= max(5, 3 * one.usual)
            assert (one.filters.first, one.filters.last) == (date(2026, 1, 26), date(2026, 2, 1))
            assert cases_behind(session, true(), one.filters, "received", at)[1] == one.count
        ordinary = Recount(session, Filter(date(2025, 12, 29), date(2026, 1, 25)))
        counted = ordinary.counts("category || '/' || coalesce(ward, '')")["received"]
        for one in found:
            assert one.usual == counted.get(f"{one.category}/{one.ward}", 0) / 4


def test_every_figure_has_a_definition_in_plain_words() -> None:
    named = set(MEASURES) | set(SHARES) | {"rating", "answer_hours", "handled_hours", "handled_p90", "surge"}
    assert set(load_definitions()) == named
    assert all(entry.label and entry.short and entry.definition.endswith(".") for entry in load_definitions().values())
