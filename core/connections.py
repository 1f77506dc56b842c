"""Connecting an account by OAuth with PKCE: who set out, what came back; called by desk and zalo_token."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.db import ROW_LOCK
from core.model import ChannelConnection, ChannelToken
from core.vault import Vault

CODE_LASTS = timedelta(minutes=10)
KEPT = timedelta(days=30)
RENEWAL_OVERDUE = timedelta(hours=1)  # a renewal is due two hours before the end; half of that is a reason to look


@dataclass(frozen=True)
class Asked:
    """What the browser takes along to the platform."""

    state: str
    challenge: str


def begin(session: Session, vault: Vault, channel: str, officer_id: int, now: datetime) -> Asked:
    """Note that an officer sets out; what was begun long ago is forgotten."""
    session.execute(delete(ChannelConnection).where(ChannelConnection.created_at < now - KEPT))
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    session.add(
        ChannelConnection(
            state=_digest(state),
            channel=channel,
            officer_id=officer_id,
            verifier=vault.seal(verifier),
            created_at=now,
            expires_at=now + CODE_LASTS,
        )
    )
    return Asked(state, challenge_of(verifier))


def challenge_of(verifier: str) -> str:
    """The PKCE challenge (S256) that belongs to a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def came_back(session: Session, vault: Vault, state: str, officer_id: int, code: str, now: datetime) -> bool:
    """Keep the code for the worker; False for a state we did not give to this officer, a used or a late one."""
    query = select(ChannelConnection).where(ChannelConnection.state == _digest(state))
    found = session.scalars(query.with_for_update(**ROW_LOCK)).first()
    if found is None or found.officer_id != officer_id or found.code is not None or found.expires_at < now:
        return False
    found.code = vault.seal(code)
    return True


def take_code(session: Session, channel: str, now: datetime) -> ChannelConnection | None:
    """The oldest code that was not spent yet; it is marked in the same transaction, because it works once."""
    waiting = (ChannelConnection.code.is_not(None), ChannelConnection.outcome.is_(None))
    query = select(ChannelConnection).where(ChannelConnection.channel == channel, *waiting)
    query = query.order_by(ChannelConnection.created_at).limit(1).with_for_update(**ROW_LOCK, skip_locked=True)
    found = session.scalars(query).first()
    if found is not None:
        found.outcome = "spending" if found.expires_at >= now else "too_late"
    return found if found is not None and found.outcome == "spending" else None


def latest(session: Session, channel: str) -> ChannelConnection | None:
    """The last time somebody came back from the platform with a code."""
    query = select(ChannelConnection).where(ChannelConnection.channel == channel, ChannelConnection.code.is_not(None))
    return session.scalars(query.order_by(ChannelConnection.created_at.desc()).limit(1)).first()


def alarm(token: ChannelToken | None, now: datetime) -> str:
    """What an administrator must know of an account: "not_connected", "cannot_renew", "not_renewed", or ""."""
    if token is None or token.refresh_token is None:
        return "not_connected" if token is None or token.failing_since is None else "cannot_renew"
    if token.failing_since is not None:
        return "cannot_renew"
    ends = token.expires_at
    return "not_renewed" if ends is not None and ends - now < RENEWAL_OVERDUE else ""


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "replace")).hexdigest()
