"""Builds the simulator's Flask application; called by `__main__` and by tests."""

from flask import Flask, Response, jsonify, render_template

from simulator.api import Api
from simulator.catalogue import read_catalogue
from simulator.graph_server import GraphServer
from simulator.settings import Settings
from simulator.world import World
from simulator.zalo_server import ZaloServer

MAX_REQUEST_BYTES = 12 * 1024 * 1024
CONTENT_POLICY = "default-src 'self'; img-src 'self' http: https: data: blob:; frame-ancestors 'none'; base-uri 'none'"


def create_app(settings: Settings) -> Flask:
    """Both platforms' servers, the phone page and the JSON interface in one application."""
    catalogue = read_catalogue()
    world = World(settings, catalogue)
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST_BYTES
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # the default provider has it
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["simulator"] = world
    for server in (Api(world), ZaloServer(world, catalogue), GraphServer(world)):
        app.register_blueprint(server.routes())
    app.add_url_rule("/", "phone", lambda: render_template("phone.html", catalogue=catalogue))
    app.add_url_rule("/healthz", "healthz", lambda: _health(world))
    app.after_request(_protect)
    return app


def _health(world: World) -> Response:
    return jsonify(status="ok", webhooks_waiting=world.delivery.waiting, zalo_refreshes=world.tokens.refreshes)


def _protect(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    return response
