"""What an officer's move tells the citizen, and that an officer spoke; called by service and attention."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.deadlines import format_deadline
from cases.followers import followers_of
from cases.links import accounts_of
from cases.model import Case, CaseEvent, Unit
from cases.rulebook import Rulebook
from core import outbox
from core.model import Conversation

TOLD_TO_ALL = frozenset({"replied", "resolved", "refused", "reopened"})
# Not what an officer writes to the reporter alone: a reply, a question.
TOLD_TO_FOLLOWERS = frozenset({"transferred", "extended", "resolved", "refused", "reopened", "merged"})


def notify(
    session: Session,
    rulebook: Rulebook,
    case: Case,
    event: CaseEvent,
    text: str,
    unit: Unit | None = None,
    enclosure: Mapping[str, str] | None = None,
) -> None:
    """Enqueue the notice of an officer's move, to every account of the citizen; a result comes with its buttons.

    The file of a reply follows its words as a message of its own, so that neither is sent twice for the other's sake.
    It goes to who filed the case only: a letter may bear their name.
    """
    sender = unit or session.get_one(Unit, case.unit_id)
    due = format_deadline(case.due_at)
    unit_name = sender.name if event.kind == "transferred" else sender.name[:1].upper() + sender.name[1:]
    message = rulebook.words.notices[event.kind].format(unit=unit_name, code=case.code, text=text, due=due)
    for conversation in accounts_of(session, case):
        officer_spoke(conversation)
        if event.kind == "resolved":
            conversation.options = _about_result(rulebook, case, event)
        filed_here = conversation.id == case.conversation_id
        key = f"event:{event.id}" if filed_here else f"event:{event.id}:c{conversation.id}"
        outbox.enqueue(
            session,
            conversation.id,
            key,
            message,
            event.at,
            author="officer",
            case_id=case.id,
            buttons=[{"title": option["title"], "payload": option["token"]} for option in conversation.options],
        )
        if enclosure is not None:
            outbox.enqueue(
                session,
                conversation.id,
                f"{key}:file",
                "",
                event.at,
                author="officer",
                case_id=case.id,
                attachment=enclosure,
            )
    merged = duplicates_of(session, case) if event.kind in TOLD_TO_ALL else ()
    _tell_merged(session, rulebook, case, merged, event, text)
    if event.kind in TOLD_TO_FOLLOWERS:
        told = {other.conversation_id for other in merged} | {account.id for account in accounts_of(session, case)}
        _tell_followers(session, rulebook, case, sorted(followers_of(session, case) - told), event, text, unit_name)


def _about_result(rulebook: Rulebook, case: Case, event: CaseEvent) -> list[dict[str, str]]:
    """What a citizen may say of a result: that it is done, or that it is not and the case shall be opened again."""
    payloads = {
        "done": f'/inform{{"about": "done", "case_code": "{case.code}"}}',
        "not_done": f'/dispute_result{{"case_code": "{case.code}"}}',
    }
    return [
        {
            "title": rulebook.words.notices[f"button_{label}"],
            "payload": payload,
            "token": f"#{number}.e{event.id:x}",
            "label": label,
        }
        for number, (label, payload) in enumerate(payloads.items(), start=1)
    ]


def duplicates_of(session: Session, case: Case) -> Sequence[Case]:
    """The cases that were merged into this one."""
    return session.scalars(select(Case).where(Case.duplicate_of_id == case.id).order_by(Case.id)).all()


def _tell_merged(
    session: Session, rulebook: Rulebook, case: Case, merged: Sequence[Case], event: CaseEvent, text: str
) -> None:
    """The citizens of merged cases hear what the one of the leading case hears, under their own codes."""
    unit = session.get_one(Unit, case.unit_id).name
    for other in merged:
        words = rulebook.words.notices["merged_news"].format(unit=unit, code=other.code, into=case.code, text=text)
        key = f"event:{event.id}:{other.id}"
        outbox.enqueue(session, other.conversation_id, key, words, event.at, author="officer", case_id=other.id)


def _tell_followers(
    session: Session,
    rulebook: Rulebook,
    case: Case,
    people: Sequence[int],
    event: CaseEvent,
    text: str,
    unit: str,
) -> None:
    """What becomes of the case, in their own words: they did not file it, so neither its link nor a button is theirs.

    The message is of no case: one that does not arrive says nothing about the reporter being reached.
    """
    words = rulebook.words.notices[f"follower_{event.kind}"]
    message = words.format(unit=unit, code=case.code, text=text, due=format_deadline(case.due_at))
    for conversation_id in people:
        key = f"event:{event.id}:f{conversation_id}"
        outbox.enqueue(session, conversation_id, key, message, event.at, author="system")


def officer_spoke(conversation: Conversation) -> None:
    """Who spoke last owns the next words: the bot's old buttons and questions no longer count as asked."""
    conversation.options = []
    conversation.officer_spoke = True
