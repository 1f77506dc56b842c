"""What platforms tell besides messages: receipts, echoes, reactions, edits, who holds a conversation; see `inbox`."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import sealed
from core.db import ROW_LOCK, insert_once
from core.erased import is_erased
from core.events import InboundEvent
from core.model import Conversation, Inbound, Outbound, PlatformNotice
from core.vault import Vault

MOST_IDS = 200
LONGEST_SIGN = 40
CITIZEN_ACTS = {"reaction", "referral", "interaction", "edit"}
WATERMARK_REACHES = timedelta(days=30)


def apply(
    session: Session, event: InboundEvent, conversation: Conversation | None, now: datetime, vault: Vault
) -> None:
    """Take one signal in; repeats change nothing, and one that speaks of nothing we know is no error."""
    if event.kind == "notice":
        _note(session, event, now)
    elif event.kind in {"delivered", "seen"}:
        _receipt(session, event, conversation, now)
    elif event.kind == "reaction":
        _react(session, event)
    elif conversation is not None:
        _in_conversation(session, event, conversation, now, vault)


def _in_conversation(
    session: Session, event: InboundEvent, conversation: Conversation, now: datetime, vault: Vault
) -> None:
    match event.kind:
        case "echo":
            _confirm(session, event, conversation, now)
        case "human":
            _keep_words_of_a_person(session, event, conversation, now)
        case "edit":
            _edit(session, event, conversation, vault)
        case "taken":
            conversation.human_at = now
        case "passed":
            conversation.human_at = None
        case "left":
            conversation.left_at = now


def _react(session: Session, event: InboundEvent) -> None:
    ours = (Outbound.status == "sent", Outbound.external_id == event.payload)
    session.execute(update(Outbound).where(*ours).values(reaction=event.text[:LONGEST_SIGN] or None))


def _note(session: Session, event: InboundEvent, now: datetime) -> None:
    """One row for each kind of notice: how often, and when last."""
    reason = (event.payload or "unnamed")[:80]
    first = {"channel": event.channel, "reason": reason, "count": 0, "first_at": now, "last_at": now}
    insert_once(session, PlatformNotice, first)
    mine = (PlatformNotice.channel == event.channel, PlatformNotice.reason == reason)
    session.execute(update(PlatformNotice).where(*mine).values(count=PlatformNotice.count + 1, last_at=now))


def _receipt(session: Session, event: InboundEvent, conversation: Conversation | None, now: datetime) -> None:
    """By ids where there are any; a watermark alone speaks of everything sent to this citizen until then."""
    ids = (event.payload or "").split("\n")[:MOST_IDS] if event.payload else []
    query = update(Outbound).where(Outbound.status != "waiting")
    if ids:
        query = query.where(Outbound.external_id.in_(ids))
    elif conversation is None:
        return
    else:
        since = event.sent_at - WATERMARK_REACHES
        until = (Outbound.sent_at <= event.sent_at, Outbound.sent_at > since)
        query = query.where(Outbound.conversation_id == conversation.id, *until)
    session.execute(query.where(Outbound.delivered_at.is_(None)).values(delivered_at=now))
    if event.kind == "seen":
        session.execute(query.where(Outbound.seen_at.is_(None)).values(seen_at=now))


def _confirm(session: Session, event: InboundEvent, conversation: Conversation, now: datetime) -> None:
    """The platform has taken a message whose answer was lost: it must not be sent a second time."""
    query = select(Outbound).where(Outbound.conversation_id == conversation.id, Outbound.status == "waiting")
    waiting = session.scalars(query.where(Outbound.attempts > 0).order_by(Outbound.id).with_for_update(**ROW_LOCK))
    for row in waiting:
        if row.key == event.payload or (event.payload is None and _same_words(row, event.text)):
            row.status, row.external_id, row.sent_at = "sent", event.external_id, now
            row.leased_until = row.error = None
            return


def _same_words(row: Outbound, words: str) -> bool:
    ours = row.text.strip()
    return bool(ours) and words.strip().startswith(ours)  # the link to the portal may follow


def _keep_words_of_a_person(session: Session, event: InboundEvent, conversation: Conversation, now: datetime) -> None:
    """Somebody answered in the platform's own inbox: kept like an officer's message, and the bot steps back."""
    digest = hashlib.sha256(f"{event.channel}:{event.external_id}".encode()).hexdigest()
    values = {
        "key": f"inbox:{digest}",
        "conversation_id": conversation.id,
        "author": "officer",
        "text": event.text,
        "buttons": [],
        "status": "sent",
        "attempts": 0,
        "route": "inbox",
        "next_at": now,
        "external_id": event.external_id,
        "created_at": now,
        "sent_at": now,
    }
    if insert_once(session, Outbound, values):
        conversation.human_at = now
        conversation.officer_spoke = True
        conversation.options = []


def _edit(session: Session, event: InboundEvent, conversation: Conversation, vault: Vault) -> None:
    """The new words replace the old, which are kept beside them; a message that was erased stays erased.

    The bot reads an edit only while its turn is still to come, so the words rest sealed like any not understood.
    """
    query = select(Inbound).where(Inbound.channel == event.channel, Inbound.external_id == event.payload)
    row = session.scalars(query.where(Inbound.conversation_id == conversation.id).with_for_update(**ROW_LOCK)).first()
    if row is None or is_erased(row.text):
        return
    words = sealed.words_of(vault, row)
    if words.text == event.text:
        return
    original = words.text if words.original is None else words.original
    sealed.keep_sealed(vault, row, replace(words, text=event.text, original=original))
