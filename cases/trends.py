"""What moves over time: twelve months side by side, what rises faster than usual; called by desk and monthly_report."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, literal, not_, or_, select, union_all
from sqlalchemy.orm import Session

from cases.deadlines import LOCAL
from cases.measures import MEASURES, Cases, Filter, by_time, chosen, narrowed, next_month
from cases.model import Case
from cases.statistics import number

SURGE_DAYS, USUAL_WEEKS = 7, 4
SURGE_LEAST, SURGE_TIMES = 5, 3


@dataclass(frozen=True)
class Month:
    """Cases filed in a month, and cases closed in it whenever they were filed."""

    key: str  # 2026-11
    received: int
    closed: int


@dataclass(frozen=True)
class Surge:
    """A kind of case in a place that came `count` times in the last week, `usual` times in an ordinary one."""

    category: str
    ward: str  # "" for cases without a ward
    count: int
    usual: float
    filters: Filter


@dataclass(frozen=True)
class Balance:
    """What came into a period and what left it: carried + received = closed + remaining, always."""

    carried: int
    received: int
    closed: int
    closed_on_time: int
    remaining: int
    remaining_late: int


def balance(
    session: Session, scope: ColumnElement[bool], filters: Filter, now: datetime, cases: Cases = Case
) -> Balance:
    """Cases of a period as an office counts them; what is closed after the period, up to now, counts as closed."""
    start, end = filters.start, filters.end
    is_open, late = MEASURES["open"](cases, now), MEASURES["late_now"](cases, now)
    left = and_(not_(is_open), cases.resolved_at >= start)
    query = select(
        number(and_(cases.opened_at < start, or_(is_open, left))),
        number(cases.opened_at >= start),
        number(or_(left, and_(cases.opened_at >= start, not_(is_open)))),
        number(and_(or_(left, and_(cases.opened_at >= start, not_(is_open))), cases.late_at.is_(None))),
        number(is_open),
        number(and_(is_open, late)),
    ).where(scope, *narrowed(filters, cases), cases.opened_at < end)
    return Balance(*map(int, session.execute(query).one()))


def twelve_months(session: Session, scope: ColumnElement[bool], filters: Filter, now: datetime) -> list[Month]:
    """The month in which the filter ends and the eleven before; the filter's days are set aside."""
    keys = _months_until(filters.last)
    edges = [datetime.combine(date.fromisoformat(f"{key}-01"), datetime.min.time(), LOCAL) for key in keys]
    edges.append(datetime.combine(next_month(filters.last), datetime.min.time(), LOCAL))
    counts = []
    for name, column in (("received", Case.opened_at), ("handled", Case.resolved_at)):
        where = and_(scope, *narrowed(filters), MEASURES[name](Case, now))
        # A count for each month walks along an index; grouping by a month that is worked out for each case does not.
        counts += [
            by_time(
                select(literal(name), literal(key), func.count()).where(where, column >= start, column < end),
                way="endings" if name == "handled" else "figures",
            )
            for key, start, end in zip(keys, edges, edges[1:], strict=False)
        ]
    found = {(name, key): count for name, key, count in session.execute(union_all(*counts))}
    return [Month(key, found["received", key], found["handled", key]) for key in keys]


def surges(session: Session, scope: ColumnElement[bool], filters: Filter, now: datetime) -> list[Surge]:
    """Whatever days are shown, this looks at the last seven days, today included, and the four weeks before."""
    today = now.astimezone(LOCAL).date()
    week = replace(filters, first=today - timedelta(days=SURGE_DAYS - 1), last=today)
    before = replace(
        filters,
        first=week.first - timedelta(days=SURGE_DAYS * USUAL_WEEKS),
        last=week.first - timedelta(days=1),
    )
    recent, usual = _kinds(session, scope, week), _kinds(session, scope, before)
    found = [
        Surge(
            category,
            ward,
            count,
            usual.get((category, ward), 0) / USUAL_WEEKS,
            replace(week, category=category, ward=ward or "none"),
        )
        for (category, ward), count in recent.items()
    ]
    rising = [one for one in found if one.count >= SURGE_LEAST and one.count >= SURGE_TIMES * one.usual]
    return sorted(rising, key=lambda one: (-one.count, one.category, one.ward))


def _kinds(session: Session, scope: ColumnElement[bool], filters: Filter) -> dict[tuple[str, str], int]:
    query = select(Case.category, Case.ward_id, func.count()).where(scope, chosen(filters))
    rows = session.execute(by_time(query.group_by(Case.category, Case.ward_id)))
    return {(category, ward or ""): count for category, ward, count in rows}


def _months_until(last: date) -> list[str]:
    months = [last.year * 12 + last.month - 1 - back for back in reversed(range(12))]
    return [f"{month // 12}-{month % 12 + 1:02d}" for month in months]
