"""Making the files people asked for, outside every request; the worker's chores call `step`.

The file lies under VAR_DIR/exports, readable by this account only, under a random name; the desk hands it to its owner.
"""

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from cases import export, export_files, export_jobs, monthly_report
from cases.export_jobs import Kind, LostJobError
from cases.figures_model import ExportJob
from cases.in_force import RulebookInForce
from cases.measures import Filter, chosen, filter_of
from cases.model import Case, Officer
from cases.officers import may_see_figures
from cases.queries import visible_to
from cases.rulebook import Rulebook
from core.db import Database, reading, transaction
from core.vault import SealBrokenError, Vault

log = logging.getLogger(__name__)


class NoLongerAllowedError(Exception):
    """The officer has left or lost the right since asking. Not worth a retry."""


@dataclass(frozen=True)
class Exporter:
    """Takes one job at a time."""

    database: Database
    rulebook: Rulebook
    vault: Vault
    folder: Path
    now: Callable[[], datetime]

    @cached_property
    def in_force(self) -> RulebookInForce:
        return RulebookInForce(self.rulebook)

    def step(self, worker: str) -> bool:
        """Make the oldest waiting file; says whether there was one."""
        with reading(self.database) as session:
            if not export_jobs.any_unfinished(session):
                return False
        with transaction(self.database) as session:
            job = export_jobs.claim(session, worker, self.now())
        if job is None:
            return False
        try:
            self._make(job, worker)
        except LostJobError:
            log.warning("export lost", extra={"worker": worker, "event": job.id})
        except (NoLongerAllowedError, export_files.TooManyRowsError) as error:
            with transaction(self.database) as session:
                export_jobs.fail(session, job.id, worker, type(error).__name__, self.now())
        return True

    def sweep(self) -> None:
        """Delete files that have expired, and those that a crashed worker left half made."""
        with transaction(self.database) as session:
            names = export_jobs.expire(session, self.now())
            kept = set(session.scalars(select(ExportJob.stored_name).where(ExportJob.stored_name.is_not(None))))
        for path in self.folder.glob("*") if self.folder.exists() else ():
            if path.name in names or path.name not in kept:
                path.unlink(missing_ok=True)

    def _make(self, job: ExportJob, worker: str) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / (job.stored_name or "")
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            with reading(self.database) as session:
                self._write(session, job, worker, path)
            with transaction(self.database) as session:
                export_jobs.finish(session, job.id, worker, path.stat().st_size, self.now())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        log.info("export made", extra={"worker": worker, "event": job.id, "officer_id": job.officer_id})

    def _write(self, session: Session, job: ExportJob, worker: str, path: Path) -> None:
        officer, filters = session.get_one(Officer, job.officer_id), filter_of(job.filters)
        right = export_jobs.may_export_personal(officer) if job.personal else may_see_figures(officer)
        if not officer.active or not right:
            raise NoLongerAllowedError
        if job.kind == Kind.DOCX:
            monthly_report.write(session, self.in_force.at(session), officer, filters, self.now(), path)
            return
        self._write_rows(session, job, worker, path, officer, filters)

    def _write_rows(
        self, session: Session, job: ExportJob, worker: str, path: Path, officer: Officer, filters: Filter
    ) -> None:
        where = and_(visible_to(session, officer), chosen(filters))
        total = session.scalar(select(func.count()).select_from(Case).where(where)) or 0
        self._tell(job, worker, 0, total)
        taker = f"{officer.username}, lần xuất {job.id}"
        personal = (self._unseal, taker) if job.personal else None
        found: Iterator[tuple[export.Cell, ...]] = export.rows(
            session, self.in_force.at(session), where, self.now(), personal
        )
        write = export_files.write_csv if job.kind == Kind.CSV else export_files.write_xlsx
        write(path, export.columns(job.personal), found, lambda done: self._tell(job, worker, done, total))

    def _tell(self, job: ExportJob, worker: str, done: int, total: int) -> None:
        with transaction(self.database) as session:
            export_jobs.note_progress(session, job.id, worker, done, total, self.now())

    def _unseal(self, sealed: bytes | None) -> str:
        if sealed is None:
            return ""
        try:
            return self.vault.unseal(sealed)
        except SealBrokenError:
            return ""
