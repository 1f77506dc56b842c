"""Reading cases: whose queue, who may see which case, a citizen's own; called by desk, actions and webhook."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, false, or_, select, true
from sqlalchemy.orm import Session

from cases import followers
from cases.codes import without_secret
from cases.links import own_case, owned_by
from cases.masking import mask
from cases.model import Case, Officer, Unit
from cases.place_types import CITY_ID
from cases.workflow import OPEN, Status
from core.db import ROW_LOCK
from core.model import Conversation, Inbound, Outbound, Turn
from core.sealed import Words, words_of
from core.vault import SealBrokenError, Vault

# The receipt tells the citizen a secret that opens the public page: nobody who reads a conversation needs it.
# What stands in a conversation for words that nobody may read yet, or nobody can.
BEING_READ = "[tin mới đến, hệ thống đang đọc]"
UNREADABLE = "[không mở được nội dung tin này]"
SECRET_LINE = re.compile(r"(Từ bí mật để tra cứu: ).+")


class NotFoundError(Exception):
    """No such case, or not one this person may see: the same answer for both, so nobody learns which."""


@dataclass(frozen=True)
class Enclosed:
    """A file that went out with a message; `case_id` is the case it speaks of."""

    outbound_id: int
    title: str
    is_picture: bool
    case_id: int | None


@dataclass(frozen=True)
class Message:
    """One line of a conversation, either way; `inbound_id` is set for what the citizen sent."""

    at: datetime
    author: str  # citizen, bot, officer, system
    text: str
    kind: str
    status: str
    buttons: tuple[str, ...] = ()
    inbound_id: int | None = None
    location: dict[str, float] | None = None
    reason: str = ""  # why it has not reached the citizen, by a code of words.undelivered
    original: str | None = None  # what the citizen wrote before editing it
    seen_at: datetime | None = None
    reaction: str = ""
    enclosed: Enclosed | None = None


def subtree(session: Session, unit_id: str) -> Sequence[str]:
    """Ids of a unit and everything below it (the tree is three levels deep)."""
    tree = select(Unit.id).where(Unit.id == unit_id).cte(recursive=True)
    tree = tree.union_all(select(Unit.id).join(tree, Unit.parent_id == tree.c.id))
    return session.scalars(select(tree.c.id)).all()


def visible_to(session: Session, officer: Officer) -> ColumnElement[bool]:
    """The condition on cases an officer may see: in the unit's subtree, or on the ground of its old district."""
    if not officer.active:
        return false()
    units, area_id = scope_of(session, officer)
    place = true() if units is None else or_(Case.unit_id.in_(units), Case.area_id == area_id)
    return and_(place, _not_about(officer))


def scope_of(session: Session, officer: Officer) -> tuple[Sequence[str] | None, str | None]:
    """The units whose queues an officer sees (None: all), and the old district whose ground they see as well."""
    if officer.unit_id == CITY_ID:
        return None, None
    return subtree(session, officer.unit_id), officer.unit_id


def _not_about(officer: Officer) -> ColumnElement[bool]:
    """Nobody reads a complaint about themselves or about the unit they work for."""
    unit = or_(Case.about_unit_id.is_(None), Case.about_unit_id != officer.unit_id)
    return and_(unit, or_(Case.about_officer_id.is_(None), Case.about_officer_id != officer.id))


def case_for(session: Session, officer: Officer, code: str, *, lock: bool = False) -> Case:
    """The one gate to a case on the desk; raises NotFoundError for "not there" and "not yours" alike."""
    query = select(Case).where(Case.code == code, visible_to(session, officer))
    if lock:
        query = query.with_for_update(**ROW_LOCK, of=Case)
    found = session.scalars(query).first()
    if found is None:
        raise NotFoundError(code)
    return found


def recently_filed(session: Session, conversation_id: int, now: datetime) -> bool:
    """Whether this citizen filed a case in the last half hour, so that a photo without words belongs to it."""
    recent = (Case.status.in_(OPEN), Case.opened_at > now - timedelta(minutes=30))
    return session.scalars(select(Case.id).where(owned_by(conversation_id), *recent)).first() is not None


def recently_resolved(session: Session, conversation_id: int, now: datetime) -> bool:
    """Whether a case of this citizen, or one they follow, was reported as dealt with in the last month.

    Then "not done" may mean it.
    """
    since = now - timedelta(days=30)
    recent = (Case.status == Status.RESOLVED, Case.resolved_at > since)
    if session.scalars(select(Case.id).where(owned_by(conversation_id), *recent)).first() is not None:
        return True
    followed = followers.followed_by(session, conversation_id)
    return any(case.status == Status.RESOLVED and (case.resolved_at or since) > since for case in followed)


def case_of_citizen(session: Session, conversation_id: int, code: str) -> Case:
    """A case by code for its own citizen only; somebody else's code is as unknown as a wrong one: NotFoundError."""
    found = own_case(session, conversation_id, code)
    if found is None:
        raise NotFoundError(code)
    return found


def followed_case(session: Session, conversation_id: int, code: str) -> Case:
    """A case that this citizen follows, by its code or that of the case they joined; else NotFoundError.

    Its state and its result may be told, never the words or the place of who filed it.
    """
    asked = session.scalars(select(Case).where(Case.code == code)).first()
    goes_on = {asked.id, asked.duplicate_of_id} if asked else set()
    found = next((case for case in followers.followed_by(session, conversation_id) if case.id in goes_on), None)
    if found is None:
        raise NotFoundError(code)
    return found


def case_by_code(session: Session, code: str) -> Case | None:
    """For the portal, which asks for the secret word before it says anything."""
    return session.scalars(select(Case).where(Case.code == code)).first()


def messages_of(
    session: Session, conversation_id: int, vault: Vault, *, since: datetime | None = None
) -> list[Message]:
    """A conversation both ways, in the order people saw it; what is still sealed is opened for this look only."""
    inbounds = select(Inbound, Turn.status).outerjoin(Turn, Turn.id == Inbound.turn_id)
    inbounds = inbounds.where(Inbound.conversation_id == conversation_id)
    outbounds = select(Outbound).where(Outbound.conversation_id == conversation_id)
    if since is not None:
        inbounds, outbounds = (
            inbounds.where(Inbound.received_at >= since),
            outbounds.where(Outbound.created_at >= since),
        )
    lines = [
        (row.received_at, row.id, _from_citizen(row, _readable(row, status, vault)))
        for row, status in session.execute(inbounds)
    ]
    # A reply is written after what it answers; the same instant must not turn them round.
    tick = timedelta(microseconds=1)
    lines += [(row.created_at + tick, row.id, _to_citizen(row)) for row in session.scalars(outbounds)]
    return [message for _, _, message in sorted(lines, key=lambda line: line[:2])]


def _readable(row: Inbound, turn: str | None, vault: Vault) -> Words:
    """A person may read what the bot has been asked and could not answer; not what may yet have to be forgotten."""
    if row.sealed is not None and turn in {None, "open"}:
        return Words(row.kind, BEING_READ)
    try:
        return words_of(vault, row)
    except SealBrokenError:
        return Words(row.kind, UNREADABLE)


def _from_citizen(row: Inbound, told: Words) -> Message:
    text = row.choice if row.choice and told.text.startswith("#") else without_secret(told.text)
    kind = "contact" if told.kind == "other" and mask(told.payload or "").phones else row.kind
    return Message(row.received_at, "citizen", text, kind, "received", (), row.id, row.location, "", told.original)


def without_phones(messages: Sequence[Message]) -> list[Message]:
    """As a page shows them: a number that was typed is read by the way that is written down, and by no other."""
    return [
        replace(one, text=mask(one.text).text, original=one.original and mask(one.original).text) for one in messages
    ]


def phones_typed(session: Session, conversation_id: int) -> list[str]:
    """Numbers in what a citizen wrote, each once."""
    texts = session.scalars(select(Inbound.text).where(Inbound.conversation_id == conversation_id).order_by(Inbound.id))
    return list(dict.fromkeys(phone for text in texts for phone in mask(text).phones))


def has_phone(session: Session, conversation: Conversation) -> bool:
    """Whether this citizen has given a number, or typed one."""
    return conversation.phone is not None or bool(phones_typed(session, conversation.id))


def _to_citizen(row: Outbound) -> Message:
    titles = tuple(button["title"] for button in row.buttons)
    text = SECRET_LINE.sub(r"\1•••", row.text)
    reason = {"held": row.error or "", "dropped": row.error or "", "dead": "dead"}.get(row.status, "")
    return Message(
        row.created_at,
        row.author,
        text,
        "inbox" if row.route == "inbox" else "text",
        row.status,
        titles,
        reason=reason,
        seen_at=row.seen_at,
        reaction=row.reaction or "",
        enclosed=_enclosed(row),
    )


def _enclosed(row: Outbound) -> Enclosed | None:
    found = row.attachment
    if found is None or found["kind"] != "file":
        return None
    return Enclosed(row.id, found["title"], found["mime"].startswith("image/"), row.case_id)
