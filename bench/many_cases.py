"""Two years of a city's cases, written straight into the tables: the store that bench.desk measures on."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from cases.clocks import RUNNING
from cases.codes import new_code
from cases.deadlines import Urgency, due_by, receive_by
from cases.model import Case, CaseEvent, Officer, Unit
from cases.officers import create_officer
from cases.rulebook import Rulebook
from cases.steps import settle
from core.db import Database, look_at_sizes, transaction
from core.model import Conversation, Outbound

PASSWORD = "mat-khau-cua-phep-do"  # noqa: S105 - opens a store that lives for the measurement
NOW = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
DAYS = 730
BATCH = 5000
PEOPLE = (
    ("ward", "officer", "2025:00229"),
    ("area", "officer", "legacy:006"),
    ("city", "officer", "city:01"),
    ("chief", "supervisor", "city:01"),
    ("local", "supervisor", "legacy:006"),
)
# A plain object for every case: objects of the ORM note each change, which takes ten times as long.
NOTHING = dict.fromkeys(column.key for column in Case.__mapper__.column_attrs)
REPORTS = Path(__file__).parent.parent / "cases/catalogue/demo_reports.yml"


def fill(database: Database, rulebook: Rulebook, count: int) -> None:
    """Officers and `count` cases; the units are there."""
    chance = random.Random(2026)
    with transaction(database) as session:
        for name, role, unit in PEOPLE:
            create_officer(session, name, f"Cán bộ {name}", role, unit, PASSWORD, NOW)
        wards = session.scalars(select(Unit).where(Unit.kind == "ward").order_by(Unit.id)).all()
        for number, ward in enumerate(wards):
            values = {"username": f"w{number}", "name": f"Cán bộ {number}", "role": "officer", "unit_id": ward.id}
            session.add(Officer(**values, password_hash="none", created_at=NOW, active=True))  # noqa: S106
        session.flush()
        officers = dict(session.execute(select(Officer.unit_id, Officer.id).where(Officer.username.like("w%"))).all())
        _write(session, _cases(chance, rulebook, wards, officers, count))
    _as_after_a_day(database)


def _as_after_a_day(database: Database) -> None:
    """What the worker (SQLite) or the server itself (PostgreSQL) does now and then."""
    look_at_sizes(database)
    if database.lock_path is None:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM (ANALYZE)"))


def _write(session: Session, cases: Iterator[dict[str, Any]]) -> None:
    batch: list[dict[str, Any]] = []
    for case in cases:
        batch.append(case)
        if len(batch) == BATCH:
            _write_batch(session, batch)
            batch = []
    if batch:
        _write_batch(session, batch)


def _write_batch(session: Session, batch: list[dict[str, Any]]) -> None:
    session.execute(insert(Conversation.__table__), [
        {"id": case["conversation_id"], "channel": case["channel"], "user_id": f"u{case['id']}", "created_at": NOW,
         "state": {}, "options": [], "officer_spoke": False}
        for case in batch
    ])  # fmt: skip
    session.execute(insert(Case.__table__), batch)
    session.execute(insert(CaseEvent.__table__), [event for case in batch for event in _events(case)])
    session.execute(insert(Outbound.__table__), [
        {"key": f"event:{case['id']}", "conversation_id": case["conversation_id"], "case_id": case["id"],
         "author": "officer", "text": "Đã xử lý.", "status": "dead" if case["id"] % 97 == 0 else "sent",
         "next_at": NOW, "created_at": NOW, "attempts": 1, "buttons": []}
        for case in batch if case["first_answer_at"]
    ])  # fmt: skip


def _events(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    moments = (
        ("opened", "opened_at"),
        ("taken", "received_at"),
        ("replied", "first_answer_at"),
        (case["status"], "resolved_at"),
    )
    for kind, name in moments:
        if case[name] is not None:
            yield {
                "case_id": case["id"],
                "at": case[name],
                "kind": kind,
                "actor": "officer",
                "data": {"text": "Đã xem."},
            }


def _cases(
    chance: random.Random, rulebook: Rulebook, wards: Any, officers: dict[str, int], count: int
) -> Iterator[dict[str, Any]]:
    reports: dict[str, list[str]] = yaml.safe_load(REPORTS.read_text("utf-8"))
    kinds, codes = list(reports), set()
    for number in range(1, count + 1):
        while (code := new_code()) in codes:
            pass
        codes.add(code)
        ward = chance.choice(wards)
        case = SimpleNamespace(**NOTHING)
        vars(case).update(
            id=number, code=code, source=f"bench:{number}", conversation_id=number,
            channel=chance.choice(("zalo", "zalo", "messenger")), category=chance.choice(kinds),
            unit_id=ward.id, ward_id=ward.id, area_id=ward.parent_id,
            address=f"Số {chance.randint(1, 300)} ngõ {chance.randint(1, 200)} {ward.name}",
            urgency=chance.choices(("normal", "urgent", "complex"), (80, 12, 8))[0],
            version=1, is_demo=False, place_method="bench", place_confidence=0.9,
            opened_at=NOW - timedelta(seconds=chance.randrange(1, DAYS * 86400)),
            reopened_count=0, false_closures=0, hops=0, doubts="", searchable="", changes=0,
        )  # fmt: skip
        case.description = f"{chance.choice(reports[case.category])} Gần số {number}."
        _live(chance, rulebook, case, officers[ward.id])
        settle(case)
        yield vars(case)


def _live(chance: random.Random, rulebook: Rulebook, case: SimpleNamespace, officer_id: int) -> None:
    """Nine in ten are closed; of the last month a third is still open."""
    calendar, rules, urgency = rulebook.calendar, rulebook.deadlines, Urgency(case.urgency)
    case.receive_by = receive_by(calendar, rules, urgency, case.opened_at)
    case.due_at = due_by(calendar, rules, urgency, case.opened_at)
    age = NOW - case.opened_at
    closed = chance.random() < (0.985 if age > timedelta(days=30) else 0.6)
    case.status = chance.choices(("resolved", "refused"), (95, 5))[0] if closed else chance.choice(
        ("new", "in_progress", "in_progress", "waiting_citizen", "reopened"))  # fmt: skip
    if case.status != "new":
        case.officer_id = officer_id
        case.received_at = case.opened_at + min(age * 0.2, timedelta(hours=chance.uniform(0.1, 30)))
        case.first_answer_at = case.received_at + min(age * 0.2, timedelta(hours=chance.uniform(0.1, 30)))
    if closed:
        case.resolved_at = case.opened_at + min(age * 0.9, timedelta(hours=chance.expovariate(1 / 90) + 1))
        case.first_answer_at = min(case.first_answer_at or case.resolved_at, case.resolved_at)
        case.refused_for = "other_body" if case.status == "refused" else None
        case.rating = chance.randint(1, 5) if chance.random() < 0.3 else None
        case.false_closures = case.reopened_count = int(chance.random() < 0.06)
    ended = case.resolved_at or (NOW if case.status in RUNNING else case.due_at)
    case.late_at = case.due_at if ended > case.due_at else None
    case.waiting_since = NOW - timedelta(days=1) if case.status == "waiting_citizen" else None
