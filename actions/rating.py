"""A citizen says that a result is right and how satisfied they are; called by actions/case_talk."""

from sqlalchemy.orm import Session

from actions.answer import Answer
from actions.case_wish import Wish
from actions.context import Context
from actions.own_cases import no_case, values_of
from actions.said import Said
from cases.links import own_case, own_cases
from cases.model import Case
from cases.ratings import SCORES, RatingClosedError, confirm, rate
from cases.workflow import Status
from core.db import transaction

LOW = 2  # stars at which the way to have the case opened again is told


def say_done(context: Context, said: Said, wish: Wish) -> Answer:
    """Note that it is done and ask for the stars."""
    with transaction(context.database) as session:
        case = _rated_case(session, said, wish.code)
        if case is None:
            return no_case(context, session, said, wish.code)
        try:
            confirm(session, case, said.turn_id, context.clock())
        except RatingClosedError:
            return Answer("utter_case_status", values_of(context, session, case))
        return _ask_stars(case, done=True)


def give_stars(context: Context, said: Said, wish: Wish) -> Answer:
    """Keep the stars, or ask again for what was none."""
    with transaction(context.database) as session:
        case = _rated_case(session, said, wish.code)
        if case is None:
            return no_case(context, session, said, wish.code)
        if wish.value not in {str(score) for score in SCORES}:
            return _ask_stars(case, done=False)
        try:
            rate(session, case, int(wish.value), said.turn_id, context.clock())
        except RatingClosedError:
            return _closed(context, session, case)
        response = "utter_rated_low" if int(wish.value) <= LOW else "utter_rated"
        return Answer(response, {"code": case.code, "stars": wish.value})


def _closed(context: Context, session: Session, case: Case) -> Answer:
    if case.status == Status.RESOLVED and case.rating is not None:
        return Answer("utter_rating_kept", {"code": case.code, "stars": str(case.rating)})
    return Answer("utter_case_status", values_of(context, session, case))


def _ask_stars(case: Case, *, done: bool) -> Answer:
    intent = f'/inform{{"about": "rate", "case_code": "{case.code}"'
    buttons = [{"title": f"{score} sao", "payload": f'{intent}, "stars": "{score}"}}'} for score in SCORES]
    pending = {"what": "rate", "code": case.code}
    if not done:
        return Answer("utter_ask_stars", {"code": case.code}, buttons, pending=pending)
    return Answer("utter_done", {"code": case.code}, buttons, "utter_ask_stars", pending)


def _rated_case(session: Session, said: Said, code: str | None) -> Case | None:
    """The case named, else the one whose result was told last."""
    if code is not None:
        return own_case(session, said.conversation_id, code)
    resolved = [case for case in own_cases(session, said.conversation_id) if case.status == Status.RESOLVED]
    return max(resolved, key=lambda case: (case.resolved_at, case.id), default=None)
