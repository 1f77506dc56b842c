"""Deadlines count the hours in which offices are open, and nothing else."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.deadlines import (
    CATALOGUE,
    LOCAL,
    OutsideCalendar,
    Urgency,
    add_working_days,
    add_working_hours,
    due_by,
    format_deadline,
    load_calendar,
    load_rules,
    receive_by,
    warn_at,
    working_hours_between,
)

CALENDAR = load_calendar()
RULES = load_rules()


def at(text: str) -> datetime:
    """Local time, as people write it, to UTC."""
    return datetime.strptime(text, "%d/%m/%Y %H:%M").replace(tzinfo=LOCAL).astimezone(UTC)


# Each row was counted by hand with a wall calendar. 20/11/2026 is a Friday; 24/11 is Vietnam Culture Day.
HOURS = [
    ("inside a morning", "18/11/2026 09:00", 2, "18/11/2026 11:00"),
    ("to the minute of lunch", "18/11/2026 09:00", 3, "18/11/2026 12:00"),
    ("across lunch", "18/11/2026 11:30", 1, "18/11/2026 13:30"),
    ("begun at lunch", "18/11/2026 12:20", 1, "18/11/2026 14:00"),
    ("begun at the first minute of lunch", "18/11/2026 12:00", 4, "18/11/2026 17:00"),
    ("a whole day ends at closing time", "18/11/2026 08:00", 8, "18/11/2026 17:00"),
    ("begun before opening", "18/11/2026 05:00", 4, "18/11/2026 12:00"),
    ("begun after closing", "18/11/2026 18:00", 1, "19/11/2026 09:00"),
    ("begun at closing time", "18/11/2026 17:00", 1, "19/11/2026 09:00"),
    ("overnight", "18/11/2026 16:00", 2, "19/11/2026 09:00"),
    ("half an hour", "18/11/2026 16:45", 0.5, "19/11/2026 08:15"),
    ("Friday 16:55, one hour", "20/11/2026 16:55", 1, "23/11/2026 08:55"),
    ("Friday 16:55, four hours", "20/11/2026 16:55", 4, "23/11/2026 11:55"),
    ("Friday 16:55, eight hours", "20/11/2026 16:55", 8, "23/11/2026 16:55"),
    ("Friday 16:55, nine hours jump Culture Day", "20/11/2026 16:55", 9, "25/11/2026 08:55"),
    ("Saturday night", "21/11/2026 23:30", 4, "23/11/2026 12:00"),
    ("Sunday noon", "22/11/2026 12:00", 5, "23/11/2026 14:00"),
    ("midnight in Hà Nội is still the day before in UTC", "19/11/2026 00:00", 1, "19/11/2026 09:00"),
    ("one minute before midnight", "18/11/2026 23:59", 1, "19/11/2026 09:00"),
    ("06:59, when UTC still has yesterday's date", "19/11/2026 06:59", 1, "19/11/2026 09:00"),
    ("07:01, when UTC has today's date", "19/11/2026 07:01", 1, "19/11/2026 09:00"),
    ("Sunday 23:59 starts on Monday", "22/11/2026 23:59", 1, "23/11/2026 09:00"),
    ("Friday midnight starts on Monday", "21/11/2026 00:00", 1, "23/11/2026 09:00"),
    ("no hours move nothing, even at night", "21/11/2026 23:30", 0, "21/11/2026 23:30"),
    ("New Year 2026: Friday 2/1 is off", "31/12/2025 16:00", 2, "05/01/2026 09:00"),
    ("Saturday 10/1/2026 is worked for 2/1", "09/01/2026 16:00", 2, "10/01/2026 09:00"),
    ("and the Saturday after it is not", "16/01/2026 16:00", 2, "19/01/2026 09:00"),
    ("Tết 2026: Friday 13/2 to Monday 23/2", "13/02/2026 16:00", 2, "23/02/2026 09:00"),
    ("Tết 2026: written on the first day of the year", "17/02/2026 09:00", 8, "23/02/2026 17:00"),
    ("Hùng Kings 2026: Monday 27/4 in place of Sunday 26/4", "24/04/2026 16:00", 2, "28/04/2026 09:00"),
    ("30/4 and 1/5/2026", "29/04/2026 16:00", 2, "04/05/2026 09:00"),
    ("written on 30/4/2026", "30/04/2026 10:00", 4, "04/05/2026 12:00"),
    ("Saturday 22/8/2026 is worked for 31/8", "21/08/2026 16:30", 1, "22/08/2026 08:30"),
    ("written on the worked Saturday", "22/08/2026 14:00", 4, "24/08/2026 09:00"),
    ("2/9/2026: Friday 28/8 to Thursday 3/9", "28/08/2026 16:00", 2, "03/09/2026 09:00"),
    ("Culture Day 2026", "23/11/2026 16:00", 2, "25/11/2026 09:00"),
    ("New Year 2027", "31/12/2026 16:00", 2, "04/01/2027 09:00"),
    ("Tết 2027: Wednesday 3/2 to Thursday 11/2", "03/02/2027 16:00", 2, "11/02/2027 09:00"),
    ("Tết 2027: written on its first day, Saturday", "06/02/2027 08:00", 4, "11/02/2027 12:00"),
    ("Hùng Kings 2027 is a Friday", "15/04/2027 16:00", 2, "19/04/2027 09:00"),
    ("30/4 to 3/5/2027", "29/04/2027 16:00", 2, "04/05/2027 09:00"),
    ("2/9/2027 with Friday 3/9", "01/09/2027 16:00", 2, "06/09/2027 09:00"),
]

DAYS = [
    ("Friday 16:55, one day", "20/11/2026 16:55", 1, "23/11/2026 16:55"),
    ("Friday 16:55, five days over Culture Day", "20/11/2026 16:55", 5, "30/11/2026 16:55"),
    ("five plain days", "09/11/2026 10:30", 5, "16/11/2026 10:30"),
    ("Saturday night counts from Monday's opening", "07/11/2026 22:00", 1, "09/11/2026 17:00"),
    ("fifteen days", "02/11/2026 09:00", 15, "23/11/2026 09:00"),
    ("five days over Tết 2026", "12/02/2026 14:00", 5, "26/02/2026 14:00"),
    ("half a day", "18/11/2026 08:00", 0.5, "18/11/2026 12:00"),
]


@pytest.mark.parametrize(("start", "hours", "expected"), [row[1:] for row in HOURS], ids=[row[0] for row in HOURS])
def test_working_hours_end_where_a_person_would_count_them(start: str, hours: float, expected: str) -> None:
    assert add_working_hours(CALENDAR, at(start), hours) == at(expected)
    assert working_hours_between(CALENDAR, at(start), at(expected)) == hours


@pytest.mark.parametrize(("start", "days", "expected"), [row[1:] for row in DAYS], ids=[row[0] for row in DAYS])
def test_working_days_keep_the_clock_position(start: str, days: float, expected: str) -> None:
    assert add_working_days(CALENDAR, at(start), days) == at(expected)


@pytest.mark.parametrize(
    ("urgency", "expected"),
    [
        (Urgency.URGENT, "18/11/2026 14:00"),
        (Urgency.NORMAL, "26/11/2026 09:00"),
        (Urgency.COMPLEX, "10/12/2026 09:00"),
    ],
)
def test_each_urgency_has_its_limit(urgency: Urgency, expected: str) -> None:
    assert due_by(CALENDAR, RULES, urgency, at("18/11/2026 09:00")) == at(expected)


def test_a_case_must_be_received_within_a_working_day() -> None:
    assert receive_by(CALENDAR, RULES, Urgency.NORMAL, at("18/11/2026 09:00")) == at("19/11/2026 09:00")
    assert receive_by(CALENDAR, RULES, Urgency.URGENT, at("18/11/2026 09:00")) == at("18/11/2026 11:00")


def test_the_warning_comes_when_three_quarters_of_the_working_time_are_gone() -> None:
    start = at("20/11/2026 15:00")
    assert warn_at(CALENDAR, RULES, start, add_working_hours(CALENDAR, start, 4), 4) == at("23/11/2026 09:00")


def test_figures_that_no_rule_gives_are_marked_as_assumptions() -> None:
    assert set(RULES.sources) - RULES.assumptions == {"receive_hours", "urgent_hours"}
    assert "1207" in RULES.sources["receive_hours"]
    assert "1207" in RULES.sources["urgent_hours"]


def test_only_years_with_a_published_decision_count_as_announced() -> None:
    assert CALENDAR.announced_years == {2026}


def test_time_that_has_not_passed_is_zero() -> None:
    assert working_hours_between(CALENDAR, at("18/11/2026 09:00"), at("17/11/2026 09:00")) == 0


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("27/11/2026 17:00", "17:00 thứ Sáu 27/11/2026"),
        ("29/11/2026 00:05", "00:05 Chủ nhật 29/11/2026"),
        ("23/11/2026 06:30", "06:30 thứ Hai 23/11/2026"),
    ],
)
def test_people_read_local_time_in_vietnamese(moment: str, expected: str) -> None:
    assert format_deadline(at(moment)) == expected


def test_a_moment_without_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        add_working_hours(CALENDAR, datetime(2026, 11, 18, 9, 0), 1)


def test_negative_time_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        add_working_hours(CALENDAR, at("18/11/2026 09:00"), -1)


def test_a_year_nobody_looked_at_is_refused_rather_than_guessed() -> None:
    with pytest.raises(OutsideCalendar):
        CALENDAR.is_working_day(date(2099, 1, 1))


def test_a_city_changes_its_hours_and_days_without_touching_code(tmp_path: Path) -> None:
    text = (CATALOGUE / "deadlines.yml").read_text("utf-8").replace('"13:00-17:00"', '"13:30-17:30"')
    (tmp_path / "deadlines.yml").write_text(text, "utf-8")
    (tmp_path / "holidays.yml").write_text(
        "first_year: 2026\nlast_year: 2027\nannounced_years: [2027]\n"
        "days_off: [{date: 2026-11-18}, {date: 2026-08-22}]\ndays_worked: [{date: 2026-11-24}]\n",
        "utf-8",
    )
    calendar = load_calendar(tmp_path)
    assert add_working_hours(calendar, at("17/11/2026 17:00"), 1) == at("19/11/2026 08:30")
    assert calendar.is_working_day(date(2026, 11, 24))
    assert not calendar.is_working_day(date(2026, 8, 22))


MOMENTS = st.integers(0, 700 * 24 * 60).map(lambda minutes: at("01/12/2025 00:00") + timedelta(minutes=minutes))
MINUTES = st.integers(0, 120 * 60)


@given(MOMENTS, MINUTES)
def test_what_was_added_is_what_lies_between(start: datetime, minutes: int) -> None:
    end = add_working_hours(CALENDAR, start, minutes / 60)
    assert working_hours_between(CALENDAR, start, end) == pytest.approx(minutes / 60, abs=1e-9)


@given(MOMENTS, MOMENTS, MINUTES)
def test_who_comes_later_is_never_due_earlier(a: datetime, b: datetime, minutes: int) -> None:
    first, second = sorted((a, b))
    assert add_working_hours(CALENDAR, first, minutes / 60) <= add_working_hours(CALENDAR, second, minutes / 60)


@given(MOMENTS, MINUTES, MINUTES)
def test_more_time_is_never_due_earlier(start: datetime, a: int, b: int) -> None:
    less, more = sorted((a, b))
    assert add_working_hours(CALENDAR, start, less / 60) <= add_working_hours(CALENDAR, start, more / 60)


@given(MOMENTS, MOMENTS, MOMENTS)
def test_stretches_of_time_add_up(a: datetime, b: datetime, c: datetime) -> None:
    a, b, c = sorted((a, b, c))
    whole = working_hours_between(CALENDAR, a, b) + working_hours_between(CALENDAR, b, c)
    assert working_hours_between(CALENDAR, a, c) == pytest.approx(whole, abs=1e-9)
