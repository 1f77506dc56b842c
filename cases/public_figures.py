"""What the public may read of all cases: counts of finished months, and single requests out of counts that may be told.

Called by portal. Left out everywhere: demo cases, sensitive categories, spam, duplicates, complaints about an office.
A month is told when it is over: counts that grow under somebody's eyes would tell of single people. A request is told
only when the count of its ward, category and month is; it then is one of at least `small_number`. Nothing that was
written, no code, no exact place and no time of day leaves this module.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_
from sqlalchemy.orm import Session, joinedload

from cases.categories import Categories
from cases.deadlines import LOCAL
from cases.model import Case
from cases.suppression import Cell, PublicTable, protect
from cases.workflow import OPEN, Status

LEFT_OUT = (Status.ABUSE, Status.MERGED, Status.WITHDRAWN)
FIRST_MONTH = date(2020, 1, 1)


@dataclass(frozen=True)
class Month:
    """A month of Hà Nội's calendar."""

    first: date

    @property
    def after(self) -> "Month":
        return Month((self.first + timedelta(days=32)).replace(day=1))

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time(), LOCAL)

    @property
    def end(self) -> datetime:
        return self.after.start


@dataclass(frozen=True)
class Wanted:
    """Which requests: opened in [start, end), of these categories (all when empty), open, closed or (None) either."""

    start: datetime
    end: datetime
    categories: Collection[str] = ()
    is_open: bool | None = None


@dataclass(frozen=True)
class PublicRequest:
    """One request with nothing in it that leads to a person: days instead of times, the ward instead of the place."""

    public_id: str
    category: str
    is_open: bool
    unit: str
    ward_id: str
    ward: str
    lat: float
    lon: float
    opened: date
    updated: date
    expected: date


def month_of(text: str) -> Month | None:
    """ "2026-11" as a month; None for anything else."""
    try:
        return Month(date.fromisoformat(f"{text}-01"))
    except ValueError:
        return None


def finished_months(now: datetime, number: int) -> list[Month]:
    """The last months that are over, the newest first."""
    found, first = [], now.astimezone(LOCAL).date().replace(day=1)
    for _ in range(number):
        first = (first - timedelta(days=1)).replace(day=1)
        found.append(Month(first))
    return found


def is_finished(month: Month, now: datetime) -> bool:
    """Whether a month is over and one of those that are shown."""
    return month.first >= FIRST_MONTH and month.end <= now


def table_of(session: Session, categories: Categories, month: Month, threshold: int) -> PublicTable:
    """Counts by ward and category of the cases opened in this month, protected."""
    counted = select(Case.ward_id, Case.category, func.count()).where(_public(categories), _opened_in(month))
    rows = session.execute(counted.group_by(Case.ward_id, Case.category))
    return protect({(ward or "", category): number for ward, category, number in rows}, threshold)


def requests(
    session: Session, tables: Mapping[Month, PublicTable], wanted: Wanted, key: str, *, limit: int, offset: int
) -> list[PublicRequest]:
    """A page of requests, the newest first; `tables` are the protected counts of every month that may be told."""
    if not tables:
        return []
    told = or_(*(_told(month, table) for month, table in tables.items()))
    query = select(Case).where(told, *_conditions(wanted)).order_by(Case.opened_at.desc(), Case.id.desc())
    query = query.options(joinedload(Case.ward), joinedload(Case.unit)).limit(limit).offset(offset)
    return [_request(case, key) for case in session.scalars(query)]


def request(
    session: Session, case_id: int, table_for: Callable[[Month], PublicTable], now: datetime, key: str
) -> PublicRequest | None:
    """One request, if its month is over and its count may be told; None also when there is no such case."""
    case = session.get(Case, case_id, options=[joinedload(Case.ward), joinedload(Case.unit)])
    if case is None:
        return None
    month = Month(case.opened_at.astimezone(LOCAL).date().replace(day=1))
    if not is_finished(month, now):
        return None
    told = select(Case.id).where(Case.id == case_id, _told(month, table_for(month)))
    return _request(case, key) if session.scalars(told).first() is not None else None


def may_be_told(categories: Categories) -> list[str]:
    """Categories that stand on public pages."""
    return [code for code, one in categories.items() if one.public_summary and not one.sensitive]


def public_id(case_id: int, key: str) -> str:
    """The name of a case outside: always the same, and without the key it leads to no case and no other name."""
    return _cipher(key).encrypt(case_id.to_bytes(8), []).hex()


def case_id_of(name: str, keys: Collection[str]) -> int | None:
    """The case behind a public name; None for one that we never gave."""
    for key in keys:
        try:
            return int.from_bytes(_cipher(key).decrypt(bytes.fromhex(name), []))
        except (ValueError, InvalidTag):
            continue
    return None


def _cipher(key: str) -> AESSIV:
    return AESSIV(HKDF(SHA256(), 32, salt=None, info=b"tiepdan public request id").derive(key.encode()))


def _public(categories: Categories) -> ColumnElement[bool]:
    return and_(
        Case.category.in_(may_be_told(categories)),
        Case.ward_id.is_not(None),
        Case.is_demo.is_(False),
        Case.about_unit_id.is_(None),
        Case.about_officer_id.is_(None),
        Case.status.not_in(LEFT_OUT),
    )


def _opened_in(month: Month) -> ColumnElement[bool]:
    return and_(Case.opened_at >= month.start.astimezone(UTC), Case.opened_at < month.end.astimezone(UTC))


def _told(month: Month, table: PublicTable) -> ColumnElement[bool]:
    """Cases of a month whose count is shown."""
    cells: list[Cell] = [(ward, category) for ward, category in table.shown if ward and category]
    left_in = (Case.is_demo.is_(False), Case.about_unit_id.is_(None), Case.about_officer_id.is_(None))
    return and_(
        _opened_in(month), tuple_(Case.ward_id, Case.category).in_(cells), *left_in, Case.status.not_in(LEFT_OUT)
    )


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found = [Case.opened_at >= wanted.start.astimezone(UTC), Case.opened_at < wanted.end.astimezone(UTC)]
    if wanted.categories:
        found.append(Case.category.in_(wanted.categories))
    if wanted.is_open is not None:
        found.append(Case.status.in_(OPEN) if wanted.is_open else Case.status.not_in(OPEN))
    return found


def _request(case: Case, key: str) -> PublicRequest:
    ward = case.ward
    if ward is None:
        raise ValueError("only placed cases are public")
    return PublicRequest(
        public_id=public_id(case.id, key),
        category=case.category,
        is_open=case.status in OPEN,
        unit=case.unit.name,
        ward_id=ward.id,
        ward=ward.name,
        lat=ward.lat,
        lon=ward.lon,
        opened=_day(case.opened_at),
        updated=_day(case.resolved_at or case.opened_at),
        expected=_day(case.due_at),
    )


def _day(moment: datetime) -> date:
    return moment.astimezone(LOCAL).date()
