"""Figures of long periods without counting every case again; called by the dashboard and `forecount`.

What a month that is over counted of its ended cases is kept, and believed as long as no case of that month has changed.
Open cases, whose figures move with the clock, and months that are not over are counted each time. The stamp of a month
is read at the same moment as its figures, so that no change slips between.
"""

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, literal, select, union_all
from sqlalchemy.orm import Session

from cases.deadlines import Calendar
from cases.figures_model import RememberedFigures
from cases.measures import MEASURES, Filter, by_time, chosen, narrowed, next_month
from cases.model import Case
from cases.statistics import Figures, Line, counting, dimension, figures_from, lines_where
from cases.workflow import OPEN
from cases.working_time import WorkingTime
from core.db import insert_once

LEAST = 100  # ended cases: fewer are counted as quickly as they are remembered
KEPT = timedelta(days=90)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
# Undelivered answers lie in the outbox, whose changes the stamp of a month does not tell: counted each time.
OF_A_CASE = {name: measure for name, measure in MEASURES.items() if name != "undelivered"}


@dataclass(frozen=True)
class Counted:
    """The figures of one month, worth keeping."""

    key: str
    stamp: str
    lines: bytes


def figures(
    session: Session, scope: ColumnElement[bool], calendar: Calendar, filters: Filter, now: datetime, by: str
) -> tuple[Figures, list[Counted]]:
    """What `statistics.figures` says, and what of it to `keep`."""
    clock, ended = WorkingTime(calendar), Case.status.not_in(OPEN)
    months = _whole_months(filters, now)
    lines: dict[str, Line] = {}
    live = and_(scope, chosen(filters), Case.status.in_(OPEN))
    _add(lines, lines_where(session, live, by, now, clock, way="open"))
    for rest in _around(filters, months):
        _add(lines, lines_where(session, and_(scope, chosen(rest), ended), by, now, clock))
    counted = []
    for month, key, stamp, known in _remembered(session, scope, calendar, filters, months, by):
        found = _unpack(known) if known is not None else _count(session, scope, month, by, now, clock)
        if known is None and _worth_keeping(found):
            counted.append(Counted(key, stamp, _pack(found)))
        _add(lines, found)
    if months:
        _add_undelivered(session, and_(scope, ended), replace(months[0], last=months[-1].last), by, now, lines)
    return figures_from(lines, filters, now, by), counted


def missing(
    session: Session, scope: ColumnElement[bool], calendar: Calendar, filters: Filter, now: datetime, by: str
) -> list[Counted]:
    """What `figures` would have to count of whole months, counted; for the worker, before somebody asks."""
    clock = WorkingTime(calendar)
    counted = []
    for month, key, stamp, known in _remembered(session, scope, calendar, filters, _whole_months(filters, now), by):
        found = _count(session, scope, month, by, now, clock) if known is None else {}
        if _worth_keeping(found):
            counted.append(Counted(key, stamp, _pack(found)))
    return counted


def stamp_of(session: Session, filters: Filter, now: datetime) -> str:
    """What differs after any change of the cases of these months."""
    return " ".join(_stamps(session, _whole_months(filters, now)).values())


def _count(
    session: Session, scope: ColumnElement[bool], month: Filter, by: str, now: datetime, clock: WorkingTime
) -> dict[str, Line]:
    where = and_(scope, chosen(month), Case.status.not_in(OPEN))
    return lines_where(session, where, by, now, clock, measures=OF_A_CASE)


def _worth_keeping(lines: Mapping[str, Line]) -> bool:
    return sum(line.counts["received"] for line in lines.values()) >= LEAST


def keep(session: Session, counted: Sequence[Counted], now: datetime) -> None:
    """For the next who asks; what nobody has counted anew for a long time goes."""
    keys = [one.key for one in counted]
    session.execute(delete(RememberedFigures).where(RememberedFigures.at < now - KEPT))
    session.execute(delete(RememberedFigures).where(RememberedFigures.key.in_(keys)))
    for one in counted:
        insert_once(session, RememberedFigures, {**vars(one), "at": now})


def _remembered(
    session: Session, scope: ColumnElement[bool], calendar: Calendar, filters: Filter, months: Sequence[Filter], by: str
) -> Iterator[tuple[Filter, str, str, bytes | None]]:
    """Every month in which cases were filed, with its key, its stamp, and what is known of it at this stamp."""
    stamps = _stamps(session, months)
    print_ = _print(session, and_(scope, *narrowed(filters)), calendar, by)
    keys = {month: hashlib.sha256(f"{print_} {month.first}".encode()).hexdigest() for month in stamps}
    rows = session.execute(
        select(RememberedFigures.key, RememberedFigures.stamp, RememberedFigures.lines).where(
            RememberedFigures.key.in_(keys.values())
        )
    )
    known = {(key, stamp): lines for key, stamp, lines in rows}
    for month, stamp in stamps.items():
        yield month, keys[month], stamp, known.get((keys[month], stamp))


def _stamps(session: Session, months: Sequence[Filter]) -> dict[Filter, str]:
    """What differs after any change of a month's cases: how many, which, and how often they were changed."""
    if not months:
        return {}
    sums = (func.count(), func.coalesce(func.sum(Case.id), 0), func.coalesce(func.sum(Case.changes), 0))
    parts = [
        by_time(select(literal(place), *sums).where(Case.opened_at >= month.start, Case.opened_at < month.end))
        for place, month in enumerate(months)
    ]
    rows = session.execute(union_all(*parts)).all()
    return {months[place]: f"{count}.{ids}.{changes}" for place, count, ids, changes in sorted(rows) if count}


def _print(session: Session, where: ColumnElement[bool], calendar: Calendar, by: str) -> str:
    """All that the figures of a month depend on besides its cases: who asks, for what, how it is counted."""
    query = counting(session, where, by, LONG_AGO, measures=OF_A_CASE).compile(session.get_bind())
    days = calendar.shifts, sorted(calendar.weekdays), sorted(calendar.off), sorted(calendar.work)
    values = sorted((name, repr(_in_order(value))) for name, value in query.params.items())
    return hashlib.sha256(repr((str(query), values, days)).encode()).hexdigest()


def _in_order(value: Any) -> Any:
    """Sets of states come in another order in every process; what one has counted is for all."""
    return sorted(map(str, value)) if isinstance(value, list | tuple | set | frozenset) else value


def _whole_months(filters: Filter, now: datetime) -> list[Filter]:
    """The months that lie in the period with all their days and are over."""
    found = []
    first = filters.first if filters.first.day == 1 else next_month(filters.first)
    while (last := next_month(first) - timedelta(days=1)) <= filters.last:
        month = replace(filters, first=first, last=last)
        if month.end > now:
            break
        found.append(month)
        first = next_month(first)
    return found


def _around(filters: Filter, months: Sequence[Filter]) -> Iterator[Filter]:
    """The days before and after them."""
    if not months:
        yield filters
        return
    before, after = months[0].first - timedelta(days=1), months[-1].last + timedelta(days=1)
    if filters.first <= before:
        yield replace(filters, last=before)
    if after <= filters.last:
        yield replace(filters, first=after)


def _add_undelivered(
    session: Session, scope: ColumnElement[bool], period: Filter, by: str, now: datetime, lines: Mapping[str, Line]
) -> None:
    key, undelivered = dimension(session, by), MEASURES["undelivered"](Case, now)
    query = select(key, func.count()).where(scope, chosen(period), undelivered).group_by(key)
    for name, count in session.execute(by_time(query, way="named")):
        lines["" if name is None else str(name)].counts["undelivered"] += count


def _add(lines: dict[str, Line], more: Mapping[str, Line]) -> None:
    for key, line in more.items():
        lines.setdefault(key, Line(key)).add(line)


def _pack(lines: Mapping[str, Line]) -> bytes:
    plain = [[one.key, one.counts, one.stars, sorted(one.answer), sorted(one.handled)] for one in lines.values()]
    return zlib.compress(json.dumps(plain).encode(), 1)


def _unpack(packed: bytes) -> dict[str, Line]:
    found: list[list[Any]] = json.loads(zlib.decompress(packed))
    return {line[0]: Line(*line) for line in found}
