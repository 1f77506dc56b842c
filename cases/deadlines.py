"""Working time of the city: when a case must be received and answered. Called by filing, clocks and statistics.

A moment is an aware UTC datetime. A working day is not a calendar day but one day's worth of working hours (8 as
delivered): the same clock position N working days later, so a case of Friday 16:55 given 5 days is due the next
Friday 16:55. What arrives outside working hours starts at the next opening.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import yaml

LOCAL = ZoneInfo("Asia/Ho_Chi_Minh")
CATALOGUE = Path(__file__).with_name("catalogue")
WEEKDAYS = ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật")

Shift = tuple[time, time]
Span = tuple[datetime, datetime]


class OutsideCalendar(ValueError):
    """The date lies in a year the calendar does not know; trying again does not help, extend holidays.yml."""


class Urgency(StrEnum):
    """Which limits hold for a case; the hours of each are in `catalogue/deadlines.yml`."""

    URGENT = "urgent"
    NORMAL = "normal"
    COMPLEX = "complex"


@dataclass(frozen=True, slots=True)
class Calendar:
    """Opening hours and days of the offices; local working days win over days off, those over weekdays."""

    shifts: tuple[Shift, ...]
    weekdays: frozenset[int]
    off: frozenset[date]
    work: frozenset[date]
    first_year: int
    last_year: int
    announced_years: frozenset[int]

    def is_working_day(self, day: date) -> bool:
        if not self.first_year <= day.year <= self.last_year:
            raise OutsideCalendar(f"the calendar covers {self.first_year} to {self.last_year}, not {day.year}")
        return day in self.work or (day not in self.off and day.isoweekday() in self.weekdays)

    @property
    def hours_per_day(self) -> float:
        return sum((_minutes(closes) - _minutes(opens)) / 60 for opens, closes in self.shifts)


@dataclass(frozen=True, slots=True)
class DeadlineRules:
    """The limits of catalogue/deadlines.yml; `assumptions` names those that no published rule gives."""

    receive_hours: float
    receive_urgent_hours: float
    urgent_hours: float
    normal_days: float
    complex_days: float
    extend_urgent_hours: float
    extend_normal_days: float
    extend_complex_days: float
    reopened_hours: float
    warning_share: float
    escalate_hours: float
    assumptions: frozenset[str]
    sources: Mapping[str, str]


@cache
def load_calendar(folder: Path | None = None) -> Calendar:
    """Opening hours of deadlines.yml, public holidays of Vietnam, and the local days of holidays.yml."""
    hours = _read(folder, "deadlines.yml")["opening"]
    local = _read(folder, "holidays.yml")
    first, last = local["first_year"], local["last_year"]
    public = holidays.country_holidays("VN", years=range(first, last + 1))
    off = {entry["date"] for entry in local["days_off"]}
    return Calendar(
        shifts=tuple(_shift(text) for text in hours["shifts"]),
        weekdays=frozenset(hours["weekdays"]),
        off=frozenset(public) | off,
        work=frozenset(entry["date"] for entry in local["days_worked"]) | (frozenset(public.weekend_workdays) - off),
        first_year=first,
        last_year=last,
        announced_years=frozenset(local["announced_years"]),
    )


@cache
def load_rules(folder: Path | None = None) -> DeadlineRules:
    """The time limits of deadlines.yml."""
    rules = _read(folder, "deadlines.yml")["rules"]
    return DeadlineRules(
        **{name: float(rule["value"]) for name, rule in rules.items()},
        assumptions=frozenset(name for name, rule in rules.items() if rule["assumption"]),
        sources={name: rule["source"] for name, rule in rules.items()},
    )


def add_working_hours(calendar: Calendar, start: datetime, hours: float) -> datetime:
    """The moment when that many working hours have passed; 0 hours gives `start` itself, even at night."""
    left = timedelta(hours=hours)
    if left < timedelta(0):
        raise ValueError("working hours cannot be negative")
    start = _utc(start)
    if not left:
        return start
    spans = _spans_after(calendar, start)
    begins, ends = next(spans)
    while ends - begins < left:
        left -= ends - begins
        begins, ends = next(spans)
    return begins + left


def add_working_days(calendar: Calendar, start: datetime, days: float) -> datetime:
    """The same clock position `days` working days later (days times the working hours of a day)."""
    return add_working_hours(calendar, start, days * calendar.hours_per_day)


def working_hours_between(calendar: Calendar, a: datetime, b: datetime) -> float:
    """Working hours from a to b; 0 when b is not after a."""
    b = _utc(b)
    total = timedelta(0)
    if b <= a:
        return 0.0
    for begins, ends in _spans_after(calendar, _utc(a)):
        if begins >= b:
            break
        total += min(ends, b) - begins
    return total / timedelta(hours=1)


def receive_by(calendar: Calendar, rules: DeadlineRules, urgency: Urgency, now: datetime) -> datetime:
    """Latest moment to accept or refuse a case that arrived `now` (QĐ 1207/QĐ-UBND: 8 working hours)."""
    urgent = urgency is Urgency.URGENT
    return add_working_hours(calendar, now, rules.receive_urgent_hours if urgent else rules.receive_hours)


def due_by(calendar: Calendar, rules: DeadlineRules, urgency: Urgency, now: datetime) -> datetime:
    """Latest moment to answer a case that arrived `now`; the citizen is told this one, so it counts from arrival."""
    return add_working_hours(calendar, now, handling_hours(calendar, rules, urgency))


def handling_hours(calendar: Calendar, rules: DeadlineRules, urgency: Urgency, *, extended: bool = False) -> float:
    """Working hours in which a case of this urgency is to be answered, its one extension included when it has it."""
    hours = {
        Urgency.URGENT: rules.urgent_hours,
        Urgency.NORMAL: rules.normal_days * calendar.hours_per_day,
        Urgency.COMPLEX: rules.complex_days * calendar.hours_per_day,
    }[urgency]
    return hours + (extension_hours(calendar, rules, urgency) if extended else 0.0)


def extension_hours(calendar: Calendar, rules: DeadlineRules, urgency: Urgency) -> float:
    """Working hours that the one extension of a case adds."""
    return {
        Urgency.URGENT: rules.extend_urgent_hours,
        Urgency.NORMAL: rules.extend_normal_days * calendar.hours_per_day,
        Urgency.COMPLEX: rules.extend_complex_days * calendar.hours_per_day,
    }[urgency]


def warn_at(calendar: Calendar, rules: DeadlineRules, start: datetime, due: datetime, hours: float) -> datetime:
    """The moment when `warning_share` of the allowed `hours` is used up and the rest of them still lies ahead.

    Between start and due there is more than `hours` when the clock has rested; that time is not counted as used.
    """
    ahead = (1 - rules.warning_share) * hours
    return add_working_hours(calendar, start, max(0.0, working_hours_between(calendar, start, due) - ahead))


def format_deadline(moment: datetime) -> str:
    """Local time for people: "17:00 thứ Sáu 27/11/2026"."""
    local = _utc(moment).astimezone(LOCAL)
    return f"{local:%H:%M} {WEEKDAYS[local.weekday()]} {local:%d/%m/%Y}"


def _spans_after(calendar: Calendar, start: datetime) -> Iterator[Span]:
    """Working spans from `start` on, the first one cut at `start`; ends only by OutsideCalendar."""
    day = start.astimezone(LOCAL).date()
    while True:
        shifts = calendar.shifts if calendar.is_working_day(day) else ()
        for opens, closes in shifts:
            begins, ends = _at(day, opens), _at(day, closes)
            if ends > start:
                yield max(begins, start), ends
        day += timedelta(days=1)


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, LOCAL).astimezone(UTC)


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(UTC)


def _minutes(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def _shift(text: str) -> Shift:
    opens, closes = (time.fromisoformat(part) for part in text.split("-"))
    if opens >= closes:
        raise ValueError(f"deadlines.yml: a shift must open before it closes: {text}")
    return opens, closes


def _read(folder: Path | None, name: str) -> Any:
    return yaml.safe_load(((folder or CATALOGUE) / name).read_text("utf-8"))
