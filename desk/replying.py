"""Answering a citizen, with a photo or document if there is one; called through `desk.app`."""

from dataclasses import replace

from flask import Blueprint
from flask.typing import ResponseReturnValue

from cases import enclosing
from cases.officers import may_act
from cases.steps import ActionRefusedError
from core import enclosure
from desk.case import Entered, answer_move, entered_for, try_move
from desk.context import outgoing_folder, require, services, text_problem, uploads

blueprint = Blueprint("replying", __name__)


@blueprint.post("/cases/<code>/reply")
def reply(code: str) -> ResponseReturnValue:
    require(may_act)
    files, entered = uploads("enclosure"), entered_for("reply")
    return answer_move(code, entered, text_problem(entered.text) or _try(code, entered, files))


def _try(code: str, entered: Entered, files: list[tuple[str, bytes]]) -> str:
    """The file first, outside the transaction; one that ends up with no reply is removed again."""
    try:
        kept = enclosing.receive(outgoing_folder(), files, services().scan)
    except ActionRefusedError as refused:
        return refused.problem
    problem = "failed"
    try:
        problem = try_move(code, replace(entered, enclosure=kept))
    finally:
        if problem and kept is not None:
            enclosure.remove(outgoing_folder(), kept)
    return problem
