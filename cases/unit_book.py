"""The units as an administrator keeps them: name, contact, open or closed. Called by desk.

The tree itself is law and comes from the catalogue; a closed unit receives nothing new and keeps what it has.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases import audit
from cases.model import Case, Officer, Unit
from cases.place_types import CITY_ID
from cases.queries import NotFoundError
from cases.workflow import OPEN
from core.db import ROW_LOCK


class RootUnitError(Exception):
    """The city itself cannot be closed: what nobody else may have lands there."""


def unit_for(session: Session, unit_id: str, *, lock: bool = False) -> Unit:
    """The unit; raises NotFoundError."""
    query = select(Unit).where(Unit.id == unit_id)
    found = session.scalars(query.with_for_update(**ROW_LOCK) if lock else query).first()
    if found is None:
        raise NotFoundError(unit_id)
    return found


def change(session: Session, unit: Unit, name: str, contact: str, active: bool, by: Officer, now: datetime) -> None:
    """Write down what differs; raises RootUnitError."""
    if unit.id == CITY_ID and not active:
        raise RootUnitError(unit.id)
    wanted = {"name": name, "contact": contact, "active": active}
    before = {key: getattr(unit, key) for key in wanted}
    changed: dict[str, Any] = {key: value for key, value in wanted.items() if value != before[key]}
    if not changed:
        return
    for key, value in changed.items():
        setattr(unit, key, value)
    audit.note(
        session, by.id, "unit_changed", f"unit:{unit.id}", now, before={k: before[k] for k in changed}, **changed
    )


def open_cases(session: Session) -> dict[str, int]:
    """How many open cases are in the queue of each unit that has any."""
    query = select(Case.unit_id, func.count(Case.id)).where(Case.status.in_(OPEN)).group_by(Case.unit_id)
    return {unit_id: number for unit_id, number in session.execute(query)}


def officers_of(session: Session) -> dict[str, int]:
    """How many open accounts each unit that has any has."""
    query = select(Officer.unit_id, func.count(Officer.id)).where(Officer.active).group_by(Officer.unit_id)
    return {unit_id: number for unit_id, number in session.execute(query)}
