"""Files people ask for: asked, made by one worker at a time, fetched by their owner only, gone after a while.

Called by desk and worker. The row stays when the file is gone: it says who took what out, when and why.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, joinedload

from cases import audit
from cases.figures_model import ExportJob
from cases.model import Officer
from cases.officers import may_see_figures
from core.db import ROW_LOCK

LEASE = timedelta(minutes=2)
MOST_ATTEMPTS = 3
MOST_UNFINISHED = 3  # for one officer
KEPT, KEPT_PERSONAL = timedelta(days=7), timedelta(hours=24)
SHORTEST_REASON, LONGEST_REASON = 15, 500
UNFINISHED = ("waiting", "running")


class Kind(StrEnum):
    """What can be asked for."""

    CSV = "csv"
    XLSX = "xlsx"
    DOCX = "docx"


class ExportRefusedError(Exception):
    """Not allowed like this; `code` names the sentence for the officer. Not worth a retry."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class LostJobError(Exception):
    """Another worker has the job, or it is over: stop, and keep nothing."""


def may_export_personal(officer: Officer) -> bool:
    """A right of its own, given by the administrator to a person, and only beside the right to the figures."""
    return may_see_figures(officer) and officer.may_export_personal


def ask_for(
    session: Session,
    officer: Officer,
    kind: str,
    filters: Mapping[str, Any],
    personal: bool,
    reason: str,
    now: datetime,
) -> ExportJob:
    """Queue a file. Raises ExportRefusedError."""
    if kind not in set(Kind):
        raise ExportRefusedError("export_kind")
    personal = personal and kind != Kind.DOCX
    if personal and not may_export_personal(officer):
        raise ExportRefusedError("export_right")
    if personal and not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise ExportRefusedError("export_reason")
    mine = (ExportJob.officer_id == officer.id, ExportJob.status.in_(UNFINISHED))
    if (session.scalar(select(func.count(ExportJob.id)).where(*mine)) or 0) >= MOST_UNFINISHED:
        raise ExportRefusedError("export_many")
    job = ExportJob(
        officer_id=officer.id,
        kind=kind,
        filters=dict(filters),
        personal=personal,
        reason=reason if personal else "",
        status="waiting",
        rows_done=0,
        rows_total=0,
        attempts=0,
        downloads=0,
        created_at=now,
    )
    session.add(job)
    session.flush()
    if personal:
        audit.note(session, officer.id, "personal_export", f"export:{job.id}", now, reason=reason, kind=kind)
    return job


def any_unfinished(session: Session) -> bool:
    """A look without a lock, for a worker that has nothing to do."""
    return session.scalars(select(ExportJob.id).where(ExportJob.status.in_(UNFINISHED)).limit(1)).first() is not None


def claim(session: Session, worker: str, now: datetime) -> ExportJob | None:
    """The oldest job that nobody works on, held for a while; what a dead worker held comes back."""
    stalled = and_(ExportJob.status == "running", ExportJob.leased_until < now)
    query = select(ExportJob).where(or_(ExportJob.status == "waiting", stalled)).order_by(ExportJob.id).limit(1)
    job = session.scalars(query.with_for_update(**ROW_LOCK, skip_locked=True)).first()
    if job is None:
        return None
    job.attempts += 1
    if job.attempts > MOST_ATTEMPTS:
        _end(job, "failed", now, error="given_up")
        return None
    job.status, job.worker, job.leased_until = "running", worker, now + LEASE
    job.stored_name, job.rows_done = f"{secrets.token_hex(16)}.{job.kind}", 0
    session.flush()
    return job


def note_progress(session: Session, job_id: int, worker: str, done: int, total: int, now: datetime) -> None:
    """How far it is; also keeps the lease. Raises LostJobError."""
    job = _held(session, job_id, worker)
    job.rows_done, job.rows_total, job.leased_until = done, total, now + LEASE


def finish(session: Session, job_id: int, worker: str, size: int, now: datetime) -> None:
    """The file is complete. Raises LostJobError."""
    job = _held(session, job_id, worker)
    job.size, job.rows_done = size, job.rows_total
    job.expires_at = now + (KEPT_PERSONAL if job.personal else KEPT)
    _end(job, "done", now)


def fail(session: Session, job_id: int, worker: str, error: str, now: datetime) -> None:
    """It cannot be made and another try would not help. Raises LostJobError."""
    _end(_held(session, job_id, worker), "failed", now, error=error)


def expire(session: Session, now: datetime) -> Sequence[str]:
    """Files that are to be deleted; their rows say so from now on."""
    query = select(ExportJob).where(ExportJob.status == "done", ExportJob.expires_at <= now).limit(100)
    names = []
    for job in session.scalars(query.with_for_update(**ROW_LOCK, skip_locked=True)):
        names.append(job.stored_name or "")
        job.status, job.stored_name = "expired", None
    return names


def of_officer(session: Session, officer: Officer, limit: int = 30) -> Sequence[ExportJob]:
    """The officer's own, the newest first."""
    query = select(ExportJob).where(ExportJob.officer_id == officer.id)
    return session.scalars(query.order_by(ExportJob.id.desc()).limit(limit)).all()


def personal_log(session: Session, limit: int = 200) -> Sequence[ExportJob]:
    """Who took citizens' words and numbers out, for administrators."""
    query = select(ExportJob).where(ExportJob.personal).options(joinedload(ExportJob.officer))
    return session.scalars(query.order_by(ExportJob.id.desc()).limit(limit)).all()


def fetch(session: Session, officer: Officer, job_id: int, now: datetime) -> ExportJob | None:
    """The one gate to a file: its owner, while the right and the file last; notes that it was taken."""
    query = select(ExportJob).where(ExportJob.id == job_id, ExportJob.officer_id == officer.id)
    job = session.scalars(query.with_for_update(**ROW_LOCK)).first()
    if job is None or job.status != "done" or job.expires_at is None or job.expires_at <= now:
        return None
    if not may_see_figures(officer) or (job.personal and not may_export_personal(officer)):
        return None
    if job.personal:
        audit.note(session, officer.id, "personal_file_fetched", f"export:{job.id}", now)
    job.downloads += 1
    job.downloaded_at = now
    return job


def _held(session: Session, job_id: int, worker: str) -> ExportJob:
    job = session.get(ExportJob, job_id, with_for_update=ROW_LOCK)
    if job is None or job.status != "running" or job.worker != worker:
        raise LostJobError(job_id)
    return job


def _end(job: ExportJob, status: str, now: datetime, error: str | None = None) -> None:
    job.status, job.finished_at, job.error, job.leased_until = status, now, error, None
