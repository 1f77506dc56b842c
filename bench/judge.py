"""What a conversation of `bench.chaos` shows in the end: what was lost, doubled, turned round or repeated."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.model import Case
from core.model import Conversation, Inbound, Outbound, Turn
from tests.stack import Citizen


@dataclass
class Told:
    """One citizen and all words they sent, in order."""

    citizen: Citizen
    words: list[str] = field(default_factory=list)


def judge(session: Session, told: Told, screen: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """What one conversation shows: the store against what was written, the screen against the store."""
    mine = (Conversation.channel == told.citizen.channel, Conversation.user_id == told.citizen.user)
    conversation = session.scalars(select(Conversation).where(*mine)).one()
    ours = Inbound.conversation_id == conversation.id
    taken = select(Inbound.text, Turn.status).join(Turn, Turn.id == Inbound.turn_id).where(ours)
    rows = session.execute(taken.order_by(Inbound.turn_id, Inbound.sent_at, Inbound.id)).all()
    words = [text for text, _ in rows]
    replies = session.execute(
        select(Outbound.text, Outbound.status).where(Outbound.conversation_id == conversation.id).order_by(Outbound.id)
    ).all()
    shown = [message["text"] for message in screen if message["sender"] == "page"]
    repeated, turned = against([text for text, status in replies if status == "sent"], shown)
    filed = Counter(session.scalars(select(Case.description).where(Case.conversation_id == conversation.id)))
    wanted = {text for text in told.words if text.startswith("Ngõ")}
    return {
        "lost": sum((Counter(told.words) - Counter(words)).values()),
        "unanswered": sum(status != "done" for _, status in rows),
        "not_delivered": sum(status != "sent" for _, status in replies),
        "order_faults": int(words != told.words and Counter(words) == Counter(told.words)) + turned,
        "replies": len(replies),
        "repeated": repeated,
        "cases": sum(filed.values()),
        "cases_missing": len(wanted - set(filed)),
        "cases_doubled": sum(filed.values()) - len(filed),
    }


def against(stored: Sequence[str], shown: Sequence[str]) -> tuple[int, int]:
    """How many messages on the screen are repeats of the one before, and how many are out of order."""
    position, repeated, turned = 0, 0, 0
    for text in shown:
        if position < len(stored) and text == stored[position]:
            position += 1
        elif text in stored[:position]:
            repeated += 1
        else:
            turned += 1
    return repeated, turned + len(stored) - position
