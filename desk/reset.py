"""Setting a password by the link an administrator handed over; called by `desk.app`."""

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases import accounts, resets
from core.db import reading, transaction
from desk import auth
from desk.context import now, services

blueprint = Blueprint("reset", __name__)


@blueprint.get("/reset/<token>")
def show_form(token: str) -> ResponseReturnValue:
    """One answer for a link that never was, was used, or is old."""
    with reading(services().database) as db:
        g.rulebook = services().in_force.at(db)
        if resets.officer_of(db, token, now()) is None:
            return render_template("reset.html", token="", problem=""), 404
    return render_template("reset.html", token=token, problem="")


@blueprint.post("/reset/<token>")
def set_password(token: str) -> ResponseReturnValue:
    new, again = request.form.get("new", ""), request.form.get("again", "")
    with reading(services().database) as db:
        g.rulebook = services().in_force.at(db)  # the gate, which usually does this, is open here
        owner = resets.officer_of(db, token, now())
        db.expunge_all()
    if owner is None:
        return render_template("reset.html", token="", problem=""), 404
    if new != again:
        return render_template("reset.html", token=token, problem="password_differs"), 422
    hashed, problem = auth.hash_new(new, owner)
    if problem:
        return render_template("reset.html", token=token, problem=problem), 422
    with transaction(services().database) as db:
        used = accounts.use_link(db, token, hashed, now())
    if used is None:  # another window was faster
        return render_template("reset.html", token="", problem=""), 404
    flash("", "password_set")
    return redirect(url_for("auth.show_login"))
