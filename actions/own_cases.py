"""A citizen's own cases as the bot speaks of them: listed, put into words, or none; for followup and its kin."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from actions.answer import Answer
from actions.context import Context
from actions.said import Said
from cases.categories import label
from cases.deadlines import LOCAL, format_deadline
from cases.links import own_cases
from cases.model import Case, Unit

MOST_LISTED = 10
MOST_BUTTONS = 5  # on one message (Zalo OA OpenAPI, text with buttons)
LONGEST_TITLE = 60  # characters of a description on a button or in a list


def changed_by(session: Session, said: Said) -> Case | None:
    """The case this very turn has changed already, when the turn is taken again after a crash."""
    own = own_cases(session, said.conversation_id)
    return next((case for case in own if any(event.data.get("turn") == said.turn_id for event in case.events)), None)


def no_case(context: Context, session: Session, said: Said, code: str | None) -> Answer:
    """Nothing found: by the code, or none at all, or none that is still worked on; each with what to do next."""
    if code is not None:
        values = {"code": code, "link": context.config.public_url}
        return Answer(
            "utter_case_unknown", values, question="utter_ask_secret", pending={"what": "secret", "code": code}
        )
    own = own_cases(session, said.conversation_id)
    if own:
        return Answer("utter_none_open", values_of(context, session, own[0]))
    return Answer("utter_no_case", {"link": context.config.public_url})


def list_of(context: Context, own: Sequence[Case], followed: Sequence[Case] = ()) -> Answer:
    """Own cases, newest first, then those followed, with a button for each when they fit on one message."""
    lines = [_line(context, case, "case_line") for case in own[:MOST_LISTED]]
    if len(own) > MOST_LISTED:
        lines.append(context.rulebook.words.chat["older_cases"].format(count=len(own) - MOST_LISTED))
    lines += [_line(context, case, "followed_line") for case in followed[:MOST_LISTED]]
    listed = [*own, *followed]
    buttons = case_buttons(listed, "/track_case", "") if len(listed) <= MOST_BUTTONS else []
    return Answer("utter_case_list", {"cases": "\n".join(lines)}, buttons)


def case_buttons(own: Sequence[Case], intent: str, about: str) -> list[dict[str, str]]:
    """One button a case, at most as many as a message takes; `about` says what a tap means."""
    meant = f'"about": "{about}", ' if about else ""
    return [
        {"title": case.code, "payload": f'{intent}{{{meant}"case_code": "{case.code}"}}'} for case in own[:MOST_BUTTONS]
    ]


def values_of(context: Context, session: Session, case: Case) -> dict[str, str]:
    """What the responses about one case may say."""
    return {
        "code": case.code,
        "status": context.rulebook.words.statuses[case.status],
        "description": shortened(case.description, 200),
        "unit": session.get_one(Unit, case.unit_id).name,
        "due": format_deadline(case.due_at),
        "answer": _last_answer(context, case),
    }


def shortened(text: str, length: int = LONGEST_TITLE) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= length else f"{flat[: length - 1].rstrip()}…"


def _line(context: Context, case: Case, kind: str) -> str:
    words = context.rulebook.words
    return words.chat[kind].format(
        code=case.code,
        category=label(context.rulebook.categories, case.category),
        day=f"{case.opened_at.astimezone(LOCAL):%d/%m/%Y}",
        status=words.statuses[case.status],
        unit=case.unit.name,
    )


def _last_answer(context: Context, case: Case) -> str:
    """The officers' last words to the citizen, as a line of its own; nothing when there are none."""
    spoken = [event.data["text"] for event in case.events if event.kind in {"replied", "asked", "resolved"}]
    return context.rulebook.words.chat["latest_answer"].format(text=spoken[-1]) if spoken else ""
