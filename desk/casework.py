"""Everything an officer may do to a case besides the main moves, each a small form; called through `desk.app`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import closings, conflict, outside, phone_request, placing, queries, replies, surroundings, transfers, undo
from cases.codes import parse_code
from cases.model import Case
from cases.officers import may_act
from cases.steps import ActionRefusedError, StaleCaseError
from cases.workflow import MoveNotAllowedError
from core import enclosure
from core.db import reading, transaction
from core.model import Attachment, Inbound
from desk.case import Entered, back_to, page
from desk.context import clean, now, officer, outgoing_folder, require, services, text_problem, whole_number

blueprint = Blueprint("casework", __name__)


@dataclass(frozen=True)
class Given:
    """What a form brought; every action reads what it needs."""

    version: int
    text: str
    values: Mapping[str, str]

    def get(self, name: str) -> str:
        return clean(self.values.get(name, ""))[:200]


Action = Callable[[Session, Case, Given], None]


def _note(session: Session, case: Case, given: Given) -> None:
    outside.note(session, case, officer(), given.text, now(), given.version)


def _call(session: Session, case: Case, given: Given) -> None:
    outside.log_call(session, case, officer(), given.text, now(), given.version)


def _ask_phone(session: Session, case: Case, given: Given) -> None:
    phone_request.ask(session, services().rulebook, case, officer(), now(), given.version)


def _transcribe(session: Session, case: Case, given: Given) -> None:
    wanted = whole_number(given.get("attachment"), -1)
    query = select(Attachment.id).join(Inbound, Inbound.id == Attachment.inbound_id)
    mine = query.where(Attachment.id == wanted, Inbound.conversation_id == case.conversation_id)
    if session.scalars(mine).first() is None or not conflict.sees_reporter(case, officer(), now()):
        raise ActionRefusedError("unknown_recording")
    outside.transcribe(session, case, officer(), wanted, given.text, now(), given.version)


def _forward(session: Session, case: Case, given: Given) -> None:
    company, reference = given.get("company"), given.get("reference")
    outside.forward(session, services().rulebook, case, officer(), company, reference, given.text, now(), given.version)


def _follow(session: Session, case: Case, given: Given) -> None:
    forward_id = whole_number(given.get("forward"), -1)
    outside.update_forward(session, case, officer(), forward_id, given.get("status"), given.text, now(), given.version)


def _refer(session: Session, case: Case, given: Given) -> None:
    system, reference = given.get("system"), given.get("reference")
    outside.refer(session, services().rulebook, case, officer(), system, reference, now(), given.version)


def _refuse(session: Session, case: Case, given: Given) -> None:
    reason, body = given.get("reason"), given.get("body")
    closings.refuse(session, services().rulebook, case, officer(), reason, body, given.text, now(), given.version)


def _abuse(session: Session, case: Case, given: Given) -> None:
    closings.mark_abuse(session, services().rulebook, case, officer(), given.text, now(), given.version)


def _merge(session: Session, case: Case, given: Given) -> None:
    code = parse_code(given.get("into")) or ""
    seen = select(Case).where(Case.code == code, queries.visible_to(session, officer()))
    into = closings.find_other(session, session.scalars(seen).first())
    closings.merge(session, services().rulebook, case, into, officer(), now(), given.version)


def _give_back(session: Session, case: Case, given: Given) -> None:
    transfers.give_back(session, case, officer(), given.text, now(), given.version)


def _assign(session: Session, case: Case, given: Given) -> None:
    wanted = whole_number(given.get("to"), -1)
    to = next((one for one in surroundings.colleagues(session, officer(), case) if one.id == wanted), None)
    if to is None:
        raise ActionRefusedError("unknown_officer")
    transfers.assign(session, case, officer(), to, now(), given.version)


def _mark_conflict(session: Session, case: Case, given: Given) -> None:
    unit_id, named = given.get("unit_id"), given.get("named")
    conflict.mark(session, case, officer(), unit_id, named, given.text, now(), given.version)


def _reveal(session: Session, case: Case, given: Given) -> None:
    conflict.reveal(session, case, officer(), given.text, now())


def _place(session: Session, case: Case, given: Given) -> None:
    placing.correct_place(session, case, officer(), given.get("ward_id"), given.get("address"), now(), given.version)


def _urgency(session: Session, case: Case, given: Given) -> None:
    urgency = given.get("urgency")
    placing.correct_urgency(session, services().rulebook, case, officer(), urgency, given.text, now(), given.version)


ACTIONS: Mapping[str, Action] = {
    "note": _note,
    "call": _call,
    "ask_phone": _ask_phone,
    "transcribe": _transcribe,
    "forward": _forward,
    "follow": _follow,
    "refer": _refer,
    "refuse": _refuse,
    "abuse": _abuse,
    "merge": _merge,
    "return": _give_back,
    "assign": _assign,
    "conflict": _mark_conflict,
    "reveal": _reveal,
    "place": _place,
    "urgency": _urgency,
}
WITHOUT_TEXT = frozenset({"ask_phone", "refer", "refuse", "merge", "assign", "place"})
# What cannot be put back by restoring the case alone, or must never be.
NOT_TAKEN_BACK = frozenset({"merge", "reveal", "transcribe", "forward", "follow", "refer"})
OF_READERS = frozenset({"reveal"})  # a supervisor looks into a masked case as well, with a reason and a trace


@blueprint.post(f"/cases/<code>/<any({', '.join(ACTIONS)}):action>")
def act(code: str, action: str) -> ResponseReturnValue:
    if action not in OF_READERS:
        require(may_act)
    given = Given(whole_number(request.form.get("version", ""), -1), clean(request.form.get("text", "")), request.form)
    problem = _text_problem(action, given.text) or _try(code, action, given)
    if problem:
        entered = Entered(move=action, version=given.version, text=given.text, problem=problem)
        return page(code, entered), 409 if problem in {"stale", "move_not_allowed"} else 422
    flash(code, f"done_{action}")
    return back_to(code)


@blueprint.post("/cases/<code>/undo")
def take_back(code: str) -> ResponseReturnValue:
    """Within ten seconds; a case that the move has taken out of sight comes back into it."""
    require(may_act)
    try:
        with transaction(services().database) as session:
            case = undo.case_of_step(session, officer(), code, now())
            unsent = undo.take_back(session, case, officer(), now())
    except undo.TooLateError:
        flash(code, "undo_too_late")
        return back_to(code)
    for file in unsent:
        enclosure.remove(outgoing_folder(), file)
    flash(code, "done_undo")
    return redirect(url_for("case.show_case", code=code))


@blueprint.post("/cases/<code>/check")
def check_text(code: str) -> ResponseReturnValue:
    """What the text leaves unsaid, while it is typed; a fragment for htmx."""
    text = clean(request.form.get("text", ""))[:2000]
    with reading(services().database) as session:
        case = queries.case_for(session, officer(), code)
        found = replies.doubts_about(session, case, text) if text else ()
        return render_template("_doubts.html", doubts=found, blanks=replies.blanks(text))


@blueprint.get("/cases/<code>/print")
def show_printable(code: str) -> ResponseReturnValue:
    """The case on paper: no telephone number, and no reporter where they are masked."""
    with reading(services().database) as session:
        case = queries.case_for(session, officer(), code)
        description = conflict.masked_description(case) if conflict.is_masked(case) else case.description
        names = surroundings.unit_names(session)
        forwards, references = outside.forwards_of(session, case), outside.references_of(session, case)
        return render_template(
            "print.html",
            case=case,
            description=description,
            unit_names=names,
            forwards=forwards,
            references=references,
            casebook=services().rulebook.casebook,
            at=now(),
        )


def _text_problem(action: str, text: str) -> str:
    if action in WITHOUT_TEXT and not text:
        return ""
    return text_problem(text)


def _try(code: str, action: str, given: Given) -> str:
    try:
        with transaction(services().database) as session:
            case = queries.case_for(session, officer(), code, lock=True)
            if action in NOT_TAKEN_BACK:
                ACTIONS[action](session, case, given)
            else:
                with undo.offered(session, case, officer(), now()):
                    ACTIONS[action](session, case, given)
    except StaleCaseError:
        return "stale"
    except MoveNotAllowedError:
        return "move_not_allowed"
    except ActionRefusedError as refused:
        return refused.problem
    return ""
