"""The dashboard: figures of a filter, each with the list of cases behind it; called through `desk.app`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import queries, remembered, trends
from cases.deadlines import LOCAL
from cases.figure_lists import cases_behind
from cases.measures import AGES, FEW, MEASURES, Filter, filter_of, load_definitions, narrow
from cases.model import Officer
from cases.officers import may_see_figures
from cases.statistics import SHARES, Figures, Line
from cases.unit_search import find_units
from core.db import reading, transaction
from desk import charts
from desk.context import clean, now, officer, require, services, whole_number

blueprint = Blueprint("reports", __name__)
USUAL_DAYS = 30
EARLIEST = date(2020, 1, 1)
FURTHEST = timedelta(days=366)  # somebody may ask for this month or year before it is over
BREAKDOWNS = ("ward", "area", "category", "channel", "month", "officer", "refused_for")
PAGE = 50
BARS = 12
FRESH = timedelta(hours=12)  # how long a list still counts by the moment its figure was made


@dataclass(frozen=True)
class View:
    """What a page of figures was asked for; `wrong` says that the days could not be read."""

    filters: Filter
    by: str
    wrong: bool = False


@blueprint.get("/reports")
def show_reports() -> ResponseReturnValue:
    require(may_see_figures)
    view, at, calendar = asked(), now(), services().rulebook.calendar
    with reading(services().database) as session:
        scope = queries.visible_to(session, officer())
        found, counted = remembered.figures(session, scope, calendar, view.filters, at, view.by)
        months = trends.twelve_months(session, scope, view.filters, at)
        names = names_of(session, view.by)
        page = render_template(
            "reports.html",
            view=view,
            figures=found,
            total=found.total,
            names=names,
            surges=trends.surges(session, scope, view.filters, at),
            trend=charts.columns(
                [f"{month.key[5:]}/{month.key[2:4]}" for month in months],
                [[month.received for month in months], [month.closed for month in months]],
            ),
            ages=charts.bars(_ages(found)),
            largest=charts.bars(_largest(found, names)),
            periods=_periods(at.astimezone(LOCAL).date()),
            **words(session),
        )
    if counted:
        with transaction(services().database) as session:
            remembered.keep(session, counted, at)
    return page


@blueprint.get("/reports/cases")
def show_cases() -> ResponseReturnValue:
    """The cases one figure counts; `as_of` is the moment at which it was made."""
    require(may_see_figures)
    measure, view = request.args.get("measure", ""), asked()
    if measure not in MEASURES or view.wrong:
        abort(404)
    at, page = _as_of(), max(1, whole_number(request.args.get("page", ""), 1))
    with reading(services().database) as session:
        scope = queries.visible_to(session, officer())
        rows, total = cases_behind(session, scope, view.filters, measure, at, limit=PAGE, offset=(page - 1) * PAGE)
        pages = -(-total // PAGE)
        return render_template(
            "figure_cases.html",
            view=view, measure=measure, rows=rows, total=total, page=page, pages=pages, at=at, **words(session),
        )  # fmt: skip


def asked() -> View:
    """The filter in the address, by default the last 30 days; days that cannot be are replaced by that."""
    today = now().astimezone(LOCAL).date()
    usual = {"first": (today - timedelta(days=USUAL_DAYS - 1)).isoformat(), "last": today.isoformat()}
    given = {name: clean(value)[:40] for name, value in request.args.items() if value}
    by = given.get("by", "ward") if given.get("by") in BREAKDOWNS else "ward"
    try:
        filters = filter_of({**usual, **given})
    except ValueError:
        return View(filter_of({**given, **usual}), by, wrong=True)
    sensible = EARLIEST <= filters.first <= filters.last <= today + FURTHEST
    return View(filters, by) if sensible else View(filter_of({**given, **usual}), by, wrong=True)


def words(session: Session) -> dict[str, Any]:
    """What every page about figures needs to speak: definitions, the choices of the filter, links."""
    return {
        "definitions": load_definitions(),
        "units": {unit.id: unit for unit in find_units(session)},
        "categories": services().rulebook.categories,
        "urgencies": services().rulebook.words.urgencies,
        "channels": services().rulebook.words.channels,
        "breakdowns": BREAKDOWNS,
        "few": FEW,
        "shares": SHARES,
        "narrow": narrow,
        "list_of": list_of,
        "usual_address": _address,
    }


def names_of(session: Session, by: str) -> Callable[[str], str]:
    """What to call the lines of a breakdown."""
    book = services().rulebook
    tables: Mapping[str, Callable[[], Mapping[str, str]]] = {
        "ward": lambda: {unit.id: unit.name for unit in find_units(session)},
        "area": lambda: {unit.id: unit.name[:1].upper() + unit.name[1:] for unit in find_units(session)},
        "category": lambda: {code: entry.label for code, entry in book.categories.items()},
        "channel": lambda: book.words.channels,
        "month": lambda: {},
        "officer": lambda: {str(one.id): one.name for one in session.query(Officer)},
        "refused_for": lambda: {},
    }
    found = tables[by]()
    missing = {"officer": "Chưa có người nhận", "refused_for": "Không bị từ chối"}.get(by, "Chưa xác định")
    if by == "month":
        return lambda key: f"Tháng {key[5:]}/{key[:4]}"
    return lambda key: found.get(key, key) if key else missing


def list_of(filters: Filter, measure: str, at: datetime) -> str:
    """The address of the list behind a figure."""
    return f"{url_for('reports.show_cases', measure=measure)}&{_query(filters, at)}"


@lru_cache(maxsize=1024)
def _query(filters: Filter, at: datetime) -> str:
    """Each line of a table has a dozen lists behind it, which differ in nothing here."""
    return urlencode({"as_of": at.isoformat(), **filters.address()})


def _address(filters: Filter, **changed: Any) -> str:
    return url_for("reports.show_reports", **{**filters.address(), **changed})


def _as_of() -> datetime:
    """The moment of the figure, as long as it is recent; else now."""
    at = now()
    try:
        wanted = datetime.fromisoformat(request.args.get("as_of", "").replace(" ", "+"))
    except ValueError:
        return at
    return wanted if wanted.tzinfo is not None and at - FRESH <= wanted <= at else at


def _ages(found: Figures) -> list[tuple[str, int, str]]:
    return [
        (load_definitions()[key].short, found.total.counts[key], list_of(found.filters, key, found.as_of))
        for key, _, _ in AGES
    ]


def _largest(found: Figures, names: Callable[[str], str]) -> list[tuple[str, int, str]]:
    def row(line: Line) -> tuple[str, int, str]:
        own = narrow(found.filters, found.by, line.key)
        return names(line.key), line.counts["received"], list_of(own, "received", found.as_of)

    return [row(line) for line in found.lines[:BARS]]


def _periods(today: date) -> list[tuple[str, str, str]]:
    """The periods people ask for most, with their first and last day."""
    month = today.replace(day=1)
    before = month - timedelta(days=1)
    quarter = date(today.year, (today.month - 1) // 3 * 3 + 1, 1)
    chosen = (
        ("30 ngày", today - timedelta(days=USUAL_DAYS - 1), today),
        ("Tháng này", month, today),
        ("Tháng trước", before.replace(day=1), before),
        ("Quý này", quarter, today),
        ("Năm nay", date(today.year, 1, 1), today),
    )
    return [(name, first.isoformat(), last.isoformat()) for name, first, last in chosen]
