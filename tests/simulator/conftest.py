"""A simulator that reports to a gateway of the test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from simulator.app import create_app
from tests.simulated import Gateway, make_settings


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    gateway = Gateway()
    yield gateway
    gateway.close()


@pytest.fixture
def start(gateway: Gateway, tmp_path: Path) -> Iterator[Callable[..., FlaskClient]]:
    worlds = []

    def build(**changes: Any) -> FlaskClient:
        app = create_app(make_settings(gateway.url, tmp_path, **changes))
        worlds.append(app.extensions["simulator"])
        return app.test_client()

    yield build
    for world in worlds:
        world.delivery.close()


@pytest.fixture
def client(start: Callable[..., FlaskClient]) -> FlaskClient:
    return start()
