"""What citizens who joined a case told of it, words and photos, each a number and no name; called by the desk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.model import Case, CaseEvent
from core.attachments import REMOVED
from core.model import Attachment, Inbound, Turn

TELLS = frozenset({"joined", "follower_said", "follower_disputed"})
KINDS = TELLS | {"left"}


@dataclass(frozen=True)
class Told:
    """One time that somebody told something; `number` is theirs on this case, 0 when it is not known who it was."""

    number: int
    event: CaseEvent
    attachments: Sequence[Attachment]


def numbers(session: Session, case: Case) -> Mapping[int, int]:
    """Who is behind each event of joiners, by its id: the first who joined is 1, and keeps that for ever."""
    found: dict[int, int] = {}
    people: dict[int, int] = {}
    who = _conversations(session, case)
    for event in case.events:
        conversation_id = who.get(event.data.get("turn") or 0) if event.kind in KINDS else None
        if conversation_id is not None:
            found[event.id] = people.setdefault(conversation_id, len(people) + 1)
    return found


def told(session: Session, case: Case) -> Sequence[Told]:
    """What they told, in order; without those who only joined. Whoever shows it asks first who may see reporters."""
    number, who = numbers(session, case), _conversations(session, case)
    found = []
    for event in case.events:
        if event.kind in TELLS:
            files = _files(session, event, who.get(event.data.get("turn") or 0))
            if files or event.data.get("text"):
                found.append(Told(number.get(event.id, 0), event, files))
    return found


def _conversations(session: Session, case: Case) -> Mapping[int, int]:
    turns = {event.data["turn"] for event in case.events if event.kind in KINDS and event.data.get("turn")}
    rows = session.execute(select(Turn.id, Turn.conversation_id).where(Turn.id.in_(turns))) if turns else ()
    return {turn_id: conversation_id for turn_id, conversation_id in rows}


def _files(session: Session, event: CaseEvent, conversation_id: int | None) -> Sequence[Attachment]:
    """What came along: of a report that became a joining everything since its first words."""
    if conversation_id is None:
        return ()
    last = event.data["turn"]
    sent = Inbound.turn_id.between(event.data.get("began") or last, last)
    query = select(Attachment).join(Inbound, Inbound.id == Attachment.inbound_id)
    mine = query.where(Inbound.conversation_id == conversation_id, sent, Attachment.status.not_in(REMOVED))
    return session.scalars(mine.order_by(Attachment.id)).all()
