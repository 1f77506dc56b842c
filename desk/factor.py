"""The second factor at the desk: the code after the password, switching it on, recovery codes; called by `desk.app`."""

import logging

import segno
from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from cases import attempts, audit, second_factor
from core.db import reading, transaction
from core.vault import Vault
from desk import auth
from desk.context import now, officer, services

log = logging.getLogger(__name__)
blueprint = Blueprint("factor", __name__)


@blueprint.get("/login/code")
def show_code() -> ResponseReturnValue:
    if auth.pending_login() is None:
        return redirect(url_for("auth.show_login"))
    return render_template("code.html", next=auth.safe_next(), wrong=False)


@blueprint.post("/login/code")
def check_code() -> ResponseReturnValue:
    """Only now the session begins; a wrong code and too many wrong codes get the same answer."""
    pending = auth.pending_login()
    if pending is None:
        return redirect(url_for("auth.show_login"))
    officer_id, version = pending
    if not _opens(officer_id, request.form.get("code", "")):
        log.warning("code refused", extra={"officer_id": officer_id, "outcome": "refused"})
        return render_template("code.html", next=auth.safe_next(), wrong=True), 401
    auth.start_session(officer_id, version)
    return redirect(auth.safe_next() or url_for("queue.show_queue"))


@blueprint.get("/second-factor")
def show_factor() -> ResponseReturnValue:
    """On: how many recovery codes are left. Off: the QR code to begin with."""
    with reading(services().database) as db:
        if second_factor.is_on(db, officer().id):
            left = second_factor.recovery_codes_left(db, officer().id)
            return render_template("factor.html", left=left, missing=False)
    return _enrolment(wrong=False)


@blueprint.post("/second-factor")
def confirm() -> ResponseReturnValue:
    """The first right code switches it on; the recovery codes are shown this once."""
    at = now()
    with transaction(services().database) as db:
        codes = second_factor.confirm(db, _vault(), officer().id, request.form.get("code", ""), at)
        if codes is not None:
            audit.note(db, officer().id, "factor_confirmed", f"officer:{officer().id}", at)
    if codes is None:
        return _enrolment(wrong=True)
    g.factor_missing = False
    return render_template("recovery_codes.html", codes=codes)


def _opens(officer_id: int, code: str) -> bool:
    """Each try is counted before it is looked at, so that guesses sent in parallel cannot outrun the limit."""
    database, at = services().database, now()
    name = attempts.subject("desk-code", str(officer_id), services().config.secret_keys[0])
    with transaction(database) as db:
        if attempts.too_many(db, [name], second_factor.WRONG_CODES, at):
            return False
        attempts.note(db, [name], at)
    with transaction(database) as db:
        right = second_factor.opens(db, _vault(), officer_id, code, at)
        if right:
            attempts.take_back(db, [name], at)
    return right


def _enrolment(*, wrong: bool) -> ResponseReturnValue:
    at = now()
    with transaction(services().database) as db:
        secret = second_factor.secret_to_enrol(db, _vault(), officer().id, at)
    if secret is None:  # switched on in another window meanwhile
        return redirect(url_for("factor.show_factor"))
    picture = segno.make(second_factor.address_of(secret, officer().username), error="m")
    svg = Markup(picture.svg_inline(scale=5, dark="#000", light="#fff", title="Mã QR"))  # noqa: S704 - made by us
    page = render_template("factor_setup.html", secret=secret, svg=svg, wrong=wrong, missing=g.factor_missing)
    return page, 422 if wrong else 200


def _vault() -> Vault:
    return Vault(services().config.data_keys)
