"""What tests of our web pages share: settings of a process without channels, and forms sent the way a page does it."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

from core.config import Config

PASSWORD = "mat-khau-thu-nghiem"


def config_for(folder: Path) -> Config:
    """Settings of a desk or portal whose files lie in `folder`; no channel is connected."""
    return Config(
        database_url="",
        rasa_urls=(),
        actions_port=1,
        webhook_port=1,
        desk_port=1,
        portal_port=1,
        simulator_port=1,
        metrics_port=8060,
        var_dir=folder,
        secret_keys=("test-secret",),
        data_keys=("test-data-key",),
        public_url="http://127.0.0.1:8070",
        demo=False,
    )


def token_in(response: TestResponse) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', response.text)
    assert found, response.text
    return found[1]


class Doors:
    """How visitors reach the desk of a test, and what happens when one tries to log in."""

    app: Flask

    def visitor(self) -> FlaskClient:
        return self.app.test_client()

    def try_login(self, client: FlaskClient, username: str, password: str, **data: str) -> TestResponse:
        form = {"csrf_token": token_in(client.get("/login")), "username": username, "password": password, **data}
        return client.post("/login", data=form)


def post(client: FlaskClient, path: str, **data: object) -> TestResponse:
    """Post a form the way a page of the desk does, with the token of the session."""
    answer = client.post(path, data={"csrf_token": token_in(client.get("/password")), **data})
    answer.request.input_stream.close()  # a large form is a temporary file of the test client
    return answer


def path_of(app: Flask, rule: Rule, **known: object) -> str:
    """An address of this rule: what is known, else the first of a choice, else 1."""
    found: dict[str, object] = {}
    for name in rule.arguments:
        choices = getattr(rule._converters[name], "items", None)
        found[name] = known[name] if name in known else sorted(choices)[0] if choices else 1
    return app.url_map.bind("x").build(rule.endpoint, found, append_unknown=False)


@contextmanager
def served(app: Flask, handler: type[WSGIRequestHandler] | None = None) -> Iterator[str]:
    """An application on a free port of 127.0.0.1, for what wants real HTTP; yields its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
