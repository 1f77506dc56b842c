"""Figures of a period and their export, for supervisors and administrators; called through `desk.app`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from flask import Blueprint, Response, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue

from cases import queries
from cases.deadlines import LOCAL
from cases.export import csv_of
from cases.officers import may_see_figures
from cases.statistics import figures
from cases.unit_search import find_units
from core.db import reading
from desk.context import now, officer, require, services

blueprint = Blueprint("reports", __name__)
USUAL_DAYS = 30
EARLIEST = date(2020, 1, 1)


@dataclass(frozen=True)
class Period:
    """Local days, both included; `wrong` says that what was asked for could not be read."""

    first: date
    last: date
    wrong: bool = False

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time(), LOCAL)

    @property
    def end(self) -> datetime:
        return datetime.combine(self.last + timedelta(days=1), time(), LOCAL)


@blueprint.get("/reports")
def show_reports() -> ResponseReturnValue:
    require(may_see_figures)
    period = _period()
    with reading(services().database) as session:
        scope = queries.visible_to(session, officer())
        found = figures(session, scope, services().rulebook.calendar, period.start, period.end, now())
        units = {unit.id: unit for unit in find_units(session, closed=True)}
        return render_template("reports.html", figures=found, period=period, units=units)


@blueprint.get("/reports/export.csv")
def export() -> ResponseReturnValue:
    require(may_see_figures)
    period = _period()
    name = f"tiep-dan-{period.first:%Y%m%d}-{period.last:%Y%m%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(stream_with_context(_pieces(period)), mimetype="text/csv", headers=headers)


def _pieces(period: Period) -> Iterator[str]:
    with reading(services().database) as session:
        scope = queries.visible_to(session, officer())
        yield from csv_of(session, services().rulebook, scope, period.start, period.end)


def _period() -> Period:
    """What the address asks for, by default the last 30 days; a period that cannot be is replaced by that."""
    today = now().astimezone(LOCAL).date()
    usual = Period(today - timedelta(days=USUAL_DAYS - 1), today)
    try:
        first = date.fromisoformat(request.args.get("from") or usual.first.isoformat())
        last = date.fromisoformat(request.args.get("to") or usual.last.isoformat())
    except ValueError:
        return replace(usual, wrong=True)
    sensible = EARLIEST <= first <= last <= today + timedelta(days=1)
    return Period(first, last) if sensible else replace(usual, wrong=True)
