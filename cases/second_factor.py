"""The second factor of an officer: a code of six digits from a phone (TOTP), or a recovery code; called by desk.

The secret is sealed with DATA_KEY. A code opens once: whoever looks over a shoulder has nothing from it.
"""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

import pyotp
from sqlalchemy import ForeignKey, LargeBinary, String, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import ROW_LOCK, Base, UtcDateTime
from core.vault import Vault

STEP = 30  # seconds, what every authenticator app takes for granted
DRIFT = 1  # steps a phone's clock may be off, either way
RECOVERY_CODES = 10
ISSUER = "Tiếp Dân Hà Nội"
WRONG_CODES = 5  # of one officer in a quarter of an hour


class SecondFactor(Base):
    """The shared secret of one officer; it counts only once a code has confirmed that the phone has it."""

    __tablename__ = "second_factors"

    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"), primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)  # sealed
    begun_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_step: Mapped[int] = mapped_column(default=0)  # the step of the code used last: no code opens twice


class RecoveryCode(Base):
    """One way in without the phone, once; 80 random bits, so a plain digest keeps it."""

    __tablename__ = "recovery_codes"

    id: Mapped[int] = mapped_column(primary_key=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officers.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def is_on(session: Session, officer_id: int) -> bool:
    """Whether this officer has confirmed a second factor."""
    found = session.get(SecondFactor, officer_id)
    return found is not None and found.confirmed_at is not None


def secret_to_enrol(session: Session, vault: Vault, officer_id: int, now: datetime) -> str | None:
    """The secret to be shown until a code confirms it; None when the factor is on: nobody sees it again."""
    found = session.get(SecondFactor, officer_id, with_for_update=ROW_LOCK)
    if found is not None and found.confirmed_at is not None:
        return None
    if found is None:
        found = SecondFactor(officer_id=officer_id, secret=vault.seal(pyotp.random_base32()), begun_at=now, last_step=0)
        session.add(found)
        session.flush()
    return vault.unseal(found.secret)


def address_of(secret: str, username: str) -> str:
    """What the QR code says to the authenticator app."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=ISSUER)


def confirm(session: Session, vault: Vault, officer_id: int, code: str, now: datetime) -> list[str] | None:
    """Switch the factor on by a first right code; returns the recovery codes, told this once. None for a wrong code."""
    found = session.get(SecondFactor, officer_id, with_for_update=ROW_LOCK)
    if found is None or found.confirmed_at is not None:
        return None
    step = _step_of(vault.unseal(found.secret), code, now)
    if step is None:
        return None
    found.confirmed_at, found.last_step = now, step
    return _new_recovery_codes(session, officer_id)


def opens(session: Session, vault: Vault, officer_id: int, code: str, now: datetime) -> bool:
    """Whether the code of the phone, or an unused recovery code, is right; it is used up by that."""
    found = session.get(SecondFactor, officer_id, with_for_update=ROW_LOCK)
    if found is None or found.confirmed_at is None:
        return False
    step = _step_of(vault.unseal(found.secret), code, now)
    if step is not None:
        fresh = step > found.last_step
        found.last_step = max(step, found.last_step)
        return fresh
    mine = (RecoveryCode.officer_id == officer_id, RecoveryCode.used_at.is_(None))
    used = update(RecoveryCode).where(*mine, RecoveryCode.digest == _digest(code)).values(used_at=now)
    return session.connection().execute(used).rowcount == 1


def remove(session: Session, officer_id: int) -> bool:
    """The phone is lost: the officer starts again with a new one. Says whether there was anything."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.officer_id == officer_id))
    return session.connection().execute(delete(SecondFactor).where(SecondFactor.officer_id == officer_id)).rowcount == 1


def recovery_codes_left(session: Session, officer_id: int) -> int:
    """How many of the codes for a lost phone are unused."""
    mine = (RecoveryCode.officer_id == officer_id, RecoveryCode.used_at.is_(None))
    return session.scalar(select(func.count(RecoveryCode.id)).where(*mine)) or 0


def _new_recovery_codes(session: Session, officer_id: int) -> list[str]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.officer_id == officer_id))
    raw = [base64.b32encode(secrets.token_bytes(10)).decode() for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(officer_id=officer_id, digest=_digest(code)) for code in raw)
    return ["-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in raw]


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is; every step is compared, so that the time taken says nothing."""
    typed, totp = "".join(code.split()), pyotp.TOTP(secret)
    found = None
    for drift in range(-DRIFT, DRIFT + 1):
        moment = now + timedelta(seconds=STEP * drift)
        if hmac.compare_digest(totp.at(moment).encode(), typed.encode()):
            found = int(moment.timestamp()) // STEP
    return found


def _digest(code: str) -> str:
    plain = "".join(char for char in code.upper() if char.isalnum())
    return hashlib.sha256(plain.encode()).hexdigest()
