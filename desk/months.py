"""Frozen months: what was reported, the same counted again, what was corrected since; called through `desk.app`."""

from dataclasses import asdict
from datetime import timedelta

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from cases import queries, snapshots
from cases.figures_model import Snapshot, SnapshotCase
from cases.measures import month_of
from cases.officers import may_see_figures
from cases.place_types import CITY_ID
from cases.statistics import figures
from cases.trends import balance
from core.db import reading, transaction
from desk.context import now, officer, require, services
from desk.reports import BREAKDOWNS, names_of, words

blueprint = Blueprint("months", __name__)
SHOWN_CORRECTIONS = 500


@blueprint.get("/reports/months")
def show_months() -> ResponseReturnValue:
    require(may_see_figures)
    with reading(services().database) as session:
        waiting = snapshots.month_to_freeze(session, now()) if officer().unit_id == CITY_ID else None
        return render_template("months.html", months=snapshots.listed(session), waiting=waiting)


@blueprint.post("/reports/months")
def freeze_month() -> ResponseReturnValue:
    """Freeze last month by hand, for an installation whose worker was away when the month ended."""
    require(may_see_figures)
    if officer().unit_id != CITY_ID:
        abort(403)
    with transaction(services().database) as session:
        month = snapshots.month_to_freeze(session, now())
        if month is not None:
            snapshots.freeze(session, services().rulebook.calendar, month, now(), officer().id)
    flash("", "month_frozen" if month else "month_not_frozen")
    return redirect(url_for("months.show_months"))


@blueprint.get("/reports/months/<month>")
def show_month(month: str) -> ResponseReturnValue:
    require(may_see_figures)
    calendar, at = services().rulebook.calendar, now()
    by = request.args.get("by", "ward")
    with reading(services().database) as session:
        snapshot = session.scalars(select(Snapshot).where(Snapshot.month == month)).first()
        if snapshot is None or by not in BREAKDOWNS:
            abort(404)
        scope, period = snapshots.frozen_scope(session, officer()), month_of(month)
        live = queries.visible_to(session, officer())
        mine = scope & (SnapshotCase.snapshot_id == snapshot.id)
        corrections = snapshots.corrections(session, officer(), snapshot)
        return render_template(
            "month.html",
            snapshot=snapshot,
            by=by,
            frozen=snapshots.figures_of(session, scope, calendar, snapshot, by),
            today=figures(session, live, calendar, period, at, by).total,
            sums=asdict(balance(session, mine, period, snapshot.as_of, SnapshotCase)),
            matches=snapshots.recomputed(session, calendar, snapshot) == snapshot.totals,
            corrections=corrections[:SHOWN_CORRECTIONS],
            hidden=max(0, len(corrections) - SHOWN_CORRECTIONS),
            period=period,
            at=at,
            late_freeze=snapshot.as_of - period.end > timedelta(days=1),
            names=names_of(session, by),
            **words(session),
        )
