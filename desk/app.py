"""The officers' desk: puts its pages behind one gate; started by gunicorn as "desk.app:application()"."""

import gc
import hashlib
import hmac
import logging
from collections.abc import Callable
from datetime import datetime

from flask import Flask, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from cases import attention as attention_rules
from cases import officers
from cases import sessions as session_rules
from cases.in_force import RulebookInForce
from cases.queries import NotFoundError
from cases.rulebook import Rulebook, load_rulebook
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

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
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
    app.jinja_options = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    app.config.update(_settings(config))
    app.extensions["tiepdan"] = Services(config, database, RulebookInForce(rulebook), clock)
    if config.public_is_https:  # then a proxy of ours ends TLS in front of us and says who asks
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    app.before_request(auth.gate)  # before the CSRF check: who is not logged in learns nothing else
    app.before_request(closing.allow_uploads)  # after the gate: a stranger's megabytes are not read
    CSRFProtect(app)
    for module in BLUEPRINTS:
        app.register_blueprint(module.blueprint)
    show.register(app, rulebook)
    app.context_processor(_for_every_page)
    app.after_request(_protect)
    app.register_error_handler(Exception, _answer_error)
    officers.decoy_hash()
    return app


def _settings(config: Config) -> dict[str, object]:
    keys = [_derive(key) for key in config.secret_keys]
    return {
        "SECRET_KEY": keys[0],
        "SECRET_KEY_FALLBACKS": keys[1:],
        "SESSION_COOKIE_NAME": "tiepdan_desk",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": config.public_is_https,
        "PERMANENT_SESSION_LIFETIME": session_rules.LASTS,
        "SESSION_REFRESH_EACH_REQUEST": False,
        "WTF_CSRF_TIME_LIMIT": None,  # as long as the session: an officer may write for an hour
        "MAX_CONTENT_LENGTH": 256 * 1024,
        "SEND_FILE_MAX_AGE_DEFAULT": 3600,
    }


def _derive(key: str) -> str:
    return hmac.digest(key.encode(), b"tiepdan desk session", hashlib.sha256).hex()


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


def _protect(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response


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
