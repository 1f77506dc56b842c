"""What an officer's move tells the citizen, and that an officer spoke; called by service and attention."""

from sqlalchemy.orm import Session

from cases.deadlines import format_deadline
from cases.model import Case, CaseEvent, Unit
from cases.rulebook import Rulebook
from core import outbox
from core.model import Conversation


def notify(
    session: Session, rulebook: Rulebook, case: Case, event: CaseEvent, text: str, unit: Unit | None = None
) -> None:
    """Enqueue the notice of an officer's move; a resolved case comes with the button that reopens it."""
    sender = unit or session.get_one(Unit, case.unit_id)
    due = format_deadline(case.due_at)
    unit_name = sender.name if event.kind == "transferred" else sender.name[:1].upper() + sender.name[1:]
    message = rulebook.words.notices[event.kind].format(unit=unit_name, code=case.code, text=text, due=due)
    conversation = session.get_one(Conversation, case.conversation_id)
    officer_spoke(conversation)
    if event.kind == "resolved":
        payload = f'/dispute_result{{"case_code": "{case.code}"}}'
        title, token = rulebook.words.notices["button_not_done"], f"#1.e{event.id:x}"
        conversation.options = [{"title": title, "payload": payload, "token": token, "label": "dispute_result"}]
    outbox.enqueue(
        session,
        case.conversation_id,
        f"event:{event.id}",
        message,
        event.at,
        author="officer",
        case_id=case.id,
        buttons=[{"title": option["title"], "payload": option["token"]} for option in conversation.options],
    )


def officer_spoke(conversation: Conversation) -> None:
    """Who spoke last owns the next words: the bot's old buttons and questions no longer count as asked."""
    conversation.options = []
    conversation.officer_spoke = True
