"""Accounts of officers: made, let in again, given the right to export what citizens wrote."""

import argparse
import sys
from datetime import datetime
from getpass import getpass

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import accounts, audit, second_factor
from cases.model import Officer
from cases.officers import OfficerError, Role, create_officer
from commands import Add
from commands.store import migrated, opened
from core.clock import local_now
from core.config import Config
from core.db import transaction


def add_to(add: Add) -> None:
    """The commands of this module."""
    new = add("user-add", user_add)
    new.add_argument("username")
    new.add_argument("--name", required=True)
    new.add_argument("--role", choices=tuple(Role), default="officer")
    new.add_argument("--unit", required=True, help="unit id, e.g. city:01, legacy:006 (Đống Đa), 2025:00229 (Kim Liên)")
    given = add("right", right)
    given.add_argument("username")
    given.add_argument("--personal-exports", choices=("on", "off"), required=True)
    add("user-unlock", user_unlock).add_argument("username")


def user_add(config: Config, options: argparse.Namespace) -> None:
    """Make an account for an officer; the password is asked for, or read from standard input when piped."""
    password = getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    now = local_now()
    with transaction(migrated(config)) as session:
        officer = create_officer(session, options.username, options.name, options.role, options.unit, password, now)
        _note(session, "officer_made", officer, "user-add", now, role=officer.role, unit=officer.unit_id)
    print(f"Account {officer.username} ({officer.role}, {officer.unit_id}) made.")


def right(config: Config, options: argparse.Namespace) -> None:
    """Give somebody the right to export what citizens wrote and their phone numbers, or take it back."""
    with transaction(opened(config)) as session:
        officer = _named(session, options.username)
        officer.may_export_personal = options.personal_exports == "on"
        _note(session, "export_right_set", officer, "right", local_now(), personal_exports=options.personal_exports)
    print(f"Personal exports are {options.personal_exports} for {options.username}.")


def user_unlock(config: Config, options: argparse.Namespace) -> None:
    """Let an officer in again who lost the phone with the second factor, or is locked after wrong passwords."""
    now = local_now()
    with transaction(opened(config)) as session:
        officer = _named(session, options.username)
        officer.failed_logins, officer.locked_until = 0, None
        removed = second_factor.remove(session, officer.id)
        _note(session, "factor_removed" if removed else "officer_unlocked", officer, "user-unlock", now)
    print(f"{options.username} may log in{'; the second factor is off' if removed else ''}.")


def _note(session: Session, action: str, officer: Officer, command: str, now: datetime, **data: str) -> None:
    """Nobody is logged in here: the entry says by which command it was done."""
    audit.note(session, None, action, accounts.subject(officer), now, reason=f"manage.py {command}", **data)


def _named(session: Session, username: str) -> Officer:
    officer = session.scalars(select(Officer).where(Officer.username == username)).first()
    if officer is None:
        raise OfficerError(f"there is no account {username!r}")
    return officer
