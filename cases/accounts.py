"""What an administrator does with accounts: make, close, move, roles, leave, hand-over, links. Called by desk.

Every change is in the audit log, in the same transaction. Nobody changes the own account's role, unit or access here:
a right cannot be given to oneself, and the last administrator cannot lock the door from outside.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from cases import audit, officers, queries, resets, second_factor
from cases.history import record
from cases.model import Case, Officer, Unit
from cases.officers import OfficerError, Role
from cases.steps import touch
from cases.workflow import OPEN
from core.db import ROW_LOCK


class OwnAccountError(OfficerError):
    """An administrator tried to change role, unit or access of the account they are logged in with."""


class UnfitUnitError(OfficerError):
    """The unit does not exist or is closed."""


class UnfitColleagueError(OfficerError):
    """Cases cannot go to this colleague: closed, away, or with a role that does not work cases."""


@dataclass(frozen=True)
class HandedOver:
    """How many cases went to the colleague, and how many the colleague may not see: those are back in their queue."""

    passed: int
    returned: int


def listed(session: Session, text: str = "") -> Sequence[Officer]:
    """Accounts whose user name or name holds the text, open ones first."""
    query = select(Officer).options(joinedload(Officer.unit))
    if text:
        query = query.where(
            or_(Officer.username.icontains(text, autoescape=True), Officer.name.icontains(text, autoescape=True))
        )
    return session.scalars(query.order_by(Officer.active.desc(), Officer.username)).all()


def officer_for(session: Session, officer_id: int, *, lock: bool = False) -> Officer:
    """The account; raises NotFoundError."""
    query = select(Officer).where(Officer.id == officer_id).options(joinedload(Officer.unit))
    if lock:
        query = query.with_for_update(of=Officer, **ROW_LOCK)
    found = session.scalars(query).first()
    if found is None:
        raise queries.NotFoundError(str(officer_id))
    return found


def invite(
    session: Session, username: str, name: str, role: str, unit_id: str, by: Officer, now: datetime
) -> tuple[Officer, str]:
    """A new account without a password, and the token of the link with which its owner sets one."""
    _open_unit(session, unit_id)
    # Nobody knows this password, and the link replaces it.
    made = officers.create_officer(session, username, name, role, unit_id, secrets.token_urlsafe(32), now)
    audit.note(session, by.id, "officer_made", subject(made), now, role=made.role, unit=unit_id)
    return made, resets.make(session, made, by, now)


def rename(session: Session, officer: Officer, name: str, by: Officer, now: datetime) -> None:
    """Another name for people to read; the user name stays."""
    if name != officer.name:
        officer.name = name
        audit.note(session, by.id, "officer_renamed", subject(officer), now)


def place(session: Session, officer: Officer, role: str, unit_id: str, by: Officer, now: datetime) -> None:
    """Another role or unit; the sessions end, so that nothing is done with the old rights."""
    before = {"role": officer.role, "unit": officer.unit_id}
    if (officer.role, officer.unit_id) == (role, unit_id):
        return
    _not_oneself(officer, by)
    _open_unit(session, unit_id)
    officer.role, officer.unit_id = Role(role).value, unit_id
    officers.end_sessions(officer)
    audit.note(session, by.id, "officer_placed", subject(officer), now, before=before, role=role, unit=unit_id)


def close(session: Session, officer: Officer, by: Officer, now: datetime) -> None:
    """The person has left: no session, no link and no password opens anything any more."""
    _not_oneself(officer, by)
    officers.deactivate(officer)
    audit.note(session, by.id, "officer_closed", subject(officer), now)


def reopen(session: Session, officer: Officer, by: Officer, now: datetime) -> str:
    """The person is back: an account without a password, and the token of a new link."""
    officer.active = True
    officer.password_hash = officers.hash_password(secrets.token_urlsafe(32))
    audit.note(session, by.id, "officer_reopened", subject(officer), now)
    return resets.make(session, officer, by, now)


def set_leave(
    session: Session, officer: Officer, start: datetime | None, end: datetime | None, by: Officer, now: datetime
) -> None:
    """Away in [start, end), without an end until further notice; None and None ends the leave."""
    _not_oneself(officer, by)
    officer.leave_from, officer.leave_until = start, end
    action = "leave_set" if start else "leave_ended"
    period: dict[str, Any] = {"start": start and start.isoformat(), "end": end and end.isoformat()}
    audit.note(session, by.id, action, subject(officer), now, **period)


def make_link(session: Session, officer: Officer, by: Officer, now: datetime) -> str:
    """A link for a forgotten password; the old password keeps working until the link is used."""
    audit.note(session, by.id, "reset_made", subject(officer), now)
    return resets.make(session, officer, by, now)


def use_link(session: Session, token: str, password_hash: str, now: datetime) -> Officer | None:
    """The owner sets the password: every session ends and the lock opens. None when the link is worth nothing."""
    officer = resets.use(session, token, now)
    if officer is None:
        return None
    officers.change_password(session, officer.id, password_hash)
    officer.failed_logins, officer.locked_until = 0, None
    audit.note(session, officer.id, "reset_used", subject(officer), now)
    return officer


def unlock(session: Session, officer: Officer, by: Officer, now: datetime) -> None:
    """Let in again somebody who is locked after wrong passwords."""
    officer.failed_logins, officer.locked_until = 0, None
    audit.note(session, by.id, "officer_unlocked", subject(officer), now)


def remove_factor(session: Session, officer: Officer, by: Officer, now: datetime) -> None:
    """The phone is lost; the sessions end, in case it was not lost but taken."""
    if second_factor.remove(session, officer.id):
        officers.end_sessions(officer)
        audit.note(session, by.id, "factor_removed", subject(officer), now)


def open_cases(session: Session, officer_id: int) -> int:
    """How many open cases lie with this officer."""
    query = select(func.count(Case.id)).where(Case.officer_id == officer_id, Case.status.in_(OPEN))
    return session.scalar(query) or 0


def colleagues(session: Session, officer: Officer, now: datetime) -> list[Officer]:
    """Who may take over the officer's cases: at work, working cases, those of the same unit first."""
    query = select(Officer).where(Officer.id != officer.id, Officer.active).options(joinedload(Officer.unit))
    fit = [other for other in session.scalars(query.order_by(Officer.name)) if _may_take_over(other, now)]
    return sorted(fit, key=lambda other: other.unit_id != officer.unit_id)


def hand_over(session: Session, officer: Officer, colleague_id: int | None, by: Officer, now: datetime) -> HandedOver:
    """All open cases of an officer to a colleague, or (None) back into their queues; the clocks keep running."""
    colleague = None if colleague_id is None else officer_for(session, colleague_id)
    if colleague is not None and (colleague.id == officer.id or not _may_take_over(colleague, now)):
        raise UnfitColleagueError(str(colleague_id))
    held = select(Case).where(Case.officer_id == officer.id, Case.status.in_(OPEN)).order_by(Case.id)
    cases = session.scalars(held.with_for_update(**ROW_LOCK)).all()
    seen = set()
    if colleague is not None:
        visible = queries.visible_to(session, colleague)
        seen = set(session.scalars(select(Case.id).where(Case.id.in_([case.id for case in cases]), visible)))
    for case in cases:
        to = colleague if case.id in seen else None
        case.officer_id = to.id if to else None
        record(session, case, "handed_over", now, by, source=officer.id, target=case.officer_id)
        touch(case)
    result = HandedOver(len(seen), len(cases) - len(seen))
    audit.note(session, by.id, "handed_over", subject(officer), now, to=colleague_id, **vars(result))
    return result


def subject(officer: Officer) -> str:
    """The account's name in the audit log."""
    return f"officer:{officer.id}"


def _may_take_over(officer: Officer, now: datetime) -> bool:
    return officers.has_access(officer, now) and officers.may_act(officer)


def _not_oneself(officer: Officer, by: Officer) -> None:
    if officer.id == by.id:
        raise OwnAccountError(officer.username)


def _open_unit(session: Session, unit_id: str) -> None:
    unit = session.get(Unit, unit_id)
    if unit is None or not unit.active:
        raise UnfitUnitError(unit_id)
