"""Files of cases and the official report: asked for here, made by the worker, fetched here; called by `desk.app`."""

import logging

from flask import Blueprint, abort, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from cases import export_jobs
from cases.export_jobs import LONGEST_REASON, SHORTEST_REASON, ExportRefusedError
from cases.measures import filter_of
from cases.officers import may_repair, may_see_figures
from core.db import reading, transaction
from desk.context import clean, is_htmx, now, officer, require, services
from desk.reports import asked, words

log = logging.getLogger(__name__)
blueprint = Blueprint("exports", __name__)


@blueprint.get("/exports")
def show_exports() -> ResponseReturnValue:
    """The form, and the officer's own files; htmx refreshes only these while one is being made."""
    require(may_see_figures)
    return _page("", "")


@blueprint.post("/exports")
def ask_for_file() -> ResponseReturnValue:
    require(may_see_figures)
    view, reason = asked(), clean(request.form.get("reason", ""))
    try:
        filters = filter_of({name: clean(value)[:40] for name, value in request.form.items() if value})
    except (KeyError, ValueError):
        return _page("export_days", reason), 422
    personal, kind = request.form.get("personal") == "1", request.form.get("kind", "")
    try:
        with transaction(services().database) as session:
            job = export_jobs.ask_for(session, officer(), kind, filters.address(), personal, reason, now())
    except ExportRefusedError as error:
        log.warning("export refused", extra={"officer_id": officer().id, "outcome": error.code})
        return _page(error.code, reason), 403 if error.code == "export_right" else 422
    outcome = "personal" if job.personal else "plain"
    log.info("export asked for", extra={"officer_id": officer().id, "event": job.id, "outcome": outcome})
    flash("", "export_asked")
    return redirect(url_for("exports.show_exports", **view.filters.address()))


@blueprint.get("/exports/<int:job_id>/file")
def fetch_file(job_id: int) -> ResponseReturnValue:
    """Only the owner's, only while it lasts: one answer for everything else."""
    with transaction(services().database) as session:
        job = export_jobs.fetch(session, officer(), job_id, now())
    path = (services().config.var_dir / "exports" / (job.stored_name or "")) if job else None
    if job is None or path is None or not path.is_file():
        abort(404)
    log.info("export fetched", extra={"officer_id": officer().id, "event": job.id})
    filters = filter_of(job.filters)
    name = f"tiep-dan-{filters.first:%Y%m%d}-{filters.last:%Y%m%d}{'-ca-nhan' if job.personal else ''}.{job.kind}"
    return send_file(path.resolve(), as_attachment=True, download_name=name)


@blueprint.get("/exports/log")
def show_log() -> ResponseReturnValue:
    """Who took personal data out, when and why, for administrators."""
    require(may_repair)
    with reading(services().database) as session:
        return render_template("exports_log.html", jobs=export_jobs.personal_log(session))


def _page(problem: str, reason: str) -> str:
    with reading(services().database) as session:
        jobs = export_jobs.of_officer(session, officer())
        running = any(job.status in export_jobs.UNFINISHED for job in jobs)
        if is_htmx():
            return render_template("_exports.html", jobs=jobs, running=running)
        return render_template(
            "exports.html",
            jobs=jobs,
            running=running,
            view=asked(),
            problem=problem,
            reason=reason,
            may_personal=export_jobs.may_export_personal(officer()),
            shortest=SHORTEST_REASON,
            longest=LONGEST_REASON,
            sees_log=may_repair(officer()),
            **words(session),
        )
