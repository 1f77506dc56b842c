"""Months as they were reported: frozen with every case counted, computed again, compared; called by desk and worker.

What is frozen are the facts of each case, not only the sums: the sums can be computed from them at any time, and a case
that was corrected later is found by comparing it with its frozen self.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, false, insert, literal, or_, select, true
from sqlalchemy.orm import Session

from cases.deadlines import LOCAL, Calendar
from cases.figures_model import Snapshot, SnapshotCase
from cases.measures import MEASURES, month_of
from cases.model import Case, Officer
from cases.place_types import CITY_ID
from cases.queries import subtree, visible_to
from cases.statistics import Figures, figures
from cases.trends import balance
from cases.workflow import OPEN
from core.db import insert_once

SAME_NAME = tuple(
    column.key for column in SnapshotCase.__mapper__.column_attrs if column.key not in {"snapshot_id", "undelivered"}
)
# What tells where and when a case was, and what it was about; changed afterwards, it moves between lines of the month.
CORRECTED = ("category", "ward_id", "area_id", "urgency", "is_demo", "opened_at")


@dataclass(frozen=True)
class Correction:
    """One difference between a frozen month and today; `code` is None for a case that has been erased by law."""

    code: str
    what: str  # one of CORRECTED, or reopened, added, erased
    was: str
    now: str


def freeze(
    session: Session, calendar: Calendar, month: str, now: datetime, officer_id: int | None = None
) -> Snapshot | None:
    """Freeze a month that is over; None when somebody has frozen it before."""
    values = {"month": month, "as_of": now, "officer_id": officer_id, "totals": {}}
    if not insert_once(session, Snapshot, values):
        return None
    snapshot = session.scalars(select(Snapshot).where(Snapshot.month == month)).one()
    period = month_of(month)
    counted = and_(
        Case.opened_at < period.end, or_(_open_or_closed_since(period.start), Case.opened_at >= period.start)
    )
    columns = [getattr(Case, name) for name in SAME_NAME]
    rows = select(literal(snapshot.id), *columns, MEASURES["undelivered"](Case, now)).where(counted)
    session.execute(insert(SnapshotCase).from_select(["snapshot_id", *_columns(), "undelivered"], rows))
    snapshot.totals = recomputed(session, calendar, snapshot)
    session.flush()
    return snapshot


def recomputed(session: Session, calendar: Calendar, snapshot: Snapshot) -> dict[str, Any]:
    """Every total of a frozen month, from its frozen cases."""
    total = figures_of(session, true(), calendar, snapshot, "month").total
    sums = balance(session, _of(snapshot), month_of(snapshot.month), snapshot.as_of, SnapshotCase)
    return {**total.values(), "balance": asdict(sums)}


def figures_of(
    session: Session, scope: ColumnElement[bool], calendar: Calendar, snapshot: Snapshot, by: str
) -> Figures:
    """The frozen figures along any dimension."""
    where = and_(scope, _of(snapshot))
    return figures(session, where, calendar, month_of(snapshot.month), snapshot.as_of, by, SnapshotCase)


def frozen_scope(session: Session, officer: Officer) -> ColumnElement[bool]:
    """The frozen cases of an officer's part of the city."""
    if not officer.active:
        return false()
    if officer.unit_id == CITY_ID:
        return true()
    return or_(SnapshotCase.unit_id.in_(subtree(session, officer.unit_id)), SnapshotCase.area_id == officer.unit_id)


def corrections(session: Session, officer: Officer, snapshot: Snapshot) -> list[Correction]:
    """What differs today in the frozen cases of the month, as far as this officer may see, by code."""
    found = [*_changed(session, officer, snapshot), *_added(session, officer, snapshot)]
    return sorted(found, key=lambda one: (one.code, one.what))


def listed(session: Session) -> Sequence[Snapshot]:
    """Frozen months, the newest first."""
    return session.scalars(select(Snapshot).order_by(Snapshot.month.desc())).all()


def month_to_freeze(session: Session, now: datetime) -> str | None:
    """Last month, once it is over, unless it is frozen or nothing had come by its end."""
    month = last_month(now)
    known = session.scalars(select(Snapshot.id).where(Snapshot.month == month)).first()
    first = session.scalars(select(Case.id).where(Case.opened_at < month_of(month).end).limit(1)).first()
    return month if known is None and first is not None else None


def last_month(now: datetime) -> str:
    """The month before this one in Hà Nội, as "2026-11"."""
    day = now.astimezone(LOCAL).date().replace(day=1) - timedelta(days=1)
    return f"{day:%Y-%m}"


def _of(snapshot: Snapshot) -> ColumnElement[bool]:
    return SnapshotCase.snapshot_id == snapshot.id


def _open_or_closed_since(start: datetime) -> ColumnElement[bool]:
    return or_(Case.status.in_(OPEN), Case.resolved_at >= start)


def _columns() -> list[str]:
    """The names in the table, in the order of SAME_NAME."""
    return [SnapshotCase.__mapper__.column_attrs[name].columns[0].name for name in SAME_NAME]


def _changed(session: Session, officer: Officer, snapshot: Snapshot) -> Iterator[Correction]:
    reopened = and_(SnapshotCase.status.not_in(OPEN), Case.resolved_at.is_distinct_from(SnapshotCase.resolved_at))
    differs = [getattr(Case, name).is_distinct_from(getattr(SnapshotCase, name)) for name in CORRECTED]
    query = select(SnapshotCase, Case).outerjoin(Case, Case.id == SnapshotCase.id)
    query = query.where(_of(snapshot), frozen_scope(session, officer), or_(Case.id.is_(None), reopened, *differs))
    for frozen, case in session.execute(query):
        if case is None:
            yield Correction(frozen.code, "erased", "", "")
            continue
        for name in CORRECTED:
            was, is_now = getattr(frozen, name), getattr(case, name)
            if was != is_now:
                yield Correction(frozen.code, name, _text(was), _text(is_now))
        if frozen.status not in OPEN and frozen.resolved_at != case.resolved_at:
            yield Correction(frozen.code, "reopened", _text(frozen.resolved_at), _text(case.resolved_at))


def _added(session: Session, officer: Officer, snapshot: Snapshot) -> Iterator[Correction]:
    """Filed in the month by the platform's clock or the spool, but stored after it was frozen."""
    period = month_of(snapshot.month)
    frozen = select(SnapshotCase.id).where(_of(snapshot))
    query = select(Case.code, Case.opened_at).where(
        visible_to(session, officer),
        Case.opened_at >= period.start,
        Case.opened_at < period.end,
        Case.id.not_in(frozen),
    )
    for code, opened in session.execute(query):
        yield Correction(code, "added", "", _text(opened))


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(LOCAL):%H:%M %d/%m/%Y}"
    return "" if value is None else str(value)
