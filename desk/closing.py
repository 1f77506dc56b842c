"""Saying that a case is dealt with, with its proof; called through `desk.app`."""

from http import HTTPStatus
from pathlib import Path

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import proof, queries, replies, undo
from cases.model import Case
from cases.officers import may_act
from cases.steps import ActionRefusedError, StaleCaseError
from cases.uploads import MOST_BYTES
from cases.workflow import MoveNotAllowedError
from core import enclosure
from core.db import transaction
from desk.case import Entered, back_to, page, pressed_twice
from desk.context import clean, now, officer, require, services, text_problem, uploads, whole_number

blueprint = Blueprint("closing", __name__)
BRING_FILES = frozenset({"closing.resolve", "replying.reply"})
UPLOAD_LIMIT = proof.MOST_FILES * MOST_BYTES + 1024 * 1024
# What pages tell before anything is sent: bytes of one file, of a document to a citizen, and how many proofs.
LIMITS = {
    "file": MOST_BYTES,
    "enclosed_document": enclosure.MAX_FILE,
    "proofs": proof.MOST_FILES,
}


def allow_uploads() -> None:
    """Only these forms may bring files, and only from who is logged in and may act; all others stay small."""
    brings_files = request.endpoint in BRING_FILES and request.mimetype == "multipart/form-data"
    if brings_files and may_act(officer()):
        request.max_content_length = UPLOAD_LIMIT


def back_from(status: int) -> str:
    """Where an officer goes on whose files were too many bytes to be read; "" for every other error."""
    if status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE or request.endpoint not in BRING_FILES:
        return ""
    if request.mimetype != "multipart/form-data" or not may_act(officer()):
        return ""
    return url_for("case.show_case", code=(request.view_args or {})["code"])


@blueprint.post("/cases/<code>/resolve")
def resolve(code: str) -> ResponseReturnValue:
    """What looks odd is shown once; the same words sent again go out, and the supervisor sees the warning."""
    require(may_act)
    files = [data for _, data in uploads("proof")]
    entered = Entered(
        move="resolve",
        version=whole_number(request.form.get("version", ""), -1),
        text=clean(request.form.get("text", "")),
        excuse=clean(request.form.get("excuse", ""))[:300],
    )
    problem = text_problem(entered.text) or ("blanks_left" if replies.blanks(entered.text) else "")
    doubts: tuple[str, ...] = ()
    if not problem:
        problem, doubts = _try(code, entered, files)
    if problem:
        status = 409 if problem in {"stale", "move_not_allowed"} else 422
        return page(code, Entered(**{**vars(entered), "problem": problem, "doubts": doubts})), status
    flash(code, "done_resolve")
    return back_to(code)


def _try(code: str, entered: Entered, files: list[bytes]) -> tuple[str, tuple[str, ...]]:
    """Files first, outside the transaction; what of them ends up with no case is removed again."""
    received: list[proof.Upload] = []
    kept = False
    try:
        received = proof.receive(_folder(), files, services().scan)
        with transaction(services().database) as session:
            case = queries.case_for(session, officer(), code, lock=True)
            if pressed_twice(case, officer(), entered):
                return "", ()
            doubts = _close(session, case, entered, received)
        kept = True
    except StaleCaseError:
        return "stale", ()
    except MoveNotAllowedError:
        return "move_not_allowed", ()
    except ActionRefusedError as refused:
        return refused.problem, ()
    finally:
        if not kept:
            proof.discard(_folder(), received)
    return ("doubts", doubts) if doubts else ("", ())


def _close(session: Session, case: Case, entered: Entered, received: list[proof.Upload]) -> tuple[str, ...]:
    """Close it, or say what is odd about that; files stay with the case either way, nobody attaches them twice."""
    proof.attach(session, case, officer(), received, now(), entered.version)
    doubts = tuple(proof.doubts(session, services().rulebook, case, entered.text))
    if doubts and request.form.get("accepted", "") != " ".join(doubts):
        if "no_proof" in doubts and not entered.excuse:
            raise ActionRefusedError("proof_missing")
        return doubts
    with undo.offered(session, case, officer(), now()):
        proof.resolve(
            session, services().rulebook, case, officer(), entered.text, now(), entered.version, entered.excuse
        )
    return ()


def _folder() -> Path:
    return services().config.var_dir / "proofs"
