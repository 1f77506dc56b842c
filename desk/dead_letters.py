"""Messages that were given up, for administrators: what stopped them, and another try; called through `desk.app`."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from cases.dead_letters import dead_letters
from cases.officers import may_repair
from core import outbox
from core.db import reading, transaction
from desk.context import now, require, services

blueprint = Blueprint("dead_letters", __name__)


@blueprint.get("/dead-letters")
def show_dead_letters() -> ResponseReturnValue:
    require(may_repair)
    with reading(services().database) as session:
        return render_template("dead_letters.html", letters=dead_letters(session))


@blueprint.post("/dead-letters/<int:outbound_id>/retry")
def retry(outbound_id: int) -> ResponseReturnValue:
    require(may_repair)
    with transaction(services().database) as session:
        revived = outbox.revive(session, [outbound_id], now())
    flash("", "revived" if revived else "not_revived")
    return redirect(url_for("dead_letters.show_dead_letters"))
