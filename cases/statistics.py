"""Figures of a period for supervisors: pure reading; called by desk, snapshots and monthly_report.

A case belongs to the period in which it was filed. Every count is one condition of `cases.measures`; shares divide two
of them; times are working hours.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, and_, cast, func, select
from sqlalchemy import case as sql_case
from sqlalchemy.orm import Session

from cases.deadlines import Calendar
from cases.measures import MEASURES, Cases, Filter, chosen
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
    answer: list[float] = field(default_factory=list, repr=False)
    handled: list[float] = field(default_factory=list, repr=False)

    def share(self, name: str) -> float | None:
        """Between 0 and 1; None when there is nothing to divide by."""
        part, whole = (self.counts[measure] for measure in SHARES[name])
        return part / whole if whole else None

    @property
    def rating(self) -> float | None:
        return self.stars / self.counts["rated"] if self.counts["rated"] else None

    @property
    def answer_hours(self) -> float | None:
        return median(self.answer) if self.answer else None

    @property
    def handled_hours(self) -> float | None:
        return median(self.handled) if self.handled else None

    @property
    def handled_p90(self) -> float | None:
        return ninetieth(self.handled)

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
    key, condition = dimension(session, by, cases), and_(scope, chosen(filters, cases))
    lines: dict[str, Line] = {}
    _count(session, cases, condition, key, now, lines)
    _time(session, cases, condition, key, now, lines, WorkingTime(calendar))
    ordered = sorted(lines.values(), key=lambda line: (-line.counts["received"], line.key))
    if by == "month":
        ordered.sort(key=lambda line: line.key)
    return Figures(filters, now, by, _sum(ordered), tuple(ordered))


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


def ninetieth(values: Sequence[float]) -> float | None:
    """The smallest value that at least nine tenths do not exceed."""
    return sorted(values)[math.ceil(0.9 * len(values)) - 1] if values else None


def number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """How many rows fulfil a condition."""
    return func.coalesce(func.sum(sql_case((condition, 1), else_=0)), 0)


def _count(
    session: Session, cases: Cases, condition: ColumnElement[bool], key: Any, now: datetime, lines: dict[str, Line]
) -> None:
    sums = [number(measure(cases, now)) for measure in MEASURES.values()]
    query = select(key, func.coalesce(func.sum(cases.rating), 0), *sums).where(condition).group_by(key)
    for name, stars, *counts in session.execute(query):
        text = _text(name)
        lines[text] = Line(text, dict(zip(MEASURES, map(int, counts), strict=True)), int(stars))


def _time(
    session: Session,
    cases: Cases,
    condition: ColumnElement[bool],
    key: Any,
    now: datetime,
    lines: dict[str, Line],
    clock: WorkingTime,
) -> None:
    """Working hours to the first answer and to the end, of every case that has them."""
    answered, handled = MEASURES["answered"](cases, now), MEASURES["handled"](cases, now)
    moments = [seconds(session, column) for column in (cases.opened_at, cases.first_answer_at, cases.resolved_at)]
    query = select(key, *moments, handled).where(condition, answered | handled)
    between = clock.hours_between
    for name, opened, answer, end, is_handled in session.execute(query.execution_options(yield_per=20_000)):
        line = lines[_text(name)]
        if answer is not None:
            line.answer.append(between(opened, answer))
        if is_handled:
            line.handled.append(between(opened, end))


def seconds(session: Session, moment: Any) -> ColumnElement[int]:
    """A moment as whole seconds of the epoch: far cheaper to read by the hundred thousand than a datetime."""
    if session.get_bind().dialect.name == "sqlite":
        return cast(func.strftime("%s", moment), Integer)
    return cast(func.floor(func.extract("epoch", moment)), BigInteger)


def _sum(lines: Iterable[Line]) -> Line:
    total, counts = Line(""), defaultdict[str, int](int)
    for line in lines:
        for name, value in line.counts.items():
            counts[name] += value
        total.stars += line.stars
        total.answer += line.answer
        total.handled += line.handled
    total.counts |= counts
    return total


def _text(key: object) -> str:
    return "" if key is None else str(key)
