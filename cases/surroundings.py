"""What lies around a case: alike and earlier ones, old names of its place, colleagues; read by the case page."""

import csv
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, joinedload

from cases import similar
from cases.model import Case, Officer, Unit
from cases.officers import may_act
from cases.place_types import METRES_PER_DEGREE
from cases.queries import subtree, visible_to
from cases.similar import Likeness

SHOWN = 5


def alike(session: Session, officer: Officer, case: Case, now: datetime) -> Sequence[Likeness]:
    """Cases of the same kind in the same ward of the last month that this officer sees, the most alike first."""
    since = now - similar.WITHIN
    here = (Case.unit_id == case.unit_id, Case.category == case.category, Case.opened_at >= since)
    place = similar.of_place([case.category], case.ward_id, since) if case.ward_id else and_(*here)
    query = select(Case).where(visible_to(session, officer), place, Case.id != case.id, Case.unit_id == case.unit_id)
    newest = query.order_by(Case.opened_at.desc(), Case.id.desc()).limit(similar.MOST_COMPARED)
    return similar.ranked(similar.report_of(case), session.scalars(newest).all())[:SHOWN]


def earlier(session: Session, officer: Officer, case: Case) -> Sequence[Case]:
    """Other cases of the same citizen that this officer sees; never those in which the reporter is masked."""
    open_ones = (Case.about_unit_id.is_(None), Case.about_officer_id.is_(None))
    query = select(Case).where(visible_to(session, officer), *open_ones, Case.id != case.id)
    query = query.where(Case.conversation_id == case.conversation_id)
    return session.scalars(query.order_by(Case.opened_at.desc(), Case.id.desc()).limit(SHOWN)).all()


def colleagues(session: Session, officer: Officer, case: Case) -> list[Officer]:
    """Whom this officer may give the case: those who work in its unit or above it, inside this officer's own scope."""
    mine = set(subtree(session, officer.unit_id))
    line: set[str] = set()
    here: str | None = case.unit_id
    while here is not None:
        line.add(here)
        here = session.get_one(Unit, here).parent_id
    query = select(Officer).where(Officer.active.is_(True), Officer.unit_id.in_(line & mine))
    people = session.scalars(query.options(joinedload(Officer.unit)).order_by(Officer.name)).all()
    involved = {case.officer_id, case.about_officer_id}
    return [one for one in people if may_act(one) and one.id not in involved and one.unit_id != case.about_unit_id]


def unit_names(session: Session) -> Mapping[str, Unit]:
    """Every unit by its id."""
    return {unit.id: unit for unit in session.scalars(select(Unit))}


def old_names_of(unit: Unit | None) -> Sequence[str]:
    """The wards and communes that became (part of) this ward on 1 July 2025, as people still call them."""
    return _old_names().get(unit.code, ()) if unit is not None and unit.kind == "ward" else ()


def metres_from_centre(case: Case) -> tuple[int, int] | None:
    """The pin's distance from its ward's centre, east and north; None without a pin or a ward."""
    if case.lat is None or case.lon is None or case.ward is None:
        return None
    east = (case.lon - case.ward.lon) * METRES_PER_DEGREE * math.cos(math.radians(case.lat))
    return round(east), round((case.lat - case.ward.lat) * METRES_PER_DEGREE)


@cache
def _old_names() -> Mapping[str, Sequence[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    path = Path(__file__).with_name("catalogue") / "legacy_wards.csv"
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for target in row["targets"].split(";"):
                code = target.split()[0]
                found[code].append(row["name"] + ("" if target.split()[1:] == ["whole"] else " (một phần)"))
    return found
