"""Months of the dashboard counted before anybody asks, so that no officer waits for years; called by the worker.

Whoever leads the city or an old district sees the figures of many cases: for each of them every breakdown is counted, a
quarter of a year at a time. A month that is remembered and has not changed costs a look at its stamp.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases import remembered
from cases.deadlines import LOCAL, Calendar
from cases.measures import Filter
from cases.model import Case, Officer, Unit
from cases.officers import may_see_figures
from cases.queries import visible_to
from cases.remembered import Counted
from cases.statistics import DIMENSIONS

BREAKDOWNS = (*DIMENSIONS, "month")


@dataclass(frozen=True)
class Piece:
    """What one officer will ask: a breakdown of a quarter of a year, whose cases were as `stamp` says."""

    officer_id: int
    by: str
    quarter: Filter
    stamp: str


def pieces(session: Session, now: datetime) -> Sequence[Piece]:
    """All there is to look at, the newest quarter first; the same piece again has nothing new in it."""
    oldest = session.scalar(select(func.min(Case.opened_at)))
    if oldest is None:
        return ()
    quarters = _quarters(oldest.astimezone(LOCAL).date(), now.astimezone(LOCAL).date())
    leading = select(Officer).join(Unit, Unit.id == Officer.unit_id).where(Officer.active, Unit.kind != "ward")
    officers = [officer for officer in session.scalars(leading.order_by(Officer.id)) if may_see_figures(officer)]
    return [
        Piece(officer.id, by, quarter, stamp)
        for quarter, stamp in ((quarter, remembered.stamp_of(session, quarter, now)) for quarter in quarters)
        for officer in officers
        for by in BREAKDOWNS
    ]


def count(session: Session, calendar: Calendar, piece: Piece, now: datetime) -> list[Counted]:
    """What of this piece has not been counted as it stands, to be kept by `remembered.keep`."""
    officer = session.get(Officer, piece.officer_id)
    if officer is None:
        return []
    return remembered.missing(session, visible_to(session, officer), calendar, piece.quarter, now, piece.by)


def _quarters(first: date, last: date) -> Sequence[Filter]:
    starts = []
    start = date(first.year, (first.month - 1) // 3 * 3 + 1, 1)
    while start <= last:
        starts.append(start)
        start = _later(start)
    return [Filter(start, date.fromordinal(_later(start).toordinal() - 1)) for start in reversed(starts)]


def _later(start: date) -> date:
    return date(start.year + start.month // 10, (start.month + 2) % 12 + 1, 1)
