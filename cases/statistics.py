"""Figures of a period for supervisors: pure reading; called by desk, snapshots and monthly_report.

A case belongs to the period in which it was filed. Every count is one condition of `cases.measures`; shares divide two
of them; times are working hours.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, and_, cast, func, select
from sqlalchemy import case as sql_case
from sqlalchemy.orm import Session

from cases.deadlines import Calendar
from cases.measures import MEASURES, Cases, Condition, Filter, Way, by_time, chosen
from cases.model import Case
from cases.working_time import WorkingTime

SHARES: Mapping[str, tuple[str, str]] = {
    "on_time_share": ("on_time", "judged"),
    "not_done_share": ("not_done", "ever_closed"),
    "satisfied_share": ("satisfied", "rated"),
}
DIMENSIONS = {
    "ward": "ward_id",
    "area": "area_id",
    "category": "category",
    "channel": "channel",
    "officer": "officer_id",
    "refused_for": "refused_for",
}
Counts = dict[str, int]


@dataclass
class Line:
    """Figures of one group; `key` is a unit id, category, channel, month, officer or reason, "" where there is none."""

    key: str
    counts: Counts = field(default_factory=lambda: dict.fromkeys(MEASURES, 0))
    stars: int = 0  # all ratings added up
    answer: list[int] = field(default_factory=list, repr=False)  # working seconds, of every case
    handled: list[int] = field(default_factory=list, repr=False)

    def share(self, name: str) -> float | None:
        """Between 0 and 1; None when there is nothing to divide by."""
        part, whole = (self.counts[measure] for measure in SHARES[name])
        return part / whole if whole else None

    @property
    def rating(self) -> float | None:
        return self.stars / self.counts["rated"] if self.counts["rated"] else None

    @property
    def answer_hours(self) -> float | None:
        return middle(self.answer)

    @property
    def handled_hours(self) -> float | None:
        return middle(self.handled)

    @property
    def handled_p90(self) -> float | None:
        found = ninetieth(self.handled)
        return None if found is None else found / 3600

    def add(self, other: "Line") -> None:
        """What another part of the same group counted."""
        for name, value in other.counts.items():
            self.counts[name] += value
        self.stars += other.stars
        self.answer += other.answer
        self.handled += other.handled

    def values(self) -> dict[str, Any]:
        """Everything by name, for a frozen month and for comparing with it."""
        shares = {name: self.share(name) for name in SHARES}
        times = {name: getattr(self, name) for name in ("rating", "answer_hours", "handled_hours", "handled_p90")}
        return {**self.counts, **shares, **times}


@dataclass(frozen=True)
class Figures:
    """One look at a filter: the whole and its parts along one dimension, the largest first (months in order)."""

    filters: Filter
    as_of: datetime
    by: str
    total: Line
    lines: tuple[Line, ...]


def figures(
    session: Session,
    scope: ColumnElement[bool],
    calendar: Calendar,
    filters: Filter,
    now: datetime,
    by: str = "ward",
    cases: Cases = Case,
) -> Figures:
    """The figures of the cases in scope and filter as they stand now (of a frozen month: as they stood then)."""
    condition = and_(scope, chosen(filters, cases))
    lines = lines_where(session, condition, by, now, WorkingTime(calendar), cases)
    return figures_from(lines, filters, now, by)


def figures_from(lines: Mapping[str, Line], filters: Filter, now: datetime, by: str) -> Figures:
    """Put in order, and added up."""
    ordered = sorted(lines.values(), key=lambda line: (-line.counts["received"], line.key))
    if by == "month":
        ordered.sort(key=lambda line: line.key)
    total = Line("")
    for line in ordered:
        total.add(line)
    return Figures(filters, now, by, total, tuple(ordered))


def lines_where(
    session: Session,
    condition: ColumnElement[bool],
    by: str,
    now: datetime,
    clock: WorkingTime,
    cases: Cases = Case,
    measures: Mapping[str, Condition] = MEASURES,
    way: Way = "figures",
) -> dict[str, Line]:
    """The cases of a condition, by group."""
    lines: dict[str, Line] = {}
    for name, stars, *counts in session.execute(counting(session, condition, by, now, cases, measures, way)):
        line = lines[_text(name)] = Line(_text(name), stars=int(stars))
        line.counts.update(zip(measures, map(int, counts), strict=True))
    _time(session, cases, condition, dimension(session, by, cases), now, lines, clock, way)
    return lines


def dimension(session: Session, by: str, cases: Cases = Case) -> ColumnElement[Any]:
    """What a breakdown groups by."""
    if by == "month":
        return local_month(session, cases.opened_at)
    column: ColumnElement[Any] = getattr(cases, DIMENSIONS[by])
    return column


def local_month(session: Session, moment: Any) -> ColumnElement[str]:
    """ "2026-11" of a moment, by the calendar of Hà Nội (UTC+7 all year, with no summer time)."""
    if session.get_bind().dialect.name == "sqlite":
        return func.strftime("%Y-%m", moment, "+7 hours")
    return func.to_char(func.timezone("Asia/Ho_Chi_Minh", moment), "YYYY-MM")


def middle(seconds: list[int]) -> float | None:
    """The median, in hours."""
    seconds.sort()  # in place: whoever asks next finds it in order
    half = len(seconds) // 2
    if not seconds:
        return None
    return seconds[half] / 3600 if len(seconds) % 2 else (seconds[half - 1] / 3600 + seconds[half] / 3600) / 2


def ninetieth(values: Sequence[float]) -> float | None:
    """The smallest value that at least nine tenths do not exceed."""
    return sorted(values)[math.ceil(0.9 * len(values)) - 1] if values else None


def number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """How many rows fulfil a condition."""
    return func.coalesce(func.sum(sql_case((condition, 1), else_=0)), 0)


def counting(
    session: Session,
    condition: ColumnElement[bool],
    by: str,
    now: datetime,
    cases: Cases = Case,
    measures: Mapping[str, Condition] = MEASURES,
    way: Way = "figures",
) -> Select[*tuple[Any, ...]]:
    """The query that counts: the group, its stars, one sum for every measure."""
    key, sums = dimension(session, by, cases), [number(measure(cases, now)) for measure in measures.values()]
    query = select(key, func.coalesce(func.sum(cases.rating), 0), *sums).where(condition).group_by(key)
    return by_time(query, cases, way)


def _time(
    session: Session,
    cases: Cases,
    condition: ColumnElement[bool],
    key: Any,
    now: datetime,
    lines: dict[str, Line],
    clock: WorkingTime,
    way: Way,
) -> None:
    """Working seconds to the first answer and to the end, of every case that has them."""
    answered, handled = MEASURES["answered"](cases, now), MEASURES["handled"](cases, now)
    moments = [seconds(session, column) for column in (cases.opened_at, cases.first_answer_at, cases.resolved_at)]
    query = by_time(select(key, *moments, handled).where(condition, answered | handled), cases, way)
    position, streamed = clock.position, query.execution_options(yield_per=20_000)
    for name, opened, answer, end, is_handled in session.connection().execute(streamed):  # no entities: half the price
        line, began = lines[_text(name)], position(opened)
        if answer is not None:
            line.answer.append(max(0, position(answer) - began))
        if is_handled:
            line.handled.append(max(0, position(end) - began))


def seconds(session: Session, moment: Any) -> ColumnElement[int]:
    """A moment as whole seconds of the epoch: far cheaper to read by the hundred thousand than a datetime."""
    if session.get_bind().dialect.name == "sqlite":
        return cast(func.strftime("%s", moment), Integer)
    return cast(func.floor(func.extract("epoch", moment)), BigInteger)


def _text(key: object) -> str:
    return "" if key is None else str(key)
