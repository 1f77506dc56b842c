"""Whether the process lives and whether it can work; asked by whoever watches over it."""

import logging

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from core.db import reading
from desk.context import services

log = logging.getLogger(__name__)
blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> ResponseReturnValue:
    try:
        with reading(services().database) as session:
            session.execute(select(1))
    except SQLAlchemyError as error:
        log.warning("not ready", extra={"error": type(error).__name__})
        return {"status": "database"}, 503
    return {"status": "ok"}
