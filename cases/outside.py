"""What happens around a case outside the desk: companies, other systems, calls, notes; called by the desk.

`version` is that of the page the officer decided on: each function raises StaleCaseError when the case has moved on,
and ActionRefusedError when it cannot be done as asked; then nothing is changed.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.casework_model import Forward, OutsideReference
from cases.history import record
from cases.model import Case, Officer
from cases.rulebook import Rulebook
from cases.steps import ActionRefusedError, check, touch

ANSWERS = ("accepted", "done", "refused")


def note(session: Session, case: Case, officer: Officer, text: str, now: datetime, version: int) -> None:
    """A word among officers; the citizen never sees it."""
    check(case, version)
    record(session, case, "noted", now, officer, text=text)
    touch(case)


def log_call(session: Session, case: Case, officer: Officer, text: str, now: datetime, version: int) -> None:
    """A telephone call with the citizen, which is an answer like a written one."""
    check(case, version)
    case.first_answer_at = case.first_answer_at or now
    case.spoke_at = None
    record(session, case, "called", now, officer, text=text)
    touch(case)


def transcribe(
    session: Session, case: Case, officer: Officer, attachment_id: int, text: str, now: datetime, version: int
) -> None:
    """What a voice note says, written down by whoever listened to it."""
    check(case, version)
    record(session, case, "transcribed", now, officer, text=text, attachment=attachment_id)
    touch(case)


def transcripts_of(case: Case) -> dict[int, str]:
    """The latest transcript of each recording."""
    return {event.data["attachment"]: event.data["text"] for event in case.events if event.kind == "transcribed"}


def forward(
    session: Session,
    rulebook: Rulebook,
    case: Case,
    officer: Officer,
    company: str,
    reference: str,
    text: str,
    now: datetime,
    version: int,
) -> None:
    """Hand the work to a company; the case stays in this queue and its clock runs on."""
    check(case, version)
    if company not in rulebook.casebook.companies:
        raise ActionRefusedError("unknown_company")
    row = Forward(case_id=case.id, company=company, reference=reference[:80], note=text, officer_id=officer.id)
    row.sent_at, row.updated_at, row.status = now, now, "sent"
    session.add(row)
    session.flush()
    record(session, case, "forwarded", now, officer, text=text, company=company, reference=reference[:80])
    touch(case)


def update_forward(
    session: Session, case: Case, officer: Officer, forward_id: int, status: str, text: str, now: datetime, version: int
) -> None:
    """What the company has said since."""
    check(case, version)
    row = session.get(Forward, forward_id)
    if row is None or row.case_id != case.id or status not in ANSWERS:
        raise ActionRefusedError("unknown_company")
    row.status, row.updated_at, row.note = status, now, text or row.note
    record(session, case, "forward_updated", now, officer, text=text, company=row.company, status=status)
    touch(case)


def refer(
    session: Session,
    rulebook: Rulebook,
    case: Case,
    officer: Officer,
    system: str,
    reference: str,
    now: datetime,
    version: int,
) -> None:
    """The number of this matter in another system."""
    check(case, version)
    if system not in rulebook.casebook.systems or not reference:
        raise ActionRefusedError("unknown_system")
    known = (row.system == system and row.reference == reference[:80] for row in references_of(session, case))
    if any(known):
        return
    session.add(
        OutsideReference(case_id=case.id, system=system, reference=reference[:80], officer_id=officer.id, at=now)
    )
    record(session, case, "referenced", now, officer, system=system, reference=reference[:80])
    touch(case)


def forwards_of(session: Session, case: Case) -> Sequence[Forward]:
    """What was handed to companies, in order."""
    return session.scalars(select(Forward).where(Forward.case_id == case.id).order_by(Forward.id)).all()


def references_of(session: Session, case: Case) -> Sequence[OutsideReference]:
    """Numbers of this matter in other systems, in order."""
    query = select(OutsideReference).where(OutsideReference.case_id == case.id)
    return session.scalars(query.order_by(OutsideReference.id)).all()
