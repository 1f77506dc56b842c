"""What our two web apps share: headers, cookies, keys, the proxy in front, readiness; called by desk and portal."""

import hashlib
import hmac
import logging
from collections.abc import Callable, Mapping

from flask import Flask, request
from flask.typing import ResponseReturnValue
from jinja2 import StrictUndefined
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from core.config import Config
from core.db import Database, reading

log = logging.getLogger(__name__)

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def furnish(app: Flask, config: Config, name: str, settings: Mapping[str, object]) -> None:
    """Settings, strict templates, and the proxy of ours that ends TLS; `name` sets cookie and keys apart."""
    app.jinja_options = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    app.config.update(_settings(config, name), **settings)
    if config.public_is_https:  # then a proxy of ours ends TLS in front of us and says who asks
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]


def protect(policy: str) -> Callable[[Response], Response]:
    """Headers of every answer; a view that has set one of them knows better (a picture's own content policy)."""
    headers = {"Content-Security-Policy": policy, **HEADERS}

    def add(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        if request.is_secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        return response

    return add


def readiness(database: Database) -> ResponseReturnValue:
    """Whether the database answers; what /readyz says."""
    try:
        with reading(database) as session:
            session.execute(select(1))
    except SQLAlchemyError as error:
        log.warning("not ready", extra={"error": type(error).__name__})
        return {"status": "database"}, 503
    return {"status": "ok"}


def _settings(config: Config, name: str) -> dict[str, object]:
    keys = [
        hmac.digest(key.encode(), f"tiepdan {name} session".encode(), hashlib.sha256).hex()
        for key in config.secret_keys
    ]
    return {
        "SECRET_KEY": keys[0],
        "SECRET_KEY_FALLBACKS": keys[1:],
        "SESSION_COOKIE_NAME": f"tiepdan_{name}",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": config.public_is_https,
        "SEND_FILE_MAX_AGE_DEFAULT": 3600,
    }
