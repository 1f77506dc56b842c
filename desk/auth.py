"""Who is at the desk: the gate before every page, login, logout, password; called by `desk.app`."""

import logging
from urllib.parse import urlsplit

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from cases import attempts, officers, resets, second_factor, sessions
from cases.model import Officer
from core.db import reading, transaction
from desk.context import is_htmx, now, officer, services

log = logging.getLogger(__name__)
blueprint = Blueprint("auth", __name__)

OPEN_TO_ALL = frozenset(
    {"auth.show_login", "auth.login", "static", "health.healthz", "health.readyz"}
    | {"factor.show_code", "factor.check_code", "reset.show_form", "reset.set_password"}
)
# What an administrator without the second factor that the city demands may do: switch it on, or leave.
OPEN_WITHOUT_FACTOR = frozenset({"factor.show_factor", "factor.confirm", "auth.logout"})
WRONG_LOGINS_OF_AN_ADDRESS = 30
CODE_WITHIN = 300  # seconds between the password and the code


def gate() -> ResponseReturnValue | None:
    """Before every request: only what OPEN_TO_ALL lists is answered to somebody who is not logged in."""
    if request.endpoint in OPEN_TO_ALL:
        return None
    found = _officer_of_session()
    if found is None:
        return _refuse()
    g.officer = found
    if g.factor_missing and request.endpoint not in OPEN_WITHOUT_FACTOR:
        return redirect(url_for("factor.show_factor"))
    return None


@blueprint.get("/login")
def show_login() -> ResponseReturnValue:
    if _officer_of_session() is not None:
        return redirect(url_for("queue.show_queue"))
    return render_template("login.html", next=safe_next(), username="", wrong=False)


@blueprint.post("/login")
def login() -> ResponseReturnValue:
    """One answer for an unknown name, a wrong password, a closed and a locked account."""
    found = _authenticate(request.form.get("username", ""), request.form.get("password", ""))
    if found is None:
        username = request.form.get("username", "")[:60]
        return render_template("login.html", next=safe_next(), username=username, wrong=True), 401
    with reading(services().database) as db:
        asks_for_code = second_factor.is_on(db, found.id)
    if not asks_for_code:
        start_session(found.id, found.session_version)
        return redirect(safe_next() or url_for("queue.show_queue"))
    session.clear()  # nothing is open yet: the cookie only says whose password was right, and when
    session["pending"] = {"officer_id": found.id, "version": found.session_version, "at": int(now().timestamp())}
    return redirect(url_for("factor.show_code", next=safe_next() or None))


@blueprint.post("/logout")
def logout() -> ResponseReturnValue:
    """Ends this session where it is kept, so that a copied cookie is worth nothing afterwards."""
    with transaction(services().database) as db:
        sessions.end(db, officer().id, g.desk_session_id, now())
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
    hashed, problem = hash_new(new, officer())
    if problem:
        return render_template("password.html", problem=problem), 422
    with transaction(services().database) as db:
        version = officers.change_password(db, officer().id, hashed)
        resets.withdraw(db, officer().id, now())
    start_session(officer().id, version)
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


def hash_new(password: str, owner: Officer) -> tuple[str, str]:
    """The hash of a new password, or the problem (by its code in `words.html`) that keeps it from being taken."""
    shortest = services().rulebook.settings.shortest_password
    try:
        return officers.hash_password(password, (owner.username, owner.name), shortest), ""
    except officers.PasswordTooShortError:
        return "", "password_short"
    except officers.PasswordCommonError:
        return "", "password_common"


def start_session(officer_id: int, session_version: int) -> None:
    """Nothing of an earlier session survives, the CSRF token included."""
    browser = request.headers.get("User-Agent", "")
    with transaction(services().database) as db:
        token = sessions.begin(db, officer_id, request.remote_addr or "", browser, now())
    session.clear()
    session.permanent = True
    session.update(officer_id=officer_id, version=session_version, token=token)


def pending_login() -> tuple[int, int] | None:
    """Whose password was right a moment ago (id and session version); None when it is too long ago."""
    pending = session.get("pending")
    if pending is None or now().timestamp() - pending["at"] > CODE_WITHIN:
        return None
    return pending["officer_id"], pending["version"]


def _officer_of_session() -> Officer | None:
    officer_id, version, token = session.get("officer_id"), session.get("version"), session.get("token")
    if officer_id is None or version is None or token is None:
        return None
    at = now()
    with reading(services().database) as db:
        found = officers.officer_of_session(db, officer_id, version, at)
        kept = sessions.of_token(db, officer_id, token, at)
        if found is None or kept is None:
            return None
        g.rulebook = services().in_force.at(db)
        demanded = officers.must_have_factor(found, g.rulebook.settings)
        g.factor_missing = demanded and not second_factor.is_on(db, officer_id)
        db.expunge_all()  # the page keeps them after this look has ended
    g.desk_session_id = kept.id
    if at - kept.seen_at >= sessions.SEEN_EVERY:
        with transaction(services().database) as db:
            sessions.seen(db, kept.id, at)
    return found


def _refuse() -> ResponseReturnValue:
    if is_htmx():  # a fragment must not be replaced by a login page
        return Response("", 401, headers={"HX-Redirect": url_for("auth.show_login")})
    if request.method == "POST":  # the session ended while an officer was writing: give the words back
        return render_template("session_over.html", text=request.form.get("text", "")), 401
    page = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("auth.show_login", next=page if page != "/" else None))


def safe_next() -> str:
    """Where to go after login: a path of ours, never another site."""
    wanted = request.values.get("next", "")
    parts = urlsplit(wanted)
    ours = wanted.startswith("/") and not wanted.startswith("//") and not parts.netloc and not parts.scheme
    return wanted if ours and wanted.isprintable() and "\\" not in wanted else ""
