"""Whether the process lives and whether it can work; asked by whoever watches over it."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from core import web
from desk.context import services

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> ResponseReturnValue:
    return web.readiness(services().database)
