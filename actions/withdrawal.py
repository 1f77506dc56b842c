"""A citizen takes a report back: which one, one confirmation, done; called by actions/case_talk."""

from sqlalchemy.orm import Session

from actions.answer import Answer
from actions.case_wish import Wish
from actions.context import Context
from actions.leaving import ask_leave
from actions.own_cases import case_buttons, no_case, shortened, values_of
from actions.said import Said
from cases.links import own_case, own_cases
from cases.model import Case
from cases.withdrawal import may_withdraw, withdraw
from cases.workflow import MoveNotAllowedError
from core.db import reading, transaction


def ask_withdraw(context: Context, said: Said, wish: Wish) -> Answer | None:
    """Ask for the one confirmation, or first which case; of one that they only follow, whether they leave it.

    None when there is nothing to take back and none was named.
    """
    with reading(context.database) as session:
        if wish.code is not None:
            case = own_case(session, said.conversation_id, wish.code)
            if case is not None:
                return _confirm(context, session, case)
            return ask_leave(context, said, wish) or no_case(context, session, said, wish.code)
        working = [case for case in own_cases(session, said.conversation_id) if may_withdraw(case)]
        if not working:
            return ask_leave(context, said, wish)
        if len(working) == 1:
            return _confirm(context, session, working[0])
        buttons = case_buttons(working, "/inform", "ask_withdraw")
        lines = [f"• {case.code}: {shortened(case.description)}" for case in working[: len(buttons)]]
        return Answer("utter_which_withdrawal", {"cases": "\n".join(lines)}, buttons)


def do_withdraw(context: Context, said: Said, wish: Wish) -> Answer:
    """Confirmed: the case is closed as taken back, whatever officers have done so far."""
    with transaction(context.database) as session:
        case = own_case(session, said.conversation_id, wish.code or "")
        if case is None:
            return no_case(context, session, said, wish.code)
        try:
            closed = withdraw(session, context.in_force.at(session), case, said.turn_id, context.clock())
        except MoveNotAllowedError:
            return Answer("utter_not_withdrawable", values_of(context, session, case))
        return Answer("utter_withdrawn" if closed else "utter_withdrawal_noted", values_of(context, session, case))


def keep(context: Context, said: Said, wish: Wish) -> Answer:
    with reading(context.database) as session:
        case = own_case(session, said.conversation_id, wish.code or "")
        if case is None:
            return no_case(context, session, said, wish.code)
        return Answer("utter_withdrawal_kept", values_of(context, session, case))


def _confirm(context: Context, session: Session, case: Case) -> Answer:
    values = values_of(context, session, case)
    if not may_withdraw(case):
        return Answer("utter_not_withdrawable", values)
    buttons = [
        {
            "title": context.rulebook.words.chat[title],
            "payload": f'/inform{{"about": "{about}", "case_code": "{case.code}"}}',
        }
        for title, about in (("button_withdraw", "withdraw"), ("button_keep_case", "keep"))
    ]
    return Answer("utter_confirm_withdrawal", values, buttons, pending={"what": "withdraw", "code": case.code})
