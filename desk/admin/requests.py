"""Requests of citizens about their own data, with the clocks of the law, to be answered; called by `desk.app`."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases import data_requests
from cases.queries import NotFoundError
from core.db import reading, transaction
from desk.admin import door
from desk.context import clean, now, officer, services, text_problem

blueprint = door.pages("requests")


@blueprint.get("/data-requests")
def show_requests() -> ResponseReturnValue:
    return _page()


@blueprint.post("/data-requests/<int:request_id>/done")
def answer_request(request_id: int) -> ResponseReturnValue:
    """What was done, or why it cannot be, goes to the citizen; the same request is answered once."""
    text = clean(request.form.get("text", ""))
    problem = text_problem(text)
    if problem:
        return _page(problem, request_id, text), 422
    try:
        with transaction(services().database) as session:
            data_requests.finish(session, services().rulebook, request_id, officer(), text, now())
    except data_requests.UnknownRequestError:
        raise NotFoundError(str(request_id)) from None
    except data_requests.AnsweredError:
        flash("", "nothing_changed")
    else:
        flash("", "data_request_done")
    return redirect(url_for("admin_requests.show_requests"))


def _page(problem: str = "", wrong: int = 0, text: str = "") -> str:
    with reading(services().database) as session:
        return render_template(
            "admin/requests.html",
            waiting=data_requests.open_requests(session),
            answered=data_requests.done_lately(session),
            limits=data_requests.load_limits(),
            now=now(),
            problem=problem,
            wrong=wrong,
            text=text,
        )
