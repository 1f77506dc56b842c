"""The cases behind a figure, by the very condition that counted them; called by desk.reports only."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session, joinedload

from cases.measures import MEASURES, Filter, chosen
from cases.model import Case


def behind(filters: Filter, measure: str, now: datetime) -> ColumnElement[bool]:
    """The condition of a figure under a filter; raises KeyError for an unknown measure."""
    return and_(chosen(filters), MEASURES[measure](Case, now))


def cases_behind(
    session: Session,
    scope: ColumnElement[bool],
    filters: Filter,
    measure: str,
    now: datetime,
    *,
    limit: int = 50,
    offset: int = 0,
) -> tuple[Sequence[Case], int]:
    """A page of them, the oldest first, and how many there are."""
    condition = (scope, behind(filters, measure, now))
    total = session.scalar(select(func.count()).select_from(Case).where(*condition)) or 0
    query = select(Case).where(*condition).order_by(Case.opened_at, Case.id).limit(limit).offset(offset)
    options = (joinedload(Case.unit), joinedload(Case.area), joinedload(Case.officer))
    return session.scalars(query.options(*options)).all(), total
