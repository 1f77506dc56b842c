"""A burst of alike reports in one ward is one incident: found when a case is opened. Called by filing and actions.

Enough different citizens, one category, one ward, within some hours (all settings). An incident changes no case: each
keeps its officer, its clocks and its own closing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases import similar
from cases.history import record
from cases.incident_model import Incident, IncidentCase
from cases.model import Case
from cases.rulebook import Rulebook
from cases.settings import Settings
from cases.workflow import OPEN
from core.db import insert_once


@dataclass(frozen=True)
class CurrentIncident:
    """What the bot may say before it takes another report; `status_text` is "" until an officer has written one."""

    id: int
    category: str
    ward_id: str
    status_text: str
    status_at: datetime | None
    reports: int


def current_for(session: Session, category: str, ward_id: str | None, now: datetime) -> CurrentIncident | None:
    """The open incident of this category in this ward, if there is one; its status is told first."""
    found = _open_one(session, category, ward_id)
    if found is None or found.opened_at > now:
        return None
    return CurrentIncident(
        found.id, found.category, found.unit_id, found.status_text, found.status_at, len(members(session, found.id))
    )


def consider(session: Session, rulebook: Rulebook, case: Case, now: datetime) -> None:
    """A case was just opened: it joins the incident of its place, or is the one that makes it an incident."""
    if case.ward_id is None or case.about_unit_id is not None or rulebook.categories[case.category].sensitive:
        return
    found = _open_one(session, case.category, case.ward_id)
    if found is not None and _still_joins(session, found, rulebook.settings, now):
        _join(session, found, [case], now)
    elif found is None:
        alike = _alike(session, case, rulebook.settings, now)
        if len({one.conversation_id for one in alike}) >= rulebook.settings.incident_reports:
            _join(session, _opened(session, case.category, case.ward_id, now), alike, now)


def incident_of(session: Session, case_id: int) -> Incident | None:
    """The incident a case is in now, for its page."""
    query = select(Incident).join(IncidentCase, IncidentCase.incident_id == Incident.id)
    mine = (IncidentCase.case_id == case_id, IncidentCase.removed_at.is_(None))
    return session.scalars(query.where(*mine).order_by(Incident.id.desc())).first()


def members(session: Session, incident_id: int) -> Sequence[int]:
    """Ids of the cases in this incident, without those taken out of it."""
    members = (IncidentCase.incident_id == incident_id, IncidentCase.removed_at.is_(None))
    return session.scalars(select(IncidentCase.case_id).where(*members)).all()


def _open_one(session: Session, category: str, ward_id: str | None) -> Incident | None:
    here = (Incident.category == category, Incident.unit_id == ward_id, Incident.status == "open")
    return session.scalars(select(Incident).where(*here)).first()


def _opened(session: Session, category: str, ward_id: str, now: datetime) -> Incident:
    """The open incident of the place: of two reports that make it at the same moment, one row."""
    values = {"category": category, "unit_id": ward_id, "status": "open", "status_text": "", "opened_at": now}
    insert_once(session, Incident, {**values, "version": 1})
    here = (Incident.category == category, Incident.unit_id == ward_id, Incident.status == "open")
    return session.scalars(select(Incident).where(*here)).one()


def _still_joins(session: Session, incident: Incident, settings: Settings, now: datetime) -> bool:
    """A report long after the last one is another matter until an officer says so."""
    last = session.scalar(select(func.max(IncidentCase.joined_at)).where(IncidentCase.incident_id == incident.id))
    return last is None or now - last <= timedelta(hours=settings.incident_joins_hours)


def _alike(session: Session, case: Case, settings: Settings, now: datetime) -> Sequence[Case]:
    """Open reports of the same category in the same ward in the last hours, this one included, in no incident yet."""
    since = now - timedelta(hours=settings.incident_hours)
    here = (similar.of_place([case.category], case.ward_id, since), similar.not_masked())
    grouped = select(IncidentCase.case_id).where(IncidentCase.case_id == Case.id).exists()
    query = select(Case).where(*here, Case.status.in_(OPEN), ~grouped)
    return session.scalars(query.order_by(Case.id)).all()


def _join(session: Session, incident: Incident, cases: Sequence[Case], now: datetime) -> None:
    for case in cases:
        if insert_once(session, IncidentCase, {"incident_id": incident.id, "case_id": case.id, "joined_at": now}):
            record(session, case, "incident_joined", now, incident=incident.id)
