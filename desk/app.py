"""The officers' desk: puts its pages behind one gate; started by gunicorn as "desk.app:application()"."""

import gc
import logging
from collections.abc import Callable
from datetime import datetime

from flask import Flask, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException

from cases import attention as attention_rules
from cases import officers
from cases import sessions as session_rules
from cases.in_force import RulebookInForce
from cases.queries import NotFoundError
from cases.rulebook import Rulebook, load_rulebook
from core import web
from core.clock import local_now
from core.config import Config, ConfigError, load_config
from core.db import Database, open_database, reading
from core.log import configure
from desk import (
    admin,
    attention,
    auth,
    case,
    casework,
    closing,
    connect,
    contact,
    dead_letters,
    exports,
    extension,
    factor,
    health,
    incidents,
    media,
    months,
    queue,
    replying,
    reports,
    reset,
    sessions,
    show,
)
from desk.context import LONGEST_TEXT, Services, services

log = logging.getLogger(__name__)

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
SETTINGS = {
    "PERMANENT_SESSION_LIFETIME": session_rules.LASTS,
    "SESSION_REFRESH_EACH_REQUEST": False,
    "WTF_CSRF_TIME_LIMIT": None,  # as long as the session: an officer may write for an hour
    "MAX_CONTENT_LENGTH": 256 * 1024,
}
BLUEPRINTS = (
    *(auth, factor, reset, sessions, health),
    *(queue, case, contact, casework, replying, closing, extension, incidents, media, attention),
    *(reports, months, exports, dead_letters, connect),
    *admin.PAGES,
)


def application() -> Flask:
    """The desk as configured by the environment."""
    configure()
    config = load_config()
    database = open_database(config.database_url)
    if not config.simulated:
        with reading(database) as session:
            left = officers.demo_accounts(session)
        if left:
            raise ConfigError("Demo accounts exist beside a real channel: use a fresh database.")
    app = create_app(config, database, load_rulebook(), local_now)
    gc.freeze()  # or every full collection walks through the catalogues: a fifth of a second in the middle of a page
    return app


def create_app(config: Config, database: Database, rulebook: Rulebook, clock: Callable[[], datetime]) -> Flask:
    """A Flask application around given services; tests make their own."""
    app = Flask(__name__)
    web.furnish(app, config, "desk", SETTINGS)
    app.extensions["tiepdan"] = Services(config, database, RulebookInForce(rulebook), clock)
    app.before_request(auth.gate)  # before the CSRF check: who is not logged in learns nothing else
    app.before_request(closing.allow_uploads)  # after the gate: a stranger's megabytes are not read
    CSRFProtect(app)
    for module in BLUEPRINTS:
        app.register_blueprint(module.blueprint)
    show.register(app, rulebook)
    app.context_processor(_for_every_page)
    app.after_request(web.protect(POLICY))
    app.register_error_handler(Exception, _answer_error)
    officers.decoy_hash()
    return app


def _for_every_page() -> dict[str, object]:
    """What the frame of each page needs: who is logged in and which doors they see."""
    found = g.get("officer")
    return {
        "officer": found,
        "longest_text": LONGEST_TEXT,
        "upload_limits": closing.LIMITS,
        "shortest_password": services().rulebook.settings.shortest_password,
        "sees_attention": found is not None and attention_rules.may_see(found),
        "sees_figures": found is not None and officers.may_see_figures(found),
        "administers": found is not None and officers.may_administer(found),
        "repairs": found is not None and officers.may_repair(found),
        "look": media.look,
    }


def _answer_error(error: Exception) -> ResponseReturnValue:
    """The one handler: a neutral page, and for what nobody expected a line in the log without any content."""
    if isinstance(error, HTTPException) and (error.code or 500) < 400:
        return error
    code = _code_of(error)
    if code >= 500:
        officer_id = g.officer.id if "officer" in g else None
        log.error("request failed", exc_info=error, extra={"event": request.endpoint, "officer_id": officer_id})
    typed = request.form.get("text", "") if isinstance(error, CSRFError) else ""
    return render_template("error.html", code=code, text=typed, back=closing.back_from(code)), code


def _code_of(error: Exception) -> int:
    if isinstance(error, NotFoundError):
        return 404
    return error.code or 500 if isinstance(error, HTTPException) else 500
