"""The queue of an officer: what needs them now first, narrowed by filters, in pages by key; called by desk.queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true, tuple_
from sqlalchemy import case as sql_case
from sqlalchemy.orm import Session, joinedload

from cases.model import Case, Officer
from cases.queries import scope_of, subtree, visible_to
from cases.search import matching
from cases.steps import CLOSED, NEEDS_US, RESTS
from cases.workflow import OPEN, Status
from core.vault import Vault

SOON = timedelta(hours=24)
MOST_COUNTED = 1000  # a number that nobody reads to the last digit must not cost a scan of the table
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FEW = frozenset({"answered", "reopened", "offered"})
NEEDS = ("late", "soon", "answered", "reopened", "new", "offered", "doubtful")


@dataclass(frozen=True)
class Filters:
    """What the queue is narrowed to; empty means all. `status` "open" means every open state."""

    status: str = "open"
    need: str = ""  # one of NEEDS: why a case needs somebody
    category: str = ""
    unit_id: str = ""
    text: str = ""
    mine: bool = False


@dataclass(frozen=True)
class Page:
    """Cases in order, the key after which the next page begins ("" when there is none), and how many match in all."""

    cases: Sequence[Case]
    after: str
    total: int
    more_than_counted: bool


@dataclass(frozen=True)
class Counts:
    """The numbers above the queue, over all an officer may see."""

    open: int
    new: int
    late: int
    soon: int
    answered: int
    reopened: int
    mine: int


def queue(
    session: Session,
    vault: Vault,
    officer: Officer,
    filters: Filters,
    now: datetime,
    *,
    after: str = "",
    limit: int = 50,
) -> Page:
    """A page of the officer's queue: since when a case needs them, or until when, decides the order."""
    condition = [visible_to(session, officer), *_conditions(session, vault, officer, filters, now)]
    keys, down = _order(filters)
    query = select(Case).where(*condition)
    start = _read_key(after)
    if start is not None:
        place = tuple_(*keys)
        query = query.where(place < start[-len(keys) :] if down else place > start[-len(keys) :])
    order = [key.desc() if down else key for key in keys]
    if filters.text:  # words are looked up once, for the page and for the number
        places = session.execute(select(Case.id, *keys).where(*condition).order_by(*order).limit(MOST_COUNTED)).all()
        total, read = len(places), start[-len(keys) :] if start else None
        ids = [one[0] for one in places if read is None or (one[1:] < read if down else one[1:] > read)]
        if len(ids) > limit or total < MOST_COUNTED:
            query = select(Case).where(Case.id.in_(ids[: limit + 1]))
    else:
        total = _count(session, select(Case.id).where(*condition))
    query = query.order_by(*order).limit(limit + 1)
    query = query.options(joinedload(Case.unit), joinedload(Case.area), joinedload(Case.officer))
    found = session.scalars(query).all()
    return Page(found[:limit], key_of(found[limit - 1]) if len(found) > limit else "", total, total >= MOST_COUNTED)


def next_case(
    session: Session, vault: Vault, officer: Officer, filters: Filters, now: datetime, *, after: str, current: str
) -> Case | None:
    """The next case of the same queue; from its top again when the end is reached."""
    for start in (after, "") if after else ("",):
        page = queue(session, vault, officer, filters, now, after=start, limit=2)
        found = next((case for case in page.cases if case.code != current), None)
        if found is not None:
            return found
    return None


def counts(session: Session, officer: Officer, now: datetime) -> Counts:
    """All numbers in one walk over the open cases, in an index that holds what they need."""
    mine = [Case.officer_id == officer.id]
    wanted = [[], *(_need(need, now) for need in ("new", "late", "soon", "answered", "reopened")), mine]
    numbers = [func.coalesce(func.sum(sql_case((and_(true(), *one), 1), else_=0)), 0) for one in wanted]
    query = select(*numbers).where(visible_to(session, officer), Case.queue_class < CLOSED)
    return Counts(*session.execute(query).one())


def key_of(case: Case) -> str:
    """A place in the order, for an address: class, microseconds, id."""
    return f"{case.queue_class}.{(case.queue_at - EPOCH) // timedelta(microseconds=1)}.{case.id}"


def _read_key(text: str) -> tuple[int, datetime, int] | None:
    parts = text.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) < 18 for part in parts):
        return None
    place, moment, case_id = (int(part) for part in parts)
    if place > CLOSED or case_id >= 2**31:
        return None
    return place, EPOCH + timedelta(microseconds=min(moment, 10**16)), case_id


def _order(filters: Filters) -> tuple[tuple[ColumnElement[Any], ...], bool]:
    """Open cases by need; whoever looks at closed ones or at all of them wants the newest first."""
    if _looks_at_open(filters):
        # Few cases have such a need, open ones all: they are found by it and sorted. "+ 0" keeps SQLite from
        # walking the whole queue instead.
        first = Case.queue_class + 0 if filters.need in FEW else Case.queue_class.expression
        return (first, Case.queue_at.expression, Case.id.expression), False
    newest = (Case.id.expression,) if not filters.status else (Case.queue_at.expression, Case.id.expression)
    return newest, True


def _looks_at_open(filters: Filters) -> bool:
    return filters.status == "open" and filters.need != "doubtful"


def _class_of(status: str) -> int:
    """The part of the order in which cases of this status stand: it leads to the right index."""
    if status == Status.WAITING_CITIZEN:
        return RESTS
    return NEEDS_US if status in OPEN else CLOSED


def _conditions(
    session: Session, vault: Vault, officer: Officer, filters: Filters, now: datetime
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    looks_at_open = _looks_at_open(filters)
    if looks_at_open and filters.need not in FEW:
        found.append(Case.queue_class < CLOSED)
    elif not looks_at_open and filters.status and filters.need != "doubtful":
        found += [Case.queue_class == _class_of(filters.status), Case.status == filters.status]
    found += _need(filters.need, now)
    if filters.category:
        found.append(Case.category == filters.category)
    if filters.unit_id:
        found.append(or_(Case.unit_id.in_(subtree(session, filters.unit_id)), Case.area_id == filters.unit_id))
    if filters.mine:
        found.append(Case.officer_id == officer.id)
    if filters.text:
        units, area_id = scope_of(session, officer)
        found.append(matching(session, vault, filters.text, units=units, area_id=area_id, is_open=looks_at_open))
    return found


def _need(need: str, now: datetime) -> list[ColumnElement[bool]]:
    waits = Case.queue_class == NEEDS_US
    match need:
        case "late":
            return [waits, Case.queue_at < now, Case.due_at < now]
        case "soon":
            return [waits, Case.due_at >= now, Case.due_at < now + SOON]
        case "answered":
            return [Case.spoke_at <= now, Case.status != Status.REOPENED]
        case "reopened":
            return [Case.status == Status.REOPENED]
        case "new":
            return [Case.status == Status.NEW]
        case "offered":
            return [Case.offered_by_id > ""]
        case "doubtful":
            return [Case.doubts > ""]
    return []


def _count(session: Session, matching_ids: Select[int]) -> int:
    return session.scalar(select(func.count()).select_from(matching_ids.limit(MOST_COUNTED).subquery())) or 0
