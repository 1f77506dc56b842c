"""Who is at the desk: the gate before every page, login, logout, password; called by `desk.app`."""

import logging
from datetime import timedelta
from urllib.parse import urlsplit

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from cases import attempts, officers
from cases.model import Officer
from core.db import ROW_LOCK, reading, transaction
from desk.context import is_htmx, now, officer, services

log = logging.getLogger(__name__)
blueprint = Blueprint("auth", __name__)

OPEN_TO_ALL = frozenset({"auth.show_login", "auth.login", "static", "health.healthz", "health.readyz"})
SESSION_LASTS = timedelta(hours=12)
WRONG_LOGINS_OF_AN_ADDRESS = 30


def gate() -> ResponseReturnValue | None:
    """Before every request: only what OPEN_TO_ALL lists is answered to somebody who is not logged in."""
    if request.endpoint in OPEN_TO_ALL:
        return None
    found = _officer_of_session()
    if found is None:
        return _refuse()
    g.officer = found
    return None


@blueprint.get("/login")
def show_login() -> ResponseReturnValue:
    if _officer_of_session() is not None:
        return redirect(url_for("queue.show_queue"))
    return render_template("login.html", next=_safe_next(), username="", wrong=False)


@blueprint.post("/login")
def login() -> ResponseReturnValue:
    """One answer for an unknown name, a wrong password, a closed and a locked account."""
    found = _authenticate(request.form.get("username", ""), request.form.get("password", ""))
    if found is None:
        username = request.form.get("username", "")[:60]
        return render_template("login.html", next=_safe_next(), username=username, wrong=True), 401
    _start_session(found.id, found.session_version)
    return redirect(_safe_next() or url_for("queue.show_queue"))


@blueprint.post("/logout")
def logout() -> ResponseReturnValue:
    """Ends the officer's sessions everywhere, so that a copied cookie is worth nothing afterwards."""
    with transaction(services().database) as db:
        officers.end_sessions(db.get_one(Officer, officer().id, with_for_update=ROW_LOCK))
    session.clear()
    return redirect(url_for("auth.show_login"))


@blueprint.get("/password")
def show_password() -> ResponseReturnValue:
    return render_template("password.html", problem=None)


@blueprint.post("/password")
def change_password() -> ResponseReturnValue:
    new, again = request.form.get("new", ""), request.form.get("again", "")
    if new != again:
        return render_template("password.html", problem="password_differs"), 422
    if _authenticate(officer().username, request.form.get("current", "")) is None:
        return render_template("password.html", problem="password_wrong"), 422
    try:
        hashed = officers.hash_password(new)
    except officers.PasswordTooShortError:
        return render_template("password.html", problem="password_short"), 422
    with transaction(services().database) as db:
        version = officers.change_password(db, officer().id, hashed)
    _start_session(officer().id, version)
    flash("", "password_changed")
    return redirect(url_for("queue.show_queue"))


def _authenticate(username: str, password: str) -> Officer | None:
    """The three steps of a login; the slow one runs without a session."""
    database, at = services().database, now()
    address = attempts.subject("desk-address", request.remote_addr or "", services().config.secret_keys[0])
    with reading(database) as db:
        if attempts.too_many(db, [address], WRONG_LOGINS_OF_AN_ADDRESS, at):
            log.warning("login refused", extra={"outcome": "address_blocked"})
            return None
    with transaction(database) as db:
        attempts.note(db, [address], at)
        begun = officers.begin_login(db, username, at)
    if not officers.password_fits(begun, password):
        log.warning("login refused", extra={"officer_id": begun.officer_id, "outcome": "refused"})
        return None
    with transaction(database) as db:
        attempts.take_back(db, [address], at)
        found = officers.finish_login(db, begun, at)
    log.info("login", extra={"officer_id": begun.officer_id, "outcome": "ok" if found else "closed"})
    return found


def _start_session(officer_id: int, session_version: int) -> None:
    """Nothing of an earlier session survives, the CSRF token included."""
    session.clear()
    session.permanent = True
    session.update(officer_id=officer_id, version=session_version, since=int(now().timestamp()))


def _officer_of_session() -> Officer | None:
    officer_id, version, since = session.get("officer_id"), session.get("version"), session.get("since")
    if officer_id is None or version is None or since is None:
        return None
    if now().timestamp() - since > SESSION_LASTS.total_seconds():
        return None
    with reading(services().database) as db:
        found = officers.officer_of_session(db, officer_id, version, now())
        db.expunge_all()  # the page keeps it after this look has ended
    return found


def _refuse() -> ResponseReturnValue:
    if is_htmx():  # a fragment must not be replaced by a login page
        return Response("", 401, headers={"HX-Redirect": url_for("auth.show_login")})
    if request.method == "POST":  # the session ended while an officer was writing: give the words back
        return render_template("session_over.html", text=request.form.get("text", "")), 401
    page = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("auth.show_login", next=page if page != "/" else None))


def _safe_next() -> str:
    """Where to go after login: a path of ours, never another site."""
    wanted = request.values.get("next", "")
    parts = urlsplit(wanted)
    ours = wanted.startswith("/") and not wanted.startswith("//") and not parts.netloc and not parts.scheme
    return wanted if ours and wanted.isprintable() and "\\" not in wanted else ""
