"""Stores what citizens sent, their words sealed, and lets held messages go; called by intake.

Many messages at once cost hardly more than one: at a burst the gateway spends its time on building statements, so each
is made once and said once for all messages of a transaction, not once for each.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import bindparam, select, tuple_, update
from sqlalchemy.orm import Session

from core import sealed, signals
from core.db import ROW_LOCK, Base, insert_all_once, insert_once
from core.events import SIGNALS, InboundEvent
from core.model import Attachment, Conversation, Inbound
from core.vault import Vault

LONGEST_CHOICE = 2  # characters of an answer by number, which need not settle

Citizen = tuple[str, str]  # channel, and the platform's id of the person

_WHO = select(Conversation).where(
    Conversation.channel == bindparam("channel"), Conversation.user_id == bindparam("user_id")
)
# On the tables and not their classes: half the price of building a statement.
_CONVERSATIONS, _OUTBOUNDS = Base.metadata.tables["conversations"], Base.metadata.tables["outbounds"]
# Locked in one order, so that two groups with the same citizens never wait for each other.
_THEIRS = (
    select(_CONVERSATIONS.c.id, _CONVERSATIONS.c.channel, _CONVERSATIONS.c.user_id)
    .where(tuple_(_CONVERSATIONS.c.channel, _CONVERSATIONS.c.user_id).in_(bindparam("who", expanding=True)))
    .order_by(_CONVERSATIONS.c.id)
    .with_for_update(**ROW_LOCK)
)
_HERE = (
    update(_CONVERSATIONS)
    .where(_CONVERSATIONS.c.id.in_(bindparam("here", expanding=True)))
    # By our clock: the platform's may be off, and it alone decides whether its reply window is still open.
    .values(last_inbound_at=bindparam("now"), left_at=None)
)
_LET_GO = (
    update(_OUTBOUNDS)
    .where(_OUTBOUNDS.c.conversation_id.in_(bindparam("here", expanding=True)), _OUTBOUNDS.c.status == "held")
    .values(status="waiting", next_at=bindparam("now"), created_at=bindparam("now"), error=None)
)


def accept(session: Session, events: Sequence[InboundEvent], now: datetime, vault: Vault) -> int:
    """Store the events in their order, each once: a repeat of a platform's id changes nothing. Counts the new ones."""
    conversations = _conversations(session, [event for event in events if event.kind not in SIGNALS], now)
    new = 0
    for signal, group in groupby(events, key=lambda event: event.kind in SIGNALS):
        if signal:
            for event in group:
                _take_signal(session, event, now, vault)
                new += 1
        else:
            session.flush()  # what a signal before them changed comes before them
            new += _take_messages(session, list(group), conversations, now, vault)
            session.expire_all()
    return new


def get_conversation(session: Session, channel: str, user_id: str, now: datetime) -> Conversation:
    """The conversation of a citizen on a channel, made at first sight."""
    who = {"channel": channel, "user_id": user_id}
    found = session.scalars(_WHO, who).first()
    if found is not None:
        return found
    insert_once(session, Conversation, _first(channel, user_id, now))
    return session.scalars(_WHO, who).one()


def _take_messages(
    session: Session, events: Sequence[InboundEvent], conversations: Mapping[Citizen, int], now: datetime, vault: Vault
) -> int:
    told: dict[tuple[str, str], InboundEvent] = {}
    for event in events:
        told.setdefault((event.channel, event.external_id), event)  # brought twice in the same breath, told once
    rows = [
        {
            "channel": event.channel,
            "external_id": event.external_id,
            "conversation_id": conversations[event.channel, event.user_id],
            "kind": event.kind,
            "sealed": sealed.seal(vault, event.text, event.payload),
            "location": event.location,
            "settles": _is_free_text(event),
            "sent_at": event.sent_at,
            "received_at": now,
        }
        for event in told.values()
    ]
    returned = (Inbound.id, Inbound.channel, Inbound.external_id)
    stored = insert_all_once(session, Inbound, rows, returned)
    new = [(key, told[channel, name]) for key, channel, name in sorted(stored)]
    if new:
        _keep_attachments(session, new, now)
        _citizens_are_here(session, {conversations[event.channel, event.user_id] for _, event in new}, now)
        for _, event in new:
            _note_circumstances(session, conversations[event.channel, event.user_id], event, now)
    return len(new)


def _conversations(session: Session, events: Sequence[InboundEvent], now: datetime) -> dict[Citizen, int]:
    who = sorted({(event.channel, event.user_id) for event in events})
    found = _ids_of(session, who) if who else {}
    strangers = [citizen for citizen in who if citizen not in found]
    if strangers:
        insert_all_once(session, Conversation, [_first(*citizen, now) for citizen in strangers], (Conversation.id,))
        found |= _ids_of(session, strangers)
    return found


def _ids_of(session: Session, who: Sequence[Citizen]) -> dict[Citizen, int]:
    return {(channel, user_id): key for key, channel, user_id in session.connection().execute(_THEIRS, {"who": who})}


def _first(channel: str, user_id: str, now: datetime) -> dict[str, object]:
    return {"channel": channel, "user_id": user_id, "state": {}, "options": [], "created_at": now}


def _is_free_text(event: InboundEvent) -> bool:
    """Words of one's own, which may go on in the next message; a tap (on Zalo: a token as text) never does."""
    words = event.text.strip()
    return event.kind == "text" and not event.payload and len(words) > LONGEST_CHOICE and not words.startswith("#")


def _keep_attachments(session: Session, new: Sequence[tuple[int, InboundEvent]], now: datetime) -> None:
    for inbound_id, event in new:
        for attachment in event.attachments:
            session.add(Attachment(inbound_id=inbound_id, kind=attachment["type"], url=attachment["url"], next_at=now))


def _citizens_are_here(session: Session, conversation_ids: set[int], now: datetime) -> None:
    """The reply window is open again: what waited for that goes out now, in the order it was written."""
    here = {"here": sorted(conversation_ids), "now": now}
    session.connection().execute(_HERE, here)
    session.connection().execute(_LET_GO, here)


def _note_circumstances(session: Session, conversation_id: int, event: InboundEvent, now: datetime) -> None:
    """By which link the citizen came, and that a person at the platform's inbox holds the conversation."""
    told: dict[str, object] = {}
    if event.referral:
        told["source"] = event.referral
    if event.standby:
        told["human_at"] = now
    if told:
        query = update(Conversation).where(Conversation.id == conversation_id).values(**told)
        session.execute(query, execution_options={"synchronize_session": False})


def _take_signal(session: Session, event: InboundEvent, now: datetime, vault: Vault) -> None:
    """Only what a citizen or a person at the platform's inbox did makes a conversation that was not there before."""
    who = {"channel": event.channel, "user_id": event.user_id}
    conversation = session.scalars(_WHO, who).first() if event.user_id else None
    if conversation is None and event.kind in {"human", "referral", "interaction"}:
        conversation = get_conversation(session, event.channel, event.user_id, now)
    signals.apply(session, event, conversation, now, vault)
    if conversation is not None and event.kind in signals.CITIZEN_ACTS:
        session.flush()
        _citizens_are_here(session, {conversation.id}, now)
        _note_circumstances(session, conversation.id, event, now)
        session.expire(conversation)
