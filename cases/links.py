"""Further accounts of the citizen who filed a case: opened with the secret word of the receipt; called by actions.

Such an account sees the case and hears of it like the one it was filed from. A lost telephone loses no case.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey, or_, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column

from cases import audit
from cases.history import record
from cases.model import Case
from cases.rulebook import Rulebook
from core import outbox
from core.db import Base, UtcDateTime, insert_once
from core.model import Conversation


class CaseLink(Base):
    """One further account that hears of a case."""

    __tablename__ = "case_links"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"), primary_key=True, index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


def owned_by(conversation_id: int) -> ColumnElement[bool]:
    """The condition on cases that are this account's own: filed from it, or opened in it with the secret word."""
    opened = select(CaseLink.case_id).where(CaseLink.conversation_id == conversation_id)
    return or_(Case.conversation_id == conversation_id, Case.id.in_(opened))


def own_cases(session: Session, conversation_id: int) -> Sequence[Case]:
    """The cases this account may change as its citizen, newest first."""
    query = select(Case).where(owned_by(conversation_id)).order_by(Case.opened_at.desc(), Case.id.desc())
    return session.scalars(query.options(joinedload(Case.unit))).all()


def own_case(session: Session, conversation_id: int, code: str) -> Case | None:
    """None for somebody else's code and for one that does not exist alike."""
    return session.scalars(select(Case).where(Case.code == code, owned_by(conversation_id))).first()


def accounts_of(session: Session, case: Case) -> Sequence[Conversation]:
    """Every conversation that hears of a case, the one it was filed from first."""
    links = select(CaseLink.conversation_id).where(CaseLink.case_id == case.id)
    others = session.scalars(select(Conversation).where(Conversation.id.in_(links)).order_by(Conversation.id))
    return [session.get_one(Conversation, case.conversation_id), *others]


def link(session: Session, rulebook: Rulebook, case: Case, conversation_id: int, turn_id: int, now: datetime) -> None:
    """This account hears of the case from now on; the others are told, for it might be somebody else's hand."""
    known = accounts_of(session, case)
    values = {"case_id": case.id, "conversation_id": conversation_id, "at": now}
    if conversation_id == case.conversation_id or not insert_once(session, CaseLink, values):
        return
    channel = session.get_one(Conversation, conversation_id).channel
    event = record(session, case, "account_linked", now, turn=turn_id, channel=channel)
    audit.note(session, None, "case_linked", case.code, now, conversation=conversation_id, channel=channel)
    text = rulebook.words.notices["account_linked"].format(code=case.code)
    for account in known:
        key = f"event:{event.id}:c{account.id}"
        outbox.enqueue(session, account.id, key, text, now, author="system", case_id=case.id)
