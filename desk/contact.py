"""The citizen's telephone number: shown when an officer asks for it, and written down; called by `desk.app`."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from cases import audit, conflict, queries
from cases.officers import may_act
from core.db import transaction
from core.vault import SealBrokenError, Vault
from desk.context import is_htmx, now, officer, require, services

blueprint = Blueprint("contact", __name__)


@blueprint.post("/cases/<code>/phone")
def show_phone(code: str) -> ResponseReturnValue:
    """A fragment for htmx, a page without it; no number, or one that is masked, is not there."""
    require(may_act)
    with transaction(services().database) as session:
        case = queries.case_for(session, officer(), code)
        sealed, typed = case.conversation.phone, queries.phones_typed(session, case.conversation_id)
        if (sealed is None and not typed) or not conflict.sees_reporter(case, officer(), now()):
            raise queries.NotFoundError(code)
        audit.note(session, officer().id, "contact_read", code, now())
    given = [] if sealed is None else [_opened(sealed)]
    phone = ", ".join(filter(None, dict.fromkeys([*given, *typed])))
    return render_template("_phone.html" if is_htmx() else "contact.html", phone=phone, code=code)


def _opened(sealed: bytes) -> str:
    """The number, or "" when the key it was sealed with is gone."""
    try:
        return Vault(services().config.data_keys).unseal(sealed)
    except SealBrokenError:
        return ""
