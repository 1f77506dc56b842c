"""The one door of the administrators' pages: a blueprint behind it answers nobody else; called by each of them."""

from flask import Blueprint

from cases.officers import may_administer
from desk.context import require


def pages(name: str) -> Blueprint:
    """A blueprint under /admin that refuses every request of somebody who is no administrator."""
    made = Blueprint(f"admin_{name}", __name__, url_prefix="/admin")
    made.before_request(_only_administrators)
    return made


def _only_administrators() -> None:
    require(may_administer)
