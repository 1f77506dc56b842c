"""The queue of attachments to fetch: claim one, record it as stored, to be tried again, or failed; called by media."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.db import ROW_LOCK
from core.inbox import LeaseLostError
from core.model import Attachment

LEASE = timedelta(seconds=60)  # longer than the slowest download, so that a living worker keeps what it fetches
MAX_ATTEMPTS = 5
POSTPONED = timedelta(seconds=60)
REMOVED = ("forgotten", "erased")  # by law, at the wish of the citizen


def claim(session: Session, now: datetime) -> Attachment | None:
    """Lease the oldest due attachment by moving its `next_at`; None when there is none.

    `attempts` is the proof of holding it. The name is chosen here and kept by every further attempt, so that whatever a
    killed worker leaves on disk belongs to a row and can be erased with it.
    """
    due = select(Attachment).where(Attachment.status == "waiting", Attachment.next_at <= now)
    query = due.order_by(Attachment.next_at, Attachment.id).limit(1).with_for_update(**ROW_LOCK, skip_locked=True)
    found = session.scalars(query).first()
    if found is None:
        return None
    found.attempts += 1
    found.next_at = now + LEASE
    found.stored_name = found.stored_name or secrets.token_hex(16)
    session.flush()
    return found


def held(session: Session, attachment_id: int, attempt: int) -> Attachment:
    """The attachment, locked, if this attempt is its last one; LeaseLostError otherwise, or when it was erased."""
    query = select(Attachment).where(Attachment.id == attachment_id).with_for_update(**ROW_LOCK)
    found = session.scalars(query).one_or_none()
    if found is None or found.status != "waiting" or found.attempts != attempt:
        raise LeaseLostError(f"attachment {attachment_id}")
    return found


def stored(attachment: Attachment, mime: str, size: int, fingerprint: str | None = None) -> None:
    """The file is on disk under `stored_name`; `size` in bytes."""
    attachment.status = "stored"
    attachment.fingerprint = fingerprint
    attachment.mime = mime
    attachment.size = size
    attachment.error = None


def retry(attachment: Attachment, error: str, now: datetime) -> bool:
    """Try again after 2, 4, 8, 16 seconds; after the last attempt it has failed, and this says False."""
    if attachment.attempts >= MAX_ATTEMPTS:
        failed(attachment, error)
        return False
    attachment.next_at = now + timedelta(seconds=2**attachment.attempts)
    attachment.error = error[:80]
    return True


def postpone(attachment: Attachment, error: str, now: datetime) -> None:
    """Not its fault (our disk is full, our scanner is away): this attempt does not count."""
    attachment.attempts -= 1
    attachment.next_at = now + POSTPONED
    attachment.error = error[:80]


def erase(attachment: Attachment, why: str) -> None:
    """It may not be kept; the file goes when the worker next looks. `why` is one of REMOVED."""
    attachment.url, attachment.status, attachment.error = "", "failed", why
    attachment.fingerprint = None


def to_remove(session: Session) -> Attachment | None:
    """An erased attachment whose file is still there; None when there is none."""
    query = select(Attachment).where(Attachment.status == "failed", Attachment.error.in_(REMOVED))
    query = query.where(Attachment.stored_name.is_not(None)).order_by(Attachment.id).limit(1)
    return session.scalars(query.with_for_update(**ROW_LOCK, skip_locked=True)).first()


def failed(attachment: Attachment, error: str) -> None:
    """It will not be fetched; `error` is a short code, never an address."""
    attachment.status = "failed"
    attachment.error = error[:80]
