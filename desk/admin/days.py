"""Holidays, swapped Saturdays and the time limits, kept by the city; called by `desk.app`."""

from datetime import date, timedelta

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases import kept
from cases.deadlines import LOCAL, WEEKDAYS, Calendar
from cases.in_force import limits_of
from cases.kept import Kind, StaleKeptError
from core.db import reading, transaction
from desk.admin import door
from desk.context import clean, now, officer, services, whole_number

blueprint = door.pages("days")
KINDS = ("off", "work")
LONGEST_NOTE = 200
SHOWN_AHEAD = timedelta(days=400)
MOST_HOURS = 2000.0  # a year of working time: no limit is longer


@blueprint.get("/days")
def show_days() -> ResponseReturnValue:
    return _page("")


@blueprint.post("/days")
def keep_day() -> ResponseReturnValue:
    """A day off, or a day worked although it is a weekend; the same day again replaces what was kept."""
    note, kind = clean(request.form.get("note", "")), request.form.get("kind", "")
    day = _day(request.form.get("day", ""))
    calendar = services().rulebook.calendar
    if day is None or kind not in KINDS or not 0 < len(note) <= LONGEST_NOTE:
        return _page("day_incomplete"), 422
    if not calendar.first_year <= day.year <= calendar.last_year:
        return _page("day_outside"), 422
    with transaction(services().database) as session:
        kept.keep(session, Kind.DAY, day.isoformat(), {"kind": kind, "note": note}, officer(), now())
    flash(f"{day:%d/%m/%Y}", "day_kept")
    return redirect(url_for("admin_days.show_days"))


@blueprint.post("/days/<day>/withdraw")
def withdraw_day(day: str) -> ResponseReturnValue:
    found = _day(day)
    with transaction(services().database) as session:
        if found is None or found.isoformat() not in kept.of_kind(session, Kind.DAY):
            flash("", "nothing_changed")
        else:
            kept.keep(session, Kind.DAY, found.isoformat(), None, officer(), now())
            flash(f"{found:%d/%m/%Y}", "day_withdrawn")
    return redirect(url_for("admin_days.show_days"))


@blueprint.post("/years/<int:year>")
def announce_year(year: int) -> ResponseReturnValue:
    """The decision on this year's days is out and entered: dates in it are no longer provisional."""
    calendar = services().rulebook.calendar
    if not calendar.first_year <= year <= calendar.last_year:
        return _page("day_outside"), 422
    with transaction(services().database) as session:
        kept.keep(session, Kind.YEAR, str(year), {"announced": True}, officer(), now())
    flash(str(year), "year_announced")
    return redirect(url_for("admin_days.show_days"))


@blueprint.post("/limits/<name>")
def change_limit(name: str) -> ResponseReturnValue:
    """A figure with its source; new cases are given the new limit, open ones keep theirs."""
    source, value = clean(request.form.get("source", "")), _figure(request.form.get("value", ""))
    if name not in limits_of(services().in_force.base.deadlines):
        return _page("limit_wrong"), 404
    most = 1.0 if name.endswith("_share") else MOST_HOURS
    if value is None or not 0 < value <= most or not 0 < len(source) <= LONGEST_NOTE:
        return _page("limit_wrong"), 422
    version = whole_number(request.form.get("version", ""), -1)
    try:
        with transaction(services().database) as session:
            kept.keep(session, Kind.LIMIT, name, {"value": value, "source": source}, officer(), now(), version)
    except StaleKeptError:
        return _page("kept_stale"), 409
    flash("", "limit_kept")
    return redirect(url_for("admin_days.show_days"))


def _page(problem: str) -> str:
    rulebook, today = services().rulebook, now().astimezone(LOCAL).date()
    limits = limits_of(rulebook.deadlines)
    with reading(services().database) as session:
        own = {date.fromisoformat(day): data for day, data in kept.of_kind(session, Kind.DAY).items()}
        versions = {name: kept.version_of(session, Kind.LIMIT, name) for name in limits}
    return render_template(
        "admin/days.html",
        own=own,
        coming=_exceptions(rulebook.calendar, today),
        weekdays=WEEKDAYS,
        limits=limits,
        rules=rulebook.deadlines,
        versions=versions,
        today=today,
        announced=rulebook.calendar.announced_years,
        problem=problem,
    )


def _exceptions(calendar: Calendar, today: date) -> list[tuple[date, str]]:
    """The coming days on which the offices do not follow the week: off on a weekday, or open on a weekend."""
    days = [today + timedelta(days=number) for number in range(SHOWN_AHEAD.days)]
    known = [day for day in days if day.year <= calendar.last_year]
    usual = {day: day.isoweekday() in calendar.weekdays for day in known}
    return [(day, "off" if usual[day] else "work") for day in known if calendar.is_working_day(day) is not usual[day]]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _figure(text: str) -> float | None:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None
