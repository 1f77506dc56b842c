"""What is counted: the filter of the figures and one condition for every figure; called by statistics and desk.

A figure and the list behind it are the same condition, so the list holds exactly the cases that were counted. The
conditions are written over names that `Case` and a frozen `SnapshotCase` share. Definitions for people, by the same
keys, are in `catalogue/figures.yml`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from sqlalchemy import ColumnElement, Select, and_, false, not_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from cases.clocks import RUNNING
from cases.deadlines import LOCAL
from cases.figures_model import SnapshotCase
from cases.model import Case
from cases.workflow import OPEN, Status
from core.model import Outbound

Cases = type[Case] | type[SnapshotCase]
Way = Literal["figures", "endings", "open", "named"]
Condition = Callable[[Cases, datetime], ColumnElement[bool]]

DEALT_WITH = frozenset({Status.RESOLVED, Status.REFUSED})
WAYS: Mapping[Way, str] = {
    "figures": "INDEXED BY ix_cases_figures",
    "endings": "INDEXED BY ix_cases_endings",
    "open": "INDEXED BY ix_cases_status_due_at",
    "named": "NOT INDEXED",
}
FEW = 10  # below this a share says little, and the page says so
SATISFIED = 4  # of 5
AGES = (("age_3", 0, 3), ("age_7", 3, 7), ("age_15", 7, 15), ("age_30", 15, 30), ("age_more", 30, None))


@dataclass(frozen=True)
class Filter:
    """Cases filed on local days `first` to `last`, narrowed to what is not ""; the names are those of the address."""

    first: date
    last: date
    ward: str = ""  # unit id, or "none" for cases without one
    area: str = ""
    category: str = ""
    channel: str = ""
    urgency: str = ""
    officer: str = ""
    refused_for: str = ""

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time(), LOCAL)

    @property
    def end(self) -> datetime:
        return datetime.combine(self.last + timedelta(days=1), time(), LOCAL)

    def address(self) -> dict[str, Any]:
        """As it stands in an address and in a stored job."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values |= {"first": self.first.isoformat(), "last": self.last.isoformat()}
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True)
class Definition:
    """What a figure is called, in short and in full, and how it is counted."""

    label: str
    short: str
    definition: str


NARROWED = {
    "ward": "ward_id",
    "area": "area_id",
    "category": "category",
    "channel": "channel",
    "urgency": "urgency",
    "officer": "officer_id",
    "refused_for": "refused_for",
}


def filter_of(values: Mapping[str, str]) -> Filter:
    """Back from an address; raises ValueError or KeyError when the days cannot be read."""
    first, last = date.fromisoformat(values["first"]), date.fromisoformat(values["last"])
    return Filter(first, last, **{name: values[name] for name in NARROWED if name in values})


def chosen(filters: Filter, cases: Cases = Case) -> ColumnElement[bool]:
    """The cases the figures are about."""
    found = [cases.opened_at >= filters.start, cases.opened_at < filters.end]
    return and_(*found, *narrowed(filters, cases))


def narrowed(filters: Filter, cases: Cases = Case) -> list[ColumnElement[bool]]:
    """The same without the period."""
    found: list[ColumnElement[bool]] = []
    for name, column_name in NARROWED.items():
        value: str = getattr(filters, name)
        column: InstrumentedAttribute[Any] = getattr(cases, column_name)
        if value == "none":
            found.append(column.is_(None))
        elif value and name == "officer":
            found.append(column == int(value) if value.isdecimal() and len(value) < 10 else false())
        elif value:
            found.append(column == value)
    return found


def narrow(filters: Filter, by: str, key: str) -> Filter:
    """The filter of one line of a breakdown: one ward, one category, one month."""
    if by != "month":
        changed: dict[str, Any] = {by: key or "none"}
        return replace(filters, **changed)
    month = month_of(key)
    return replace(filters, first=max(filters.first, month.first), last=min(filters.last, month.last))


def month_of(key: str) -> Filter:
    """ "2026-11" as the days it has; raises ValueError for what is no month."""
    first = date.fromisoformat(f"{key}-01")
    return Filter(first, next_month(first) - timedelta(days=1))


def next_month(day: date) -> date:
    """The first day of the month after this day's."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def with_dots(value: int) -> str:
    """A number as people read it: "12.345"."""
    return f"{value:,}".replace(",", ".")


def by_time[*T](query: Select[*T], cases: Cases = Case, way: Way = "figures") -> Select[*T]:
    """Walk along the period: without being told, SQLite takes the index of a state or unit and reads years of cases.

    Of open cases there are few, and of those that a query names by their ids: these are looked up.
    """
    return query.with_hint(Case, WAYS[way], "sqlite") if cases is Case else query


def _is_open(cases: Cases, _now: datetime) -> ColumnElement[bool]:
    return cases.status.in_(OPEN)


def _closed(cases: Cases, _now: datetime) -> ColumnElement[bool]:
    return cases.status.in_(DEALT_WITH)


def _set_aside(cases: Cases, _now: datetime) -> ColumnElement[bool]:
    """Ended without being dealt with: another case stands for it, or it was no matter at all."""
    return cases.status.not_in(OPEN | DEALT_WITH)


def _late_now(cases: Cases, now: datetime) -> ColumnElement[bool]:
    return and_(cases.status.in_(RUNNING), cases.due_at < now)


def _ever_late(cases: Cases, now: datetime) -> ColumnElement[bool]:
    return or_(cases.late_at.is_not(None), _late_now(cases, now))


def _unreceived(cases: Cases, now: datetime) -> ColumnElement[bool]:
    waits = and_(cases.status.in_(RUNNING), cases.received_at.is_(None), cases.receive_by < now)
    return or_(cases.unreceived_at.is_not(None), waits)


def _undelivered(cases: Cases, _now: datetime) -> ColumnElement[bool]:
    if cases is SnapshotCase:
        return SnapshotCase.undelivered.is_(True)
    dead = select(Outbound.case_id).where(Outbound.status == "dead", Outbound.case_id.is_not(None))
    return cases.id.in_(dead)


def _aged(least: int, most: int | None) -> Condition:
    """Open for at least `least` and less than `most` days of 24 hours."""

    def condition(cases: Cases, now: datetime) -> ColumnElement[bool]:
        young = cases.opened_at > now - timedelta(days=most) if most is not None else true()
        return and_(_is_open(cases, now), cases.opened_at <= now - timedelta(days=least), young)

    return condition


MEASURES: Mapping[str, Condition] = {
    "received": lambda cases, now: true(),
    "closed": _closed,
    "set_aside": _set_aside,
    "open": _is_open,
    "waiting": lambda cases, now: cases.status.in_(OPEN - RUNNING),
    "late_now": _late_now,
    "ever_late": _ever_late,
    "on_time": lambda cases, now: and_(_closed(cases, now), not_(_ever_late(cases, now))),
    "judged": lambda cases, now: and_(not_(_set_aside(cases, now)), or_(_closed(cases, now), _ever_late(cases, now))),
    "unreceived": _unreceived,
    "answered": lambda cases, now: cases.first_answer_at.is_not(None),
    "handled": lambda cases, now: and_(_closed(cases, now), cases.resolved_at.is_not(None)),
    "ever_closed": lambda cases, now: or_(_closed(cases, now), cases.reopened_count > 0),
    "not_done": lambda cases, now: cases.false_closures > 0,
    "rated": lambda cases, now: cases.rating.is_not(None),
    "satisfied": lambda cases, now: cases.rating >= SATISFIED,
    "refused": lambda cases, now: cases.status == Status.REFUSED,
    "undelivered": _undelivered,
    "escalated": lambda cases, now: and_(_is_open(cases, now), cases.escalated_to.is_not(None)),
    "demo": lambda cases, now: cases.is_demo.is_(True),
    **{key: _aged(least, most) for key, least, most in AGES},
}


@cache
def load_definitions(folder: Path | None = None) -> Mapping[str, Definition]:
    """The words for every measure and share of the figures."""
    path = (folder or Path(__file__).with_name("catalogue")) / "figures.yml"
    return {key: Definition(**entry) for key, entry in yaml.safe_load(path.read_text("utf-8")).items()}
