"""A citizen opens a case in another account by code and secret word; called by actions/case_talk.

Wrong tries are counted with those of the portal: the same limits, the same answer for a wrong word and no such code.
"""

import logging

from sqlalchemy.orm import Session

from actions.answer import Answer
from actions.case_wish import Wish
from actions.context import Context
from actions.own_cases import values_of
from actions.said import Said
from cases import links, portal_access
from core.db import reading, transaction

log = logging.getLogger(__name__)


def open_with_secret(context: Context, said: Said, wish: Wish) -> Answer:
    """Show the status and let this account hear of the case from now on; or ask for what is missing."""
    if wish.code is None:
        return Answer("utter_need_code_with_secret")
    with transaction(context.database) as session:
        return _opened(context, session, said, wish.code, wish.value)


def explain_lost(context: Context, said: Said, wish: Wish) -> Answer:
    """Without the secret: an own case needs none, any other only a person may open."""
    with reading(context.database) as session:
        case = links.own_case(session, said.conversation_id, wish.code) if wish.code else None
        if case is None:
            return Answer("utter_secret_lost")
        return Answer("utter_case_status", values_of(context, session, case))


def _opened(context: Context, session: Session, said: Said, code: str, typed: str) -> Answer:
    now = context.clock()
    names = portal_access.subjects(code, f"conversation:{said.conversation_id}", context.config.secret_keys[0])
    if portal_access.blocked(session, names, now):
        log.warning("secret word refused", extra={"conversation_id": said.conversation_id, "outcome": "blocked"})
        return Answer("utter_secret_blocked", {"code": code})
    own = links.own_case(session, said.conversation_id, code)
    case = own or portal_access.opened_with(session, code, typed, context.config.data_keys)
    if case is None:
        portal_access.note_wrong(session, names, now)
        log.info("secret word refused", extra={"conversation_id": said.conversation_id, "outcome": "wrong"})
        return Answer("utter_secret_wrong", {"code": code}, pending={"what": "secret", "code": code})
    links.link(session, context.in_force.at(session), case, said.conversation_id, said.turn_id, now)
    return Answer("utter_case_opened", values_of(context, session, case))
