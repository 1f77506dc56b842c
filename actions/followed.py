"""What a citizen hears and says of a case that somebody else filed and they follow; called by followup and joining."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from actions.answer import Answer
from actions.context import Context
from actions.said import Said
from cases import followers
from cases.categories import label
from cases.deadlines import format_deadline
from cases.model import Case
from cases.queries import NotFoundError, followed_case
from cases.workflow import OPEN, Status

Note = Callable[[Session, Case, int, str, datetime], None]  # what a follower says of a case, noted on it


def followed_status(context: Context, session: Session, said: Said, code: str) -> Answer | None:
    """Of a followed case its state and its result; None when this citizen follows none of that code."""
    try:
        case = followed_case(session, said.conversation_id, code)
    except NotFoundError:
        return None
    return told_of(context, session, said, case)


def told_of(context: Context, session: Session, said: Said, case: Case) -> Answer:
    joined = followers.has_joined(session, case, said.conversation_id)
    return Answer(
        "utter_case_followed", followed_values(context, case), [leave_button(context, "ask_leave", case)] * joined
    )


def leave_button(context: Context, about: str, case: Case) -> dict[str, str]:
    """What a tap says about following this case: to ask, to leave or to stay."""
    title = context.rulebook.words.chat["button_stay" if about == "stay" else "button_leave"]
    return {"title": title, "payload": f'/inform{{"about": "{about}", "case_code": "{case.code}"}}'}


def photos_go_to(case: Case) -> dict[str, object]:
    """What is kept after words about a case: photos without words that follow belong to it as well."""
    return {"what": "add", "code": case.code, "heard": True}


def note_words(context: Context, session: Session, said: Said, code: str | None) -> Answer | None:
    """More that a follower tells; None when the words are of no case they follow."""
    return _noted(
        context, session, said, followed_one(session, said, code), followers.add_words, "utter_follower_heard"
    )


def note_dispute(context: Context, session: Session, said: Said, case: Case) -> Answer | None:
    """That it is not solved is noted: whoever filed the case opens it again."""
    return _noted(context, session, said, case, followers.dispute, "utter_follower_disputed")


def followed_one(session: Session, said: Said, code: str | None, *, resolved: bool = False) -> Case | None:
    """The followed case that is named by its code, else the newest (of those reported as dealt with)."""
    if code is None:
        found = followers.followed_by(session, said.conversation_id)
        return next((case for case in found if not resolved or case.status == Status.RESOLVED), None)
    try:
        return followed_case(session, said.conversation_id, code)
    except NotFoundError:
        return None


def followed_values(context: Context, case: Case) -> dict[str, str]:
    """What somebody who did not file it may know: its kind, state and result, no word of who did and no place."""
    results = [event.data["text"] for event in case.events if event.kind in {"resolved", "refused"}]
    ended = Status(case.status) not in OPEN
    words = context.rulebook.words
    return {
        "code": case.code,
        "status": words.statuses[case.status],
        "category": label(context.rulebook.categories, case.category),
        "unit": case.unit.name,
        "due": format_deadline(case.due_at),
        "answer": words.chat["result"].format(text=results[-1]) if results and ended else "",
    }


def _noted(context: Context, session: Session, said: Said, case: Case | None, note: Note, heard: str) -> Answer | None:
    if case is None:
        return None
    note(session, case, said.turn_id, said.text, context.clock())
    return Answer(heard, followed_values(context, case), pending=photos_go_to(case))
