"""One case: everything an officer must know to decide, and every move they may make; called through `desk.app`."""

from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import (
    conflict,
    consents,
    followers,
    incidents,
    joiners,
    outside,
    phone_request,
    proof,
    queries,
    replies,
    service,
    surroundings,
    undo,
)
from cases.model import Case, Officer
from cases.notices import duplicates_of
from cases.officers import may_act
from cases.queries import NotFoundError
from cases.service import StaleCaseError, UnknownCategoryError, UnknownUnitError
from cases.unit_search import find_units
from cases.workflow import Move, MoveNotAllowedError, Status, moves_from
from core.db import reading, transaction
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
    doubts: tuple[str, ...] = ()
    excuse: str = ""
    enclosure: dict[str, str] | None = None


@blueprint.get("/cases/<code>")
def show_case(code: str) -> ResponseReturnValue:
    return page(code, Entered())


@blueprint.get("/cases/<code>/units")
def search_units(code: str) -> ResponseReturnValue:
    """The choices of the transfer form, narrowed to the typed words: a fragment for htmx, the page without it."""
    if not is_htmx():
        return page(code, Entered(move="transfer"))
    with reading(services().database) as session:
        case = queries.case_for(session, officer(), code)
        units = find_units(session, clean(request.args.get("unit_text", "")))
        return render_template("_unit_options.html", units=units, case=case, chosen="")


@blueprint.post("/cases/<code>/<any(take, ask, transfer, reopen):move>")
def make_move(code: str, move: str) -> ResponseReturnValue:
    require(may_act)
    entered = entered_for(move)
    problem = "" if move == "take" else text_problem(entered.text)
    return answer_move(code, entered, problem or try_move(code, entered))


def answer_move(code: str, entered: Entered, problem: str) -> ResponseReturnValue:
    """The page with the problem and everything typed, or on with what was done."""
    if problem not in {"", "done_before"}:
        status = 409 if problem in {"stale", "move_not_allowed"} else 422
        return page(code, replace(entered, problem=problem)), status
    flash(code, f"done_{entered.move}")
    return back_to(code)


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
        return page(code, Entered(problem="stale")), 409
    except UnknownCategoryError:
        return page(code, Entered(problem="unknown_category")), 422
    flash(code, "done_category")
    return back_to(code)


def entered_for(move: str) -> Entered:
    """What the form of a move holds."""
    return Entered(
        move=move,
        version=whole_number(request.form.get("version", ""), -1),
        text=clean(request.form.get("text", "")),
        unit_id=clean(request.form.get("unit_id", "")),
    )


def try_move(code: str, entered: Entered) -> str:
    """Make the move in one transaction; says which problem stopped it, "" for none."""
    try:
        with transaction(services().database) as session:
            case = queries.case_for(session, officer(), code, lock=True)
            if pressed_twice(case, officer(), entered):
                return "done_before"
            if replies.blanks(entered.text):
                return "blanks_left"
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
            service.reply(session, rulebook, found, by, text, at, version, entered.enclosure)
        case Move.ASK:
            service.ask(session, rulebook, found, by, text, at, version)
        case Move.TRANSFER:
            service.transfer(session, rulebook, found, by, entered.unit_id, text, at, version)
        case Move.REOPEN:
            service.reopen(session, rulebook, found, by, text, at, version)


def pressed_twice(case: Case, by: Officer, entered: Entered) -> bool:
    """The same officer's same words are the last thing that happened: a second press, not a conflict."""
    if case.version == entered.version or entered.move not in EVENT_OF:
        return False
    last = next((event for event in reversed(case.events) if event.actor == "officer"), None)
    if last is None or last.officer_id != by.id or last.kind != EVENT_OF[entered.move]:
        return False
    title = (entered.enclosure or {}).get("title")
    return bool(last.data.get("text") == entered.text and last.data.get("file") == title)


def back_to(code: str) -> ResponseReturnValue:
    """Back to the case, or to the queue when a move has taken it out of sight."""
    with reading(services().database) as session:
        try:
            queries.case_for(session, officer(), code)
        except NotFoundError:
            return redirect(url_for("queue.show_queue"))
    return redirect(url_for("case.show_case", code=code, _external=False, **trail()))


def trail() -> dict[str, str]:
    """Which queue the officer came from and where in it: what "next" continues, kept from page to page."""
    found = {name: clean(request.values.get(name, ""))[:500] for name in ("kept", "after")}
    return {name: value for name, value in found.items() if value}


def page(code: str, entered: Entered) -> str:
    """The page of a case with everything around it; `entered` is what a refused form held."""
    rulebook, at, by = services().rulebook, now(), officer()
    with reading(services().database) as session:
        case = queries.case_for(session, by, code)
        open_book = conflict.sees_reporter(case, by, at)
        acting = may_act(by)
        units = find_units(session, closed=True)
        return render_template(
            "case.html",
            case=case,
            mark=deadline_mark(case, rulebook.calendar, rulebook.deadlines, at),
            masked=conflict.is_masked(case),
            open_book=open_book,
            description=case.description if open_book else conflict.masked_description(case),
            phone_refused=consents.refused(session, case.conversation_id, consents.Purpose.CONTACT),
            has_phone=acting and open_book and queries.has_phone(session, case.conversation),
            phone_obstacle=phone_request.obstacle(session, case, by, at) if acting else "move_not_allowed",
            moves=moves_from(Status(case.status)) if acting else frozenset(),
            unit_names={unit.id: unit for unit in units},
            wards=[unit for unit in units if unit.kind == "ward"],
            units=find_units(session, clean(request.args.get("unit_text", ""))),
            entered=entered,
            categories=rulebook.categories,
            casebook=rulebook.casebook,
            trail=trail(),
            Move=Move,
            **_conversation(session, case, open_book),
            **_around(session, case, by, open_book),
        )


def _conversation(session: Session, case: Case, open_book: bool) -> dict[str, Any]:
    told = queries.messages_of(session, case.conversation_id, services().vault) if open_book else []
    messages = queries.without_phones(told)
    shown = messages if request.args.get("messages") == "all" else messages[-SHOWN_MESSAGES:]
    return {
        "messages": shown,
        "hidden": len(messages) - len(shown),
        "attachments": attachments_of(session, case.conversation_id) if open_book else {},
        "transcripts": outside.transcripts_of(case),
    }


def _around(session: Session, case: Case, by: Officer, open_book: bool) -> dict[str, Any]:
    return {
        "incident": incidents.incident_of(session, case.id),
        "followers": len(followers.followers_of(session, case)),
        "joined_words": joiners.told(session, case) if open_book else (),
        "joiner_numbers": joiners.numbers(session, case),
        "alike": surroundings.alike(session, by, case, now()),
        "earlier": surroundings.earlier(session, by, case) if open_book else (),
        "merged": duplicates_of(session, case),
        "leading": session.get(Case, case.duplicate_of_id) if case.duplicate_of_id else None,
        "old_names": surroundings.old_names_of(case.ward),
        "pin": surroundings.metres_from_centre(case),
        "colleagues": surroundings.colleagues(session, by, case) if may_act(by) else (),
        "forwards": outside.forwards_of(session, case),
        "references": outside.references_of(session, case),
        "proofs": proof.proofs_of(session, case),
        "field_work": proof.is_field_work(services().rulebook.categories[case.category]),
        "undo_step": undo.step_for(session, case, by, now()),
    }
