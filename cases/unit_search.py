"""Units by what a person types, with or without accents; called by the desk, whose forms and filters it fills."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.codes import fold
from cases.model import Unit
from cases.queries import subtree


def find_units(session: Session, text: str = "", *, closed: bool = False) -> list[Unit]:
    """Open units (or all) whose name holds every typed word, city and areas before wards, by name."""
    words = fold(text).split()
    query = select(Unit)
    units = session.scalars(query if closed else query.where(Unit.active)).all()
    return _ordered([unit for unit in units if all(word in _searched(unit) for word in words)])


def units_below(session: Session, unit_id: str) -> list[Unit]:
    """A unit and everything in its subtree, in the order of `find_units`."""
    return _ordered(session.scalars(select(Unit).where(Unit.id.in_(subtree(session, unit_id)))).all())


def _searched(unit: Unit) -> str:
    """People still look for areas as the districts they were."""
    return fold(unit.name) + (" quan huyen thi xa" if unit.kind == "area" else "")


def _ordered(units: Sequence[Unit]) -> list[Unit]:
    rank = {"city": 0, "area": 1, "ward": 2}
    return sorted(units, key=lambda unit: (rank[unit.kind], fold(unit.name)))
