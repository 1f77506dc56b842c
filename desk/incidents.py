"""Incidents: list, status, message to everybody, cases in it, end; called through `desk.app`."""

import uuid

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases import incident_desk, queries
from cases.officers import may_act
from cases.steps import StaleCaseError
from core.db import reading, transaction
from desk.context import clean, now, officer, require, services, text_problem, whole_number

blueprint = Blueprint("incidents", __name__)


@blueprint.get("/incidents")
def show_incidents() -> ResponseReturnValue:
    with reading(services().database) as session:
        return render_template("incidents.html", incidents=incident_desk.listed(session, officer()))


@blueprint.get("/incidents/<int:incident_id>")
def show_incident(incident_id: int) -> ResponseReturnValue:
    return _page(incident_id)


@blueprint.post("/incidents/<int:incident_id>/<any(status, resolve):change>")
def change(incident_id: int, change: str) -> ResponseReturnValue:
    """What the bot says first, or the end of the matter."""
    require(may_act)
    text, version = clean(request.form.get("text", "")), whole_number(request.form.get("version", ""), -1)
    problem = text_problem(text) if change == "status" else ""
    if problem:
        return _page(incident_id, status=text, problem=problem), 422
    try:
        with transaction(services().database) as session:
            found = incident_desk.incident_for(session, officer(), incident_id, lock=True)
            if change == "status":
                incident_desk.set_status(session, found, text, officer(), now(), version)
            else:
                incident_desk.resolve(session, found, officer(), now(), version)
    except StaleCaseError:
        return _page(incident_id, status=text, problem="incident_stale"), 409
    flash("", "incident_status" if change == "status" else "incident_resolved")
    return redirect(url_for("incidents.show_incident", incident_id=incident_id))


@blueprint.post("/incidents/<int:incident_id>/tell")
def tell(incident_id: int) -> ResponseReturnValue:
    """One message to every citizen of the incident; the token of the shown form keeps a repeat from sending again."""
    require(may_act)
    text, token = clean(request.form.get("text", "")), clean(request.form.get("token", ""))[:36]
    problem = text_problem(text)
    if problem:
        return _page(incident_id, message=text, problem=problem), 422
    with transaction(services().database) as session:
        found = incident_desk.incident_for(session, officer(), incident_id, lock=True)
        told = incident_desk.tell_all(session, found, text, officer(), token, now())
    flash(str(told), "incident_told_before" if told is None else "incident_told")
    return redirect(url_for("incidents.show_incident", incident_id=incident_id))


@blueprint.post("/incidents/<int:incident_id>/remove/<code>")
def remove(incident_id: int, code: str) -> ResponseReturnValue:
    require(may_act)
    with transaction(services().database) as session:
        found = incident_desk.incident_for(session, officer(), incident_id, lock=True)
        case = queries.case_for(session, officer(), code, lock=True)
        removed = incident_desk.remove(session, found, case, officer(), now())
    flash(code, "incident_removed" if removed else "nothing_changed")
    return redirect(url_for("incidents.show_incident", incident_id=incident_id))


def _page(incident_id: int, *, status: str = "", message: str = "", problem: str = "") -> str:
    with reading(services().database) as session:
        found = incident_desk.incident_for(session, officer(), incident_id)
        return render_template(
            "incident.html",
            found=found,
            cases=incident_desk.cases_of(session, officer(), incident_id),
            messages=incident_desk.messages_of(session, incident_id),
            status=status or found.status_text,
            message=message,
            problem=problem,
            token=uuid.uuid4().hex,
            acts=may_act(officer()),
        )
