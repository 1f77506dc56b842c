"""A citizen follows a case of somebody else no more: which one, one confirmation, done; called by actions/case_talk."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.answer import Answer
from actions.case_wish import Wish
from actions.context import Context
from actions.followed import followed_one, followed_values, leave_button
from actions.own_cases import case_buttons, no_case
from actions.said import Said
from cases import followers
from cases.categories import label
from cases.model import Case
from core.db import reading, transaction


def ask_leave(context: Context, said: Said, wish: Wish) -> Answer | None:
    """Ask for the one confirmation, or first which case; None when this citizen follows none, or not that one."""
    with reading(context.database) as session:
        if wish.code is not None:
            case = followed_one(session, said, wish.code)
            return None if case is None else _confirm(context, session, said, case)
        joined = [
            case
            for case in followers.followed_by(session, said.conversation_id)
            if followers.has_joined(session, case, said.conversation_id)
        ]
        if len(joined) < 2:
            return _confirm(context, session, said, joined[0]) if joined else None
        buttons = case_buttons(joined, "/inform", "ask_leave")
        kinds = context.rulebook.categories
        lines = [f"• {case.code}: {label(kinds, case.category)}, {case.unit.name}" for case in joined[: len(buttons)]]
        return Answer("utter_which_leave", {"cases": "\n".join(lines)}, buttons)


def do_leave(context: Context, said: Said, wish: Wish) -> Answer:
    """Confirmed: nothing more is told to this citizen; what they said and sent stays on the case."""
    with transaction(context.database) as session:
        case = session.scalars(select(Case).where(Case.code == wish.code)).first()
        left = case is not None and followers.leave(session, case, said.conversation_id, said.turn_id, context.clock())
        if case is None or not left:
            return no_case(context, session, said, wish.code)
        return Answer("utter_left", followed_values(context, case))


def stay(context: Context, said: Said, wish: Wish) -> Answer:
    with reading(context.database) as session:
        case = followed_one(session, said, wish.code)
        if case is None:
            return no_case(context, session, said, wish.code)
        return Answer("utter_still_followed", followed_values(context, case))


def _confirm(context: Context, session: Session, said: Said, case: Case) -> Answer:
    values = followed_values(context, case)
    if not followers.has_joined(session, case, said.conversation_id):
        return Answer("utter_not_left", values)  # their own case was merged into this one
    buttons = [leave_button(context, "leave", case), leave_button(context, "stay", case)]
    return Answer("utter_confirm_leave", values, buttons, pending={"what": "leave", "code": case.code})
