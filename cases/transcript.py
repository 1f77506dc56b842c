"""A conversation as one plain structure, for `manage.py conversation` and tests from outside; reads the real store."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.links import own_cases
from cases.model import Case
from cases.queries import Message, messages_of
from core.model import Conversation, Inbound, Turn
from core.vault import Vault


def transcript(session: Session, channel: str, user: str, vault: Vault) -> dict[str, Any]:
    """Messages both ways, what was asked last (slot name), the options offered, the citizen's cases, oldest first."""
    query = select(Conversation).where(Conversation.channel == channel, Conversation.user_id == user)
    conversation = session.scalars(query).first()
    empty: dict[str, Any] = {
        "channel": channel,
        "user": user,
        "messages": [],
        "asked": None,
        "options": [],
        "cases": [],
    }
    if conversation is None:
        return {**empty, "pending": 0, "attention": None}
    return {
        **empty,
        "messages": [_message(message) for message in messages_of(session, conversation.id, vault)],
        "asked": (conversation.state.get("slots") or {}).get("requested_slot"),
        "options": [
            {"n": number, "title": option["title"], "label": option["label"], "payload": option["token"]}
            for number, option in enumerate(conversation.options, 1)
        ],
        "cases": [_case(case) for case in reversed(own_cases(session, conversation.id))],
        "pending": _pending(session, conversation.id),
        "attention": conversation.attention,
    }


def _message(message: Message) -> dict[str, Any]:
    return {
        "direction": "in" if message.author == "citizen" else "out",
        "author": message.author,
        "text": message.text,
        "kind": message.kind,
        "status": message.status,
        "buttons": list(message.buttons),
        "at": message.at.isoformat(),
    }


def _case(case: Case) -> dict[str, Any]:
    return {
        "code": case.code,
        "category": case.category,
        "area": case.area.slug if case.area else None,
        "ward": case.ward.name if case.ward else None,
        "unit": case.unit.name,
        "address": case.address,
        "description": case.description,
        "state": case.status,
        "urgency": case.urgency,
        "due_at": case.due_at.isoformat(),
        "opened_at": case.opened_at.isoformat(),
    }


def _pending(session: Session, conversation_id: int) -> int:
    """Messages of the citizen that have no finished turn yet."""
    waiting = select(Inbound.id).outerjoin(Turn, Turn.id == Inbound.turn_id)
    unfinished = (Turn.id.is_(None)) | (Turn.status == "open")
    return len(session.scalars(waiting.where(Inbound.conversation_id == conversation_id, unfinished)).all())
