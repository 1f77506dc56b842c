"""One case: everything an officer must know to decide, and every move they may make; called through `desk.app`."""

from dataclasses import dataclass, replace

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import queries, service, undo
from cases.model import Case, Officer
from cases.officers import may_act
from cases.queries import NotFoundError
from cases.service import StaleCaseError, UnknownCategoryError, UnknownUnitError
from cases.unit_search import find_units
from cases.workflow import Move, MoveNotAllowedError, Status, moves_from
from core.db import reading, transaction
from core.vault import SealBrokenError, Vault
from desk.context import clean, is_htmx, now, officer, require, services, text_problem, whole_number
from desk.media import attachments_of
from desk.show import deadline_mark

blueprint = Blueprint("case", __name__)

SHOWN_MESSAGES = 60
# What a move leaves on the case: tells a second press of the same button from somebody else's change.
EVENT_OF = {"reply": "replied", "ask": "asked", "transfer": "transferred", "resolve": "resolved", "reopen": "reopened"}


@dataclass(frozen=True)
class Entered:
    """A filled-in form of the case page; `version` is the version of the case the officer was looking at."""

    move: str = ""
    version: int = -1
    text: str = ""
    unit_id: str = ""
    problem: str = ""


@blueprint.get("/cases/<code>")
def show_case(code: str) -> ResponseReturnValue:
    return _page(code, Entered())


@blueprint.get("/cases/<code>/units")
def search_units(code: str) -> ResponseReturnValue:
    """The choices of the transfer form, narrowed to the typed words: a fragment for htmx, the page without it."""
    if not is_htmx():
        return _page(code, Entered(move="transfer"))
    with reading(services().database) as session:
        case = queries.case_for(session, officer(), code)
        units = find_units(session, clean(request.args.get("unit_text", "")))
        return render_template("_unit_options.html", units=units, case=case, chosen="")


@blueprint.post("/cases/<code>/<any(take, reply, ask, transfer, resolve, reopen):move>")
def make_move(code: str, move: str) -> ResponseReturnValue:
    require(may_act)
    entered = _entered(move)
    problem = "" if move == "take" else text_problem(entered.text)
    if not problem:
        problem = _try_move(code, entered)
    if problem:
        status = 409 if problem in {"stale", "move_not_allowed"} else 422
        return _page(code, replace(entered, problem=problem)), status
    return _after_move(code, move)


@blueprint.post("/cases/<code>/category")
def correct_category(code: str) -> ResponseReturnValue:
    """Put the case into another category."""
    require(may_act)
    version, category = whole_number(request.form.get("version", ""), -1), clean(request.form.get("category", ""))
    try:
        with transaction(services().database) as session:
            case = queries.case_for(session, officer(), code, lock=True)
            service.correct_category(session, services().rulebook, case, officer(), category, now(), version)
    except StaleCaseError:
        return _page(code, Entered(problem="stale")), 409
    except UnknownCategoryError:
        return _page(code, Entered(problem="unknown_category")), 422
    flash(code, "done_category")
    return redirect(url_for("case.show_case", code=code))


def _entered(move: str) -> Entered:
    return Entered(
        move=move,
        version=whole_number(request.form.get("version", ""), -1),
        text=clean(request.form.get("text", "")),
        unit_id=clean(request.form.get("unit_id", "")),
    )


def _try_move(code: str, entered: Entered) -> str:
    """Make the move in one transaction; says which problem stopped it, "" for none or when it was made before."""
    try:
        with transaction(services().database) as session:
            case = queries.case_for(session, officer(), code, lock=True)
            if _pressed_twice(case, officer(), entered):
                return ""
            with undo.offered(session, case, officer(), now()):
                _move(session, case, entered)
    except StaleCaseError:
        return "stale"
    except MoveNotAllowedError:
        return "move_not_allowed"
    except UnknownUnitError:
        return "unknown_unit"
    return ""


def _move(session: Session, found: Case, entered: Entered) -> None:
    rulebook, by, at, text, version = services().rulebook, officer(), now(), entered.text, entered.version
    match Move(entered.move):
        case Move.TAKE:
            service.take(session, found, by, at, version)
        case Move.REPLY:
            service.reply(session, rulebook, found, by, text, at, version)
        case Move.ASK:
            service.ask(session, rulebook, found, by, text, at, version)
        case Move.TRANSFER:
            service.transfer(session, rulebook, found, by, entered.unit_id, text, at, version)
        case Move.RESOLVE:
            service.resolve(session, rulebook, found, by, text, at, version)
        case Move.REOPEN:
            service.reopen(session, rulebook, found, by, text, at, version)


def _pressed_twice(case: Case, by: Officer, entered: Entered) -> bool:
    """The same officer's same words are the last thing that happened: a second press, not a conflict."""
    if case.version == entered.version or entered.move not in EVENT_OF:
        return False
    last = next((event for event in reversed(case.events) if event.actor == "officer"), None)
    if last is None or last.officer_id != by.id or last.kind != EVENT_OF[entered.move]:
        return False
    return bool(last.data.get("text") == entered.text)


def _after_move(code: str, move: str) -> ResponseReturnValue:
    """Back to the case, or to the queue when a transfer has taken it out of sight."""
    flash(code, f"done_{move}")
    with reading(services().database) as session:
        try:
            queries.case_for(session, officer(), code)
        except NotFoundError:
            return redirect(url_for("queue.show_queue"))
    return redirect(url_for("case.show_case", code=code))


def _page(code: str, entered: Entered) -> str:
    rulebook, at = services().rulebook, now()
    with reading(services().database) as session:
        case = queries.case_for(session, officer(), code)
        messages = queries.messages_of(session, case.conversation_id)
        shown = messages if request.args.get("messages") == "all" else messages[-SHOWN_MESSAGES:]
        acting = may_act(officer())
        return render_template(
            "case.html",
            case=case,
            mark=deadline_mark(case, rulebook.calendar, rulebook.deadlines, at),
            messages=shown,
            hidden=len(messages) - len(shown),
            attachments=attachments_of(session, case.conversation_id),
            phone=_phone(case) if acting else "",
            moves=moves_from(Status(case.status)) if acting else frozenset(),
            unit_names={unit.id: unit for unit in find_units(session)},
            units=find_units(session, clean(request.args.get("unit_text", ""))),
            entered=entered,
            categories=rulebook.categories,
            Move=Move,
        )


def _phone(case: Case) -> str:
    sealed = case.conversation.phone
    if sealed is None:
        return ""
    try:
        return Vault(services().config.data_keys).unseal(sealed)
    except SealBrokenError:
        return ""
