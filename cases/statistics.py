"""Figures of a period for supervisors, and the counts above a queue: pure reading; called by desk.

A case belongs to the period in which it was opened. It is late when it is open, its clock runs and its deadline has
passed; it is on time when it was resolved not later than its deadline. The share on time is on time / (resolved +
late): leaving the late ones out until somebody resolves them would flatter.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import median

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy import case as sql_case
from sqlalchemy.orm import Session

from cases.deadlines import LOCAL, Calendar, working_hours_between
from cases.model import Case
from cases.workflow import OPEN, Status

_Hours = defaultdict[tuple[str | None, str | None, str, str], list[float]]


@dataclass(frozen=True)
class Line:
    """Figures of one group; `key` is a unit id, category or state, "" where a case has none."""

    key: str
    total: int
    resolved: int
    on_time: int
    late: int
    median_hours: float | None

    @property
    def on_time_share(self) -> float | None:
        """Between 0 and 1; None when nothing is due yet."""
        due = self.resolved + self.late
        return self.on_time / due if due else None


@dataclass(frozen=True)
class Figures:
    """One look at a period [start, end); `demo_cases` says how many of the cases are made up."""

    start: datetime
    end: datetime
    as_of: datetime
    total: Line
    by_ward: tuple[Line, ...]
    by_area: tuple[Line, ...]
    by_category: tuple[Line, ...]
    by_status: tuple[Line, ...]
    demo_cases: int


@dataclass(frozen=True)
class QueueCounts:
    """The numbers above a queue, over everything the officer may see."""

    open: int
    new: int
    late: int
    mine: int


@dataclass(frozen=True)
class _Group:
    """Cases that agree in every dimension."""

    ward: str
    area: str
    category: str
    status: str
    total: int
    demo: int
    on_time: int
    late: int
    hours: tuple[float, ...] = ()


def figures(
    session: Session, scope: ColumnElement[bool], calendar: Calendar, start: datetime, end: datetime, now: datetime
) -> Figures:
    """Figures of the cases in scope that were opened in [start, end), as they stand now."""
    chosen = and_(scope, Case.opened_at >= start, Case.opened_at < end)
    groups = _groups(session, chosen, calendar, now)
    return Figures(
        start=start,
        end=end,
        as_of=now,
        total=_line("", groups),
        by_ward=_lines(groups, lambda group: group.ward),
        by_area=_lines(groups, lambda group: group.area),
        by_category=_lines(groups, lambda group: group.category),
        by_status=_lines(groups, lambda group: group.status),
        demo_cases=sum(group.demo for group in groups),
    )


def queue_counts(session: Session, scope: ColumnElement[bool], officer_id: int, now: datetime) -> QueueCounts:
    is_open = Case.status.in_(OPEN)
    query = select(
        _number(is_open),
        _number(Case.status.in_((Status.NEW, Status.REOPENED))),
        _number(_is_late(now)),
        _number(and_(is_open, Case.officer_id == officer_id)),
    )
    return QueueCounts(*session.execute(query.where(scope)).one())


def _groups(session: Session, chosen: ColumnElement[bool], calendar: Calendar, now: datetime) -> list[_Group]:
    keys = (Case.ward_id, Case.area_id, Case.category, Case.status)
    on_time = and_(_is_resolved(), Case.resolved_at <= Case.due_at)
    numbers = (func.count(), _number(Case.is_demo.is_(True)), _number(on_time), _number(_is_late(now)))
    hours = _hours_by_keys(session, chosen, calendar)
    rows = session.execute(select(*keys, *numbers).where(chosen).group_by(*keys)).all()
    return [
        _Group(
            ward or "", area or "", category, status, total, demo, met, late, tuple(hours[ward, area, category, status])
        )
        for ward, area, category, status, total, demo, met, late in rows
    ]


def _hours_by_keys(session: Session, chosen: ColumnElement[bool], calendar: Calendar) -> _Hours:
    """Working hours from opening to resolution of each resolved case, by the keys of `_groups`."""
    clock = _WorkingClock(calendar)
    found: _Hours = defaultdict(list)
    times = select(Case.ward_id, Case.area_id, Case.category, Case.status, Case.opened_at, Case.resolved_at)
    for ward, area, category, status, opened, resolved in session.execute(times.where(chosen, _is_resolved())):
        if resolved is not None:
            found[ward, area, category, status].append(clock.between(opened, resolved))
    return found


def _lines(groups: Iterable[_Group], key: Callable[[_Group], str]) -> tuple[Line, ...]:
    """One line a key, the largest first."""
    by_key: dict[str, list[_Group]] = defaultdict(list)
    for group in groups:
        by_key[key(group)].append(group)
    lines = [_line(name, members) for name, members in by_key.items()]
    return tuple(sorted(lines, key=lambda line: (-line.total, line.key)))


def _line(key: str, groups: Sequence[_Group]) -> Line:
    hours = [hour for group in groups for hour in group.hours]
    return Line(
        key=key,
        total=sum(group.total for group in groups),
        resolved=sum(group.total for group in groups if group.status == Status.RESOLVED),
        on_time=sum(group.on_time for group in groups),
        late=sum(group.late for group in groups),
        median_hours=median(hours) if hours else None,
    )


def _is_resolved() -> ColumnElement[bool]:
    return Case.status == Status.RESOLVED


def _is_late(now: datetime) -> ColumnElement[bool]:
    return and_(Case.status.in_(OPEN), Case.status != Status.WAITING_CITIZEN, Case.due_at < now)


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(sql_case((condition, 1), else_=0)), 0)


class _WorkingClock:
    """Working hours between moments, counting each calendar day once however many cases lie across it."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._first: date | None = None
        self._until: list[float] = [0.0]

    def between(self, a: datetime, b: datetime) -> float:
        first, last = _day(a), _day(b)
        if b <= a or last - first < timedelta(days=3):
            return working_hours_between(self._calendar, a, b)
        return self._at(b) - self._at(a)

    def _at(self, moment: datetime) -> float:
        day = _day(moment)
        return self._before(day) + working_hours_between(self._calendar, _midnight(day), moment)

    def _before(self, day: date) -> float:
        """Working hours from 1 January of the calendar's first year to the morning of this day."""
        if self._first is None:
            self._first = date(self._calendar.first_year, 1, 1)
        while len(self._until) <= (day - self._first).days:
            begins = self._first + timedelta(days=len(self._until) - 1)
            hours = self._calendar.hours_per_day if self._calendar.is_working_day(begins) else 0.0
            self._until.append(self._until[-1] + hours)
        return self._until[(day - self._first).days]


def _day(moment: datetime) -> date:
    return moment.astimezone(LOCAL).date()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LOCAL)
