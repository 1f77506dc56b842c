"""Incidents at the desk: who sees which, their status, a message to everybody of one; called by desk."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from cases import audit, queries
from cases.history import record
from cases.incident_model import Incident, IncidentCase, IncidentMessage
from cases.incidents import members
from cases.model import Case, Officer
from cases.place_types import CITY_ID
from cases.steps import StaleCaseError
from core import outbox
from core.db import ROW_LOCK, insert_once


def listed(session: Session, officer: Officer) -> Sequence[tuple[Incident, int]]:
    """Incidents of the officer's ground with the number of their cases, open ones first."""
    query = select(Incident).options(joinedload(Incident.unit)).order_by(Incident.status, Incident.id.desc()).limit(200)
    if officer.unit_id != CITY_ID:
        query = query.where(Incident.unit_id.in_(queries.subtree(session, officer.unit_id)))
    found = session.scalars(query).all()
    counted = select(IncidentCase.incident_id, func.count(IncidentCase.id)).where(IncidentCase.removed_at.is_(None))
    counts = {key: number for key, number in session.execute(counted.group_by(IncidentCase.incident_id))}
    return [(incident, counts.get(incident.id, 0)) for incident in found]


def incident_for(session: Session, officer: Officer, incident_id: int, *, lock: bool = False) -> Incident:
    """The one gate to an incident on the desk; raises NotFoundError for "not there" and "not yours" alike."""
    query = select(Incident).where(Incident.id == incident_id).options(joinedload(Incident.unit))
    found = session.scalars(query.with_for_update(of=Incident, **ROW_LOCK) if lock else query).first()
    mine = officer.unit_id == CITY_ID
    if found is None or not (mine or found.unit_id in queries.subtree(session, officer.unit_id)):
        raise queries.NotFoundError(str(incident_id))
    return found


def cases_of(session: Session, officer: Officer, incident_id: int) -> Sequence[Case]:
    """The cases in it that this officer may see, the newest first."""
    query = select(Case).where(Case.id.in_(members(session, incident_id)), queries.visible_to(session, officer))
    return session.scalars(query.options(joinedload(Case.unit)).order_by(Case.id.desc())).all()


def messages_of(session: Session, incident_id: int) -> Sequence[IncidentMessage]:
    """What was sent about this incident, the newest first."""
    query = select(IncidentMessage).where(IncidentMessage.incident_id == incident_id)
    return session.scalars(query.options(joinedload(IncidentMessage.officer)).order_by(IncidentMessage.id.desc())).all()


def set_status(session: Session, incident: Incident, text: str, by: Officer, now: datetime, version: int) -> None:
    """What the bot tells everybody who asks or reports; raises StaleCaseError."""
    _check(incident, version)
    incident.status_text, incident.status_at = text, now
    _changed(session, incident, "status", by, now)


def resolve(session: Session, incident: Incident, by: Officer, now: datetime, version: int) -> None:
    """The matter is over: new reports are new cases again. Each case is still closed by its own officer."""
    _check(incident, version)
    incident.status, incident.resolved_at = "resolved", now
    _changed(session, incident, "resolved", by, now)


def remove(session: Session, incident: Incident, case: Case, by: Officer, now: datetime) -> bool:
    """The case is another matter; it does not join again by itself. False when it is not in it."""
    query = select(IncidentCase).where(IncidentCase.incident_id == incident.id, IncidentCase.case_id == case.id)
    found = session.scalars(query.where(IncidentCase.removed_at.is_(None)).with_for_update(**ROW_LOCK)).first()
    if found is None:
        return False
    found.removed_at = now
    record(session, case, "incident_left", now, by, incident=incident.id)
    _changed(session, incident, "removed", by, now, case=case.code)
    return True


def tell_all(session: Session, incident: Incident, text: str, by: Officer, token: str, now: datetime) -> int | None:
    """One message to every citizen of the incident, each once; the same token (one per shown form) again is None."""
    values = {"incident_id": incident.id, "token": token, "officer_id": by.id, "text": text, "at": now, "recipients": 0}
    if not insert_once(session, IncidentMessage, values):
        return None
    query = select(Case).where(Case.id.in_(members(session, incident.id))).order_by(Case.id)
    latest = {case.conversation_id: case for case in session.scalars(query)}
    for conversation_id, case in sorted(latest.items()):
        key = f"incident:{incident.id}:{token}:{conversation_id}"
        outbox.enqueue(session, conversation_id, key, text, now, author="officer", case_id=case.id)
        record(session, case, "incident_told", now, by, incident=incident.id, text=text)
    this = (IncidentMessage.incident_id == incident.id, IncidentMessage.token == token)
    session.execute(update(IncidentMessage).where(*this).values(recipients=len(latest)))
    audit.note(session, by.id, "incident_told", _subject(incident), now, recipients=len(latest))
    return len(latest)


def _check(incident: Incident, version: int) -> None:
    if incident.version != version or incident.status != "open":
        raise StaleCaseError(_subject(incident))


def _changed(session: Session, incident: Incident, what: str, by: Officer, now: datetime, **data: str) -> None:
    incident.version += 1
    audit.note(session, by.id, "incident_changed", _subject(incident), now, what=what, **data)


def _subject(incident: Incident) -> str:
    return f"incident:{incident.id}"
