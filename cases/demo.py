"""Cases that nobody reported: demo data for a first look, given cases for tests from outside; called by manage.py."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import yaml
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cases.model import Case, CaseEvent, Officer, Unit
from cases.rulebook import Rulebook
from cases.service import Draft, ask, open_case, reopen, resolve, take
from cases.workflow import Status
from core.arrivals import get_conversation
from core.model import Inbound, Outbound, Turn

DEMO_CASES = 200
DEMO_DAYS = 40
LONGEST_WAIT = timedelta(hours=6)  # before somebody takes a given case
LONGEST_HANDLING = timedelta(days=5)
# How other systems call the same states (iHanoi's public figures among them).
STATUS_NAMES = {
    **{status.value: status for status in Status},
    "open": Status.NEW,
    "received": Status.IN_PROGRESS,
    "processing": Status.IN_PROGRESS,
    "waiting": Status.WAITING_CITIZEN,
    "done": Status.RESOLVED,
    "closed": Status.RESOLVED,
}


class UnknownValueError(ValueError):
    """A category, district or status that does not exist; the message names it. Not worth a retry."""


@dataclass(frozen=True)
class Given:
    """A case as a test or the demo wants it; `district` is a slug of the 30 areas, `age_hours` how long ago it came."""

    channel: str
    user: str
    category: str
    district: str
    description: str
    status: str = "new"
    age_hours: float = 0.0
    ward_id: str | None = None
    address: str = ""
    is_demo: bool = False


def add_case(session: Session, rulebook: Rulebook, given: Given, source: str, now: datetime) -> Case:
    """File a case as it would have come in `age_hours` ago and move it to its status; the citizen is told nothing."""
    status = STATUS_NAMES.get(given.status)
    area = session.scalars(select(Unit).where(Unit.kind == "area", Unit.slug == given.district)).first()
    if status is None or area is None or given.category not in rulebook.categories:
        raise UnknownValueError(
            f"unknown status, district or category: {given.status} {given.district} {given.category}"
        )
    opened = now - timedelta(hours=given.age_hours)
    conversation = get_conversation(session, given.channel, given.user, opened)
    draft = Draft(
        conversation_id=conversation.id,
        category=given.category,
        description=given.description,
        address=given.address,
        ward_id=given.ward_id,
        area_id=area.id,
        place_method="given",
    )
    case = open_case(session, rulebook, draft, source, opened)
    case.is_demo = given.is_demo
    _advance(session, rulebook, case, status, opened, now)
    conversation.awaiting_case_id = case.id if status is Status.WAITING_CITIZEN else None
    _keep_quiet(session, case, now)
    return case


def seed_demo_cases(session: Session, rulebook: Rulebook, now: datetime, seed: int = 2026) -> int:
    """200 plausible cases of the last weeks, marked as demo; nothing when they are there already."""
    if session.scalars(select(Case.id).where(Case.is_demo)).first() is not None:
        return 0
    reports: dict[str, list[str]] = yaml.safe_load(
        Path(__file__).with_name("catalogue").joinpath("demo_reports.yml").read_text("utf-8")
    )
    chance = random.Random(seed)  # noqa: S311 - the same demo everywhere
    wards = session.scalars(select(Unit).where(Unit.kind == "ward").order_by(Unit.id)).all()
    areas = {unit.id: unit for unit in session.scalars(select(Unit).where(Unit.kind == "area"))}
    for number in range(DEMO_CASES):
        ward = _likely_ward(chance, wards)
        area = areas[ward.parent_id or ""]
        category = chance.choice(list(reports))
        status = chance.choice(("new", "new", "in_progress", "waiting_citizen", "resolved", "resolved", "resolved"))
        days = chance.uniform(0.05, DEMO_DAYS if status == "resolved" else DEMO_DAYS / 5)
        given = Given(
            channel=chance.choice(("zalo", "zalo", "zalo", "messenger")),
            user=f"demo-{number // 2 if number % 9 == 0 else number:04d}",
            category=category,
            district=area.slug,
            description=chance.choice(reports[category]),
            status=status,
            age_hours=days * 24,
            ward_id=ward.id if chance.random() < 0.85 else None,
            address=f"Ngõ {chance.randint(1, 250)}, {ward.name}",
            is_demo=True,
        )
        _tell(session, given, add_case(session, rulebook, given, f"demo:{number}", now), number)
    return DEMO_CASES


def _likely_ward(chance: random.Random, wards: Sequence[Unit]) -> Unit:
    """Half of the demo lies in Đống Đa, where the demo officers work, the rest all over the city."""
    home = [ward for ward in wards if ward.parent_id == "legacy:006"]
    return chance.choice(home if chance.random() < 0.5 else list(wards))


def _tell(session: Session, given: Given, case: Case, number: int) -> None:
    """The words the demo citizen would have written, as a turn that is finished."""
    case.conversation.last_inbound_at = case.opened_at
    turn = Turn(
        conversation_id=case.conversation_id,
        status="done",
        next_at=case.opened_at,
        created_at=case.opened_at,
        finished_at=case.opened_at,
        intent="report",
    )
    session.add(turn)
    session.flush()
    message = Inbound(
        channel=given.channel,
        external_id=f"demo-{number}",
        conversation_id=case.conversation_id,
        turn_id=turn.id,
        kind="text",
        text=given.description,
        sent_at=case.opened_at,
        received_at=case.opened_at,
    )
    session.add(message)


def _advance(session: Session, rulebook: Rulebook, case: Case, status: Status, opened: datetime, now: datetime) -> None:
    if status is Status.NEW:
        return
    officer = _someone(session, case)
    span = now - opened
    handled = opened + min(span * 0.6, LONGEST_HANDLING)
    take(session, case, officer, opened + min(span * 0.1, LONGEST_WAIT))
    if status is Status.WAITING_CITIZEN:
        ask(
            session,
            rulebook,
            case,
            officer,
            "Anh/chị cho biết rõ hơn vị trí và thời gian xảy ra ạ?",
            handled,
        )
    if status in {Status.RESOLVED, Status.REOPENED}:
        resolve(session, rulebook, case, officer, "Đã cử người kiểm tra và xử lý tại chỗ.", handled)
    if status is Status.REOPENED:
        reopen(session, rulebook, case, None, "Người dân báo việc chưa xong.", handled + span * 0.1)


def _someone(session: Session, case: Case) -> Officer:
    """An officer who may work this case: of its unit, its area, or any at all."""
    near = [case.unit_id, case.area_id]
    working = select(Officer).where(Officer.active, Officer.role == "officer").order_by(Officer.id)
    found = session.scalars(working.where(Officer.unit_id.in_(near))).first() or session.scalars(working).first()
    if found is None:
        raise UnknownValueError("there is no officer yet: run `manage.py seed` or `manage.py user-add` first")
    return found


def _keep_quiet(session: Session, case: Case, now: datetime) -> None:
    """These moves are history: their notices count as sent, so that nothing goes out."""
    at = select(CaseEvent.at).where(CaseEvent.case_id == case.id).order_by(CaseEvent.id.desc()).limit(1)
    told = {"status": "sent", "sent_at": session.scalar(at) or now, "external_id": "given"}
    session.execute(update(Outbound).where(Outbound.case_id == case.id, Outbound.status == "waiting").values(**told))
