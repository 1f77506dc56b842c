"""Officers of the desk: accounts, roles, passwords and the lock after wrong ones; called by desk.auth and manage.py.

A login is three steps, because computing a password hash takes long and must not hold a transaction: `begin_login`
counts the try before anybody knows whether it is right (guesses sent in parallel cannot outrun the lock),
`password_fits` compares, `finish_login` takes the count back.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from cases import passwords
from cases.model import Officer, Unit
from cases.settings import Settings
from core.db import ROW_LOCK

SHORTEST_PASSWORD = 10
LOCK_AFTER = 5
LOCK_FOR = timedelta(minutes=15)


class Role(StrEnum):
    """What an officer may do; the Vietnamese words are in `catalogue/words.yml`."""

    OFFICER = "officer"
    COORDINATOR = "coordinator"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"


class OfficerError(Exception):
    """An account cannot be made or changed like this; the message names the reason. Not worth a retry."""


class PasswordTooShortError(OfficerError):
    """The password has fewer than ten characters."""


class PasswordCommonError(OfficerError):
    """The password is one that people try first, or is made of the account's own names."""


class UsernameTakenError(OfficerError):
    """Another officer, active or not, has this user name."""


@dataclass(frozen=True)
class Login:
    """One try to log in; `officer_id` is None when this name opens nothing now (unknown, inactive or locked)."""

    officer_id: int | None
    password_hash: str


def create_officer(
    session: Session,
    username: str,
    name: str,
    role: str,
    unit_id: str,
    password: str,
    now: datetime,
    *,
    is_demo: bool = False,
) -> Officer:
    """A new active account; raises OfficerError or one of its kinds."""
    wanted = _plain(username)
    if not wanted or session.get(Unit, unit_id) is None:
        raise OfficerError("an officer needs a user name and a unit that exists")
    if session.scalars(select(Officer.id).where(Officer.username == wanted)).first() is not None:
        raise UsernameTakenError(wanted)
    officer = Officer(
        username=wanted,
        name=name,
        role=Role(role),
        unit_id=unit_id,
        password_hash=hash_password(password, (wanted, name)),
        active=True,
        is_demo=is_demo,
        session_version=0,
        failed_logins=0,
        created_at=now,
    )
    session.add(officer)
    session.flush()
    return officer


def demo_accounts(session: Session) -> Sequence[str]:
    """User names of the demo accounts that still open the desk; none may exist beside a real channel."""
    return session.scalars(select(Officer.username).where(Officer.is_demo, Officer.active)).all()


def begin_login(session: Session, username: str, now: datetime) -> Login:
    """Count a try against the account and hand out what the password is to be compared with."""
    query = select(Officer).where(Officer.username == _plain(username)).with_for_update(**ROW_LOCK)
    officer = session.scalars(query).first()
    if officer is None or not has_access(officer, now) or is_locked(officer, now):
        return Login(None, decoy_hash())
    officer.failed_logins += 1
    if officer.failed_logins >= LOCK_AFTER:
        officer.failed_logins = 0
        officer.locked_until = now + LOCK_FOR
    return Login(officer.id, officer.password_hash)


def password_fits(login: Login, password: str) -> bool:
    """The slow part, the same work whether or not there is such an officer; no session is open meanwhile."""
    try:
        fits = _hasher().verify(login.password_hash, _composed(password))
    except (Argon2Error, InvalidHashError):
        return False
    return fits and login.officer_id is not None


def finish_login(session: Session, login: Login, now: datetime) -> Officer | None:
    """The password was right: forget the wrong ones. None when the account was closed in the meantime."""
    officer = session.get(Officer, login.officer_id, with_for_update=ROW_LOCK)
    if officer is None or not has_access(officer, now):
        return None
    officer.failed_logins = 0
    officer.locked_until = None
    return officer


def officer_of_session(session: Session, officer_id: int, session_version: int, now: datetime) -> Officer | None:
    """The officer with the unit, while active and at work and while no later change has ended the session."""
    query = select(Officer).where(Officer.id == officer_id, Officer.session_version == session_version)
    found = session.scalars(query.options(joinedload(Officer.unit))).first()
    return found if found is not None and has_access(found, now) else None


def has_access(officer: Officer, now: datetime) -> bool:
    """Whether the account opens the desk at this moment: not closed, and not of somebody who is away."""
    return officer.active and not is_away(officer, now)


def is_away(officer: Officer, now: datetime) -> bool:
    """On leave; without an end it lasts until an administrator ends it."""
    begun = officer.leave_from is not None and officer.leave_from <= now
    return begun and (officer.leave_until is None or now < officer.leave_until)


def is_locked(officer: Officer, now: datetime) -> bool:
    """Whether wrong passwords keep this account shut now."""
    return officer.locked_until is not None and officer.locked_until > now


def change_password(session: Session, officer_id: int, password_hash: str) -> int:
    """Store a hash made by `hash_password`; ends every session of the officer. Returns the new session version."""
    officer = session.get_one(Officer, officer_id, with_for_update=ROW_LOCK)
    officer.password_hash = password_hash
    return end_sessions(officer)


def deactivate(officer: Officer) -> None:
    """Close the account: its sessions end with the next request."""
    officer.active = False
    end_sessions(officer)


def end_sessions(officer: Officer) -> int:
    """Every session of the officer ends with its next request; returns the version of those that come."""
    officer.session_version += 1
    return officer.session_version


def hash_password(password: str, names: Sequence[str] = (), shortest: int = SHORTEST_PASSWORD) -> str:
    """Argon2id; slow on purpose, so call it outside a transaction where you can. `names` are the account's own.

    Raises PasswordTooShortError, PasswordCommonError.
    """
    if len(_composed(password)) < shortest:
        raise PasswordTooShortError(f"a password needs {shortest} characters")
    if passwords.is_common(_composed(password), names):
        raise PasswordCommonError("this password is among the first that are tried")
    return _hasher().hash(_composed(password))


def may_act(officer: Officer) -> bool:
    """Supervisors read; everybody else works."""
    return officer.role in {Role.OFFICER, Role.COORDINATOR, Role.ADMINISTRATOR}


def may_see_figures(officer: Officer) -> bool:
    """Those who lead, not those who work single cases."""
    return officer.role in {Role.COORDINATOR, Role.SUPERVISOR, Role.ADMINISTRATOR}


def must_have_factor(officer: Officer, settings: Settings) -> bool:
    """Demo accounts, whose password is printed on screen, exist only where nothing real is connected."""
    return settings.factor_for_administrators and may_administer(officer) and not officer.is_demo


def may_administer(officer: Officer) -> bool:
    """Accounts, units, words and settings of the city, and the audit log."""
    return officer.role == Role.ADMINISTRATOR


def may_repair(officer: Officer) -> bool:
    """Messages that were given up are the administrators' business."""
    return officer.role == Role.ADMINISTRATOR


@cache
def decoy_hash() -> str:
    """What the password of an unknown name is compared with; call once at start, or the first try takes twice."""
    return _hasher().hash("nobody has this password")


@cache
def _hasher() -> PasswordHasher:
    # 19 MiB, two passes, one lane: the OWASP cheat sheet's minimum, about 30 ms on a small server.
    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def _plain(username: str) -> str:
    return unicodedata.normalize("NFKC", username).strip().lower()[:60]


def _composed(password: str) -> str:
    """Vietnamese letters reach us composed or not, depending on the keyboard."""
    return unicodedata.normalize("NFC", password)
