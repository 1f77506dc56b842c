"""The public status page: opened by case code and secret word; started by gunicorn as "portal.app:application()"."""

import logging
from collections.abc import Callable
from datetime import datetime

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import HTTPException

from cases import portal_access
from cases.codes import parse_code
from cases.deadlines import LOCAL, format_deadline
from cases.in_force import RulebookInForce
from cases.rulebook import Rulebook, load_rulebook
from core import web
from core.clock import local_now
from core.config import Config, load_config
from core.db import Database, open_database, reading, transaction
from core.log import configure
from core.vault import Vault
from portal import letters
from portal.figures import Figures
from portal.gate import ClosedError, Gate, TooOftenError
from portal.my_data import MyData
from portal.open311 import Open311

log = logging.getLogger(__name__)

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SETTINGS = {"MAX_CONTENT_LENGTH": 16 * 1024}


def application() -> Flask:
    """The portal as configured by the environment."""
    configure()
    config = load_config()
    return create_app(config, open_database(config.database_url), load_rulebook(), local_now)


def create_app(config: Config, database: Database, rulebook: Rulebook, clock: Callable[[], datetime]) -> Flask:
    """A Flask application around given services; tests make their own."""
    app = Flask(__name__)
    web.furnish(app, config, "portal", SETTINGS)
    CSRFProtect(app)
    app.jinja_env.filters.update(local=_local, deadline=format_deadline, status_word=rulebook.words.statuses.get)
    pages = Portal(config, database, clock)
    app.add_url_rule("/", "show_form", pages.show_form, methods=["GET"])
    app.add_url_rule("/", "show_status", pages.show_status, methods=["POST"])
    gate = Gate(config, database, RulebookInForce(rulebook), clock)
    _add_public_pages(app, gate)
    app.add_url_rule("/privacy", "privacy", lambda: render_template("privacy.html"))
    app.add_url_rule("/letters/<name>", "letter", letters.download)
    mine = MyData(database, rulebook.words, Vault(config.data_keys), clock)
    app.add_url_rule("/my-data/<token>", "my_data", mine.ask, methods=["GET"])
    app.add_url_rule("/my-data/<token>", "show_my_data", mine.show, methods=["POST"])
    app.add_url_rule("/healthz", "healthz", lambda: {"status": "ok"})
    app.add_url_rule("/readyz", "readyz", lambda: web.readiness(database))
    app.after_request(web.protect(POLICY))
    app.register_error_handler(Exception, _answer_error)
    return app


def _add_public_pages(app: Flask, gate: Gate) -> None:
    """Figures and Open311; each answers 404 until an administrator opens them."""
    figures, open311, form = Figures(gate), Open311(gate), "<any(json, xml):form>"
    app.add_url_rule("/figures", "show_figures", figures.show)
    app.add_url_rule(f"/open311/v2/services.{form}", "open311_services", open311.services)
    app.add_url_rule(f"/open311/v2/requests.{form}", "open311_requests", open311.requests)
    app.add_url_rule(f"/open311/v2/requests/<name>.{form}", "open311_request", open311.request)


class Portal:
    """The pages that read the database."""

    def __init__(self, config: Config, database: Database, clock: Callable[[], datetime]) -> None:
        self._config = config
        self._database = database
        self._clock = clock

    def show_form(self) -> ResponseReturnValue:
        asked = request.args.get("ma", "")[:30]
        return _form(parse_code(asked) or asked)

    def show_status(self) -> ResponseReturnValue:
        """One answer for an unknown code and a wrong word; wrong tries are counted for both the same way."""
        typed_code, typed_word = request.form.get("code", "")[:60], request.form.get("word", "")[:100]
        code, now = parse_code(typed_code), self._clock()
        if code is None:  # the check digit is public: saying that this cannot be a code reveals nothing
            return _form(typed_code, "malformed"), 422
        names = portal_access.subjects(code, request.remote_addr or "", self._config.secret_keys[0])
        with reading(self._database) as session:
            if portal_access.blocked(session, names, now):
                return _form(code, "blocked"), 429
            found = portal_access.open_status(session, code, typed_word, self._config.data_keys)
        if found is not None:
            return render_template("status.html", case=found, now=now)
        with transaction(self._database) as session:
            portal_access.note_wrong(session, names, now)
        return _form(code, "wrong"), 403


def _form(code: str, problem: str = "") -> str:
    return render_template("form.html", code=code, problem=problem)


def _answer_error(error: Exception) -> ResponseReturnValue:
    """The one handler: a neutral page, and for what nobody expected a line in the log without any content."""
    code = {ClosedError: 404, TooOftenError: 429}.get(type(error), 500)
    if isinstance(error, HTTPException):
        code = error.code or 500
    if isinstance(error, HTTPException) and code < 400:
        return error
    if code >= 500:
        log.error("request failed", exc_info=error, extra={"event": request.endpoint})
    return render_template("error.html", code=code), code


def _local(moment: datetime) -> str:
    return f"{moment.astimezone(LOCAL):%H:%M %d/%m/%Y}"
