"""More time for one case: the page that asks for the reason, and the one extension; called through `desk.app`."""

from datetime import datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases import queries
from cases.deadlines import Urgency, add_working_hours, extension_hours
from cases.extension import ExtensionRefusedError, extend, may_extend
from cases.model import Case
from cases.officers import may_act
from cases.service import StaleCaseError
from core.db import reading, transaction
from desk.context import clean, now, officer, require, services, text_problem, whole_number

blueprint = Blueprint("extension", __name__)


@blueprint.get("/cases/<code>/extension")
def show_form(code: str) -> ResponseReturnValue:
    require(may_act)
    return _page(code, "", "")


@blueprint.post("/cases/<code>/extension")
def extend_case(code: str) -> ResponseReturnValue:
    require(may_act)
    text, version = clean(request.form.get("text", "")), whole_number(request.form.get("version", ""), -1)
    problem, status = text_problem(text), 422
    if not problem:
        try:
            with transaction(services().database) as session:
                case = queries.case_for(session, officer(), code, lock=True)
                extend(session, services().rulebook, case, officer(), text, now(), version)
        except StaleCaseError:
            problem, status = "stale", 409
        except ExtensionRefusedError:
            problem, status = "not_extended", 409
    if problem:
        return _page(code, text, problem), status
    flash(code, "done_extend")
    return redirect(url_for("case.show_case", code=code))


def _page(code: str, text: str, problem: str) -> str:
    with reading(services().database) as session:
        case = queries.case_for(session, officer(), code)
        return render_template(
            "extension.html", case=case, text=text, problem=problem, may=may_extend(case, now()), due=_new_due(case)
        )


def _new_due(case: Case) -> datetime:
    calendar, rules = services().rulebook.calendar, services().rulebook.deadlines
    return add_working_hours(calendar, case.due_at, extension_hours(calendar, rules, Urgency(case.urgency)))
