"""Who decides when units do not agree: the coordinator of the unit above both; called by service and clocks."""

from collections.abc import Sequence

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from cases.model import Case, Officer, Unit
from cases.officers import Role
from cases.workflow import OPEN

MOST_HOPS = 2  # the second handing on is one too many: the case stops wandering


def destination(session: Session, case: Case, officer: Officer, wanted: Unit) -> tuple[Unit, Officer | None]:
    """Where a transfer leads, and to whom: to the coordinator above both when officers hand it on a second time.

    Handing down is placing a case, not passing it on, and what a coordinator decides is not counted against them.
    """
    if officer.role == Role.COORDINATOR or case.unit_id in line_up(session, wanted.id):
        return wanted, None
    case.hops += 1
    coordinator = coordinator_above(session, case.unit_id, wanted.id) if case.hops >= MOST_HOPS else None
    if coordinator is None:
        return wanted, None
    return session.get_one(Unit, coordinator.unit_id), coordinator


def line_up(session: Session, unit_id: str) -> Sequence[str]:
    """The units above this one, the nearest first; the city is the last and has none."""
    above: list[str] = []
    parent = session.get_one(Unit, unit_id).parent_id
    while parent is not None:
        above.append(parent)
        parent = session.get_one(Unit, parent).parent_id
    return above


def unit_above(session: Session, one: str, other: str) -> str | None:
    """The nearest unit above both; None when one of them is the city itself."""
    around = set(line_up(session, other))
    return next((unit for unit in line_up(session, one) if unit in around), None)


def coordinator_above(session: Session, one: str, other: str) -> Officer | None:
    """The coordinator of the unit above both, or of the next one up that has any; the one with the fewest open cases.

    A transfer to or from the city itself has nobody above both: then the city's own coordinator decides.
    """
    start = unit_above(session, one, other)
    candidates = [start, *line_up(session, start)] if start else [one if not line_up(session, one) else other]
    for unit_id in candidates:
        found = _least_busy(session, unit_id)
        if found is not None:
            return found
    return None


def units_with_keepers(session: Session, unit_id: str) -> Sequence[str]:
    """The line up without units in which nobody would look; the city stays in it whoever works there."""
    above = line_up(session, unit_id)
    keepers = select(Officer.unit_id).where(
        Officer.active, Officer.role.in_((Role.SUPERVISOR, Role.COORDINATOR)), Officer.unit_id.in_(above)
    )
    kept = set(session.scalars(keepers.distinct()))
    return [unit for unit in above if unit in kept or unit == above[-1]]


def _least_busy(session: Session, unit_id: str) -> Officer | None:
    load = func.count(Case.id)
    query = (
        select(Officer)
        .outerjoin(Case, and_(Case.officer_id == Officer.id, Case.status.in_(OPEN)))
        .where(Officer.unit_id == unit_id, Officer.role == Role.COORDINATOR, Officer.active.is_(True))
        .group_by(Officer.id)
        .order_by(load, Officer.id)
    )
    return session.scalars(query).first()
