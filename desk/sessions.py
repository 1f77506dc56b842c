"""An officer's own open sessions, each with its end; called by `desk.app`."""

from flask import Blueprint, flash, g, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue

from cases import sessions
from core.db import reading, transaction
from desk.context import now, officer, services

blueprint = Blueprint("sessions", __name__)


@blueprint.get("/sessions")
def show_sessions() -> ResponseReturnValue:
    with reading(services().database) as db:
        found = sessions.running(db, officer().id, now())
        return render_template("sessions.html", sessions=found, current=g.desk_session_id)


@blueprint.post("/sessions/<int:session_id>/end")
def end(session_id: int) -> ResponseReturnValue:
    """Somebody else's session is as little there as one that has ended."""
    with transaction(services().database) as db:
        ended = sessions.end(db, officer().id, session_id, now())
    if session_id == g.desk_session_id:
        session.clear()
        return redirect(url_for("auth.show_login"))
    flash("", "session_ended" if ended else "session_not_there")
    return redirect(url_for("sessions.show_sessions"))
