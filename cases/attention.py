"""Conversations that need a person although they have no case: who sees them, answering, closing; called by desk."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.model import Officer
from cases.notices import officer_spoke
from cases.officers import Role
from cases.place_types import CITY_ID
from cases.queries import NotFoundError
from cases.rulebook import Rulebook
from core import outbox
from core.db import ROW_LOCK
from core.model import Conversation

PLAIN = "{text}"
REASONS = ("bot_failed", "privacy_request", "ask_human", "praise")  # weightiest first


def may_see(officer: Officer) -> bool:
    """Such a conversation has no place yet, so it belongs to the city, not to a ward."""
    return officer.unit_id == CITY_ID or officer.role == Role.ADMINISTRATOR


def call_attention(session: Session, conversation_id: int, reason: str, now: datetime) -> None:
    """Put a conversation on the list; a weightier reason that is there already is not replaced by a lighter one."""
    conversation = session.get_one(Conversation, conversation_id)
    weight = {name: number for number, name in enumerate(REASONS)}
    before = conversation.attention
    if before is None or weight[reason] <= weight.get(before, len(REASONS)):
        conversation.attention = reason
    conversation.attention_at = now


def waiting(session: Session, *, limit: int = 100) -> Sequence[Conversation]:
    """Conversations that wait for a person, the longest waiting first."""
    query = select(Conversation).where(Conversation.attention.is_not(None))
    return session.scalars(query.order_by(Conversation.attention_at, Conversation.id).limit(limit)).all()


def count(session: Session) -> int:
    """How many conversations wait for a person."""
    return session.scalar(select(func.count(Conversation.id)).where(Conversation.attention.is_not(None))) or 0


def conversation_for(session: Session, officer: Officer, conversation_id: int, *, lock: bool = False) -> Conversation:
    """The gate: only while it waits, only for who may see the list; raises NotFoundError for everything else."""
    query = select(Conversation).where(Conversation.id == conversation_id, Conversation.attention.is_not(None))
    found = session.scalars(query.with_for_update(**ROW_LOCK) if lock else query).first()
    if found is None or not may_see(officer):
        raise NotFoundError(str(conversation_id))
    return found


def answer(
    session: Session, rulebook: Rulebook, conversation: Conversation, text: str, token: str, now: datetime
) -> bool:
    """Write to the citizen; the same `token` (one per shown form) again sends nothing and says False."""
    notice = rulebook.words.notices.get("attention_reply", PLAIN).format(text=text)
    key = f"attention:{conversation.id}:{token}"
    officer_spoke(conversation)
    conversation.human_at = now  # a person talks now: the bot is silent until they end it or for a while
    return outbox.enqueue(session, conversation.id, key, notice, now, author="officer")


def state_of(conversation: Conversation) -> str:
    """What `close` compares: changes whenever something new asks for a person."""
    return conversation.attention_at.isoformat() if conversation.attention_at else ""


def close(conversation: Conversation, seen: str) -> bool:
    """Take it off the list; False when something new came after the officer's page (`seen`) was made."""
    if state_of(conversation) != seen:
        return False
    conversation.attention = None
    conversation.attention_at = None
    conversation.human_at = None
    return True
