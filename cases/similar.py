"""Which cases are like one another: for a citizen about to file, for an officer, for incidents; called by all three.

Candidates come by an index (ward, category, day), the newest and never more than some; how alike they are says
`likeness`. Deterministic: the same store and the same words give the same answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, load_only

from cases.categories import Categories
from cases.conflict import is_masked
from cases.likeness import OFFERED, SAME, UNKNOWN, Report, place_likeness, score
from cases.model import Case, CaseEvent
from cases.workflow import OPEN

WITHIN = timedelta(days=30)
MOST_COMPARED = 60
_COMPARED = (
    Case.code,
    Case.duplicate_of_id,
    Case.description,
    Case.address,
    Case.lat,
    Case.lon,
    Case.category,
    Case.opened_at,
)


@dataclass(frozen=True)
class Matter:
    """What somebody is about to report, as far as it is compared; ids of units as in a draft."""

    conversation_id: int
    category: str
    report: Report
    ward_id: str | None
    area_id: str | None
    likely: tuple[str, ...] = ()  # further categories it may belong to: burning garbage is waste or pollution

    @property
    def categories(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.category, *self.likely)))


@dataclass(frozen=True)
class Likeness:
    """A case and how much it is like the one it was compared with, from 0 to 1."""

    case: Case
    score: float

    @property
    def may_be_the_same(self) -> bool:
        return self.score >= OFFERED


def report_of(case: Case) -> Report:
    return Report(case.description, case.address, case.lat, case.lon)


def of_place(categories: Sequence[str], ward_id: str | None, since: datetime) -> ColumnElement[bool]:
    """Cases of these kinds in one ward since then: what all who look for alike cases begin with."""
    return and_(Case.ward_id == ward_id, Case.category.in_(categories), Case.opened_at >= since)


def not_masked() -> ColumnElement[bool]:
    return and_(Case.about_unit_id.is_(None), Case.about_officer_id.is_(None))


def ranked(report: Report, cases: Sequence[Case]) -> list[Likeness]:
    """The most alike first, of equal ones the newest."""
    found = [Likeness(case, score(report, report_of(case))) for case in cases]
    return sorted(found, key=lambda one: (-one.score, -one.case.id))


def joinable(session: Session, categories: Categories, matter: Matter, now: datetime) -> Case | None:
    """The open case of somebody else that is most like this matter, at a place known to be the same; None when none.

    Never one that is about an office or a person, nor one whose reporter wants no name.
    """
    if not categories[matter.category].joinable or matter.ward_id is None:
        return None
    kinds = [code for code in matter.categories if categories[code].joinable]
    theirs = (Case.status.in_(OPEN), not_masked(), Case.conversation_id != matter.conversation_id)
    found = [case for place in _places(matter, kinds, now) for case in _newest(session, place, *theirs)]
    for one in ranked(matter.report, found):
        if not one.may_be_the_same:
            return None
        placed = place_likeness(matter.report, report_of(one.case)) > UNKNOWN
        if placed and one.case.duplicate_of_id is None and not is_anonymous(session, one.case):
            return one.case
    return None


def may_be_joined(session: Session, categories: Categories, case: Case) -> bool:
    """Whether a case that was offered may still be joined: it may have ended or been marked in the meantime."""
    offered = case.status in OPEN and categories[case.category].joinable
    return offered and not is_masked(case) and not is_anonymous(session, case)


def own_same(session: Session, matter: Matter, now: datetime, filed_now: str = "") -> Case | None:
    """The citizen's own open case that is this very matter; in doubt None, for then a new one is filed.

    `filed_now` begins the source of cases that came of this very message: its matters are several, not one again.
    """
    mine = [Case.conversation_id == matter.conversation_id, Case.category.in_(matter.categories)]
    mine += [Case.status.in_(OPEN), Case.opened_at > now - WITHIN]
    ward, area = Case.ward_id.is_(None), Case.area_id.is_(None)
    mine += [or_(ward, Case.ward_id == matter.ward_id) if matter.ward_id else ward]
    mine += [or_(area, Case.area_id == matter.area_id)] if matter.area_id else []
    mine += [~Case.source.startswith(filed_now, autoescape=True)] if filed_now else []
    found = ranked(matter.report, _newest(session, *mine))
    return found[0].case if found and found[0].score >= SAME else None


def is_anonymous(session: Session, case: Case) -> bool:
    """Whether the reporter asked for no name."""
    opened = select(CaseEvent.data).where(CaseEvent.case_id == case.id, CaseEvent.kind == "opened")
    return any(data.get("anonymous") for data in session.scalars(opened))


def _places(matter: Matter, kinds: Sequence[str], now: datetime) -> Sequence[ColumnElement[bool]]:
    """In the ward, and in its old district where a case could not be placed any better: one query, one index each."""
    here = of_place(kinds, matter.ward_id, now - WITHIN)
    unplaced = and_(of_place(kinds, None, now - WITHIN), Case.area_id == matter.area_id)
    return (here, unplaced) if matter.area_id else (here,)


def _newest(session: Session, *conditions: ColumnElement[bool]) -> Sequence[Case]:
    """Only what is compared is read of each; the one that is found reads the rest of itself."""
    query = select(Case).where(*conditions).order_by(Case.opened_at.desc(), Case.id.desc())
    return session.scalars(query.limit(MOST_COMPARED).options(load_only(*_COMPARED))).all()
