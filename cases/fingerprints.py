"""Finds a picture that was used before, by what it looks like; called by proof.

Somebody who sends the picture of another report, or an officer who closes two cases with one photo: a hint for a person
to look at, never a verdict. `core.content` makes the fingerprints.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.model import Attachment, Conversation, Inbound

MOST_BITS_APART = 6  # of 64: recompressing and resizing changes 0 to 4, other pictures differ in 16 and more
LOOK_BACK = timedelta(days=365)
LATEST = 2000  # pictures of other citizens that are compared bit by bit; one that looks exactly alike is always found


@dataclass(frozen=True)
class Earlier:
    """An earlier use of the same picture; `bits_apart` is 0 for one that looks exactly alike."""

    attachment_id: int
    inbound_id: int
    conversation_id: int
    sent_at: datetime
    bits_apart: int


def bits_apart(one: str, other: str) -> int:
    """In how many of 64 spots two fingerprints differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def used_before(session: Session, attachment: Attachment) -> list[Earlier]:
    """Earlier messages with the same picture, of anybody, the newest first; forwarded within one message it is one."""
    if attachment.fingerprint is None:
        return []
    sent_at = session.scalars(select(Inbound.sent_at).where(Inbound.id == attachment.inbound_id)).one()
    query = (
        select(Attachment.id, Inbound.id, Conversation.id, Inbound.sent_at, Attachment.fingerprint)
        .join(Inbound, Inbound.id == Attachment.inbound_id)
        .join(Conversation, Conversation.id == Inbound.conversation_id)
        .where(Attachment.fingerprint.is_not(None), Attachment.inbound_id != attachment.inbound_id)
        .where(Inbound.sent_at <= sent_at, Inbound.sent_at > sent_at - LOOK_BACK)
        .order_by(Inbound.sent_at.desc())
    )
    found = []
    for attachment_id, inbound_id, conversation_id, moment, other in session.execute(query):
        apart = bits_apart(attachment.fingerprint, other or "0")
        if apart <= MOST_BITS_APART:
            found.append(Earlier(attachment_id, inbound_id, conversation_id, moment, apart))
    return found


def sent_by_citizen(session: Session, fingerprint: str, conversation_id: int, now: datetime) -> int | None:
    """The conversation in which somebody sent a picture that looks like this: this one first, then anybody's."""
    query = (
        select(Inbound.conversation_id, Attachment.fingerprint)
        .join(Inbound, Inbound.id == Attachment.inbound_id)
        .where(Attachment.fingerprint.is_not(None), Inbound.sent_at > now - LOOK_BACK)
        .order_by(Attachment.id.desc())
    )
    own = query.where(Inbound.conversation_id == conversation_id)
    exact = query.where(Attachment.fingerprint == fingerprint)
    for wanted in (own, exact.limit(1), query.limit(LATEST)):
        for sender, other in session.execute(wanted):
            if bits_apart(fingerprint, other or "0") <= MOST_BITS_APART:
                return int(sender)
    return None
