"""A desk in a test's hands: units, officers, a clock and the shortest words for what one does; fixtures in conftest."""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from cases import officers
from cases.model import Officer
from cases.rulebook import Rulebook
from cases.service import Draft, open_case
from core.config import Config
from core.db import Database, open_database, reading, transaction
from core.model import Conversation, Inbound, Outbound
from desk.app import create_app
from tests.pages import PASSWORD, Doors, config_for, post
from tests.support import Clock, Filed, add_units, migrate

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)  # a Tuesday, 10:00 in Hà Nội
SCRIPT = "<script>alert('x')</script>\nDòng hai & \"ngoặc\""
PEOPLE = (
    ("dongda", "officer", "legacy:006"),
    ("kimlien", "officer", "2025:00229"),
    ("caugiay", "officer", "legacy:005"),
    ("giamsat", "supervisor", "legacy:006"),
    ("thanhpho", "officer", "city:01"),
    ("giamsattp", "supervisor", "city:01"),
    ("quantri", "administrator", "city:01"),
)


@dataclass
class Desk(Filed, Doors):
    """A desk with units, officers and no cases, and the shortest words for what a test does with it."""

    app: Flask
    database: Database
    rulebook: Rulebook
    clock: Clock
    config: Config
    filed: int = 0

    def log_in(self, username: str, password: str = PASSWORD) -> FlaskClient:
        client = self.visitor()
        assert self.try_login(client, username, password).status_code == 302
        return client

    def file(self, *, ward: str | None = "2025:00229", area: str | None = "legacy:006", **values: Any) -> str:
        """A new case with its own conversation; returns the code."""
        self.filed += 1
        with transaction(self.database) as session:
            conversation = Conversation(channel="zalo", user_id=f"u{self.filed}", created_at=self.clock.now)
            session.add(conversation)
            session.flush()
            chosen = {"category": "waste", "description": "Rác chưa thu gom ba ngày", **values}
            draft = Draft(conversation.id, ward_id=ward, area_id=area, **without(chosen, "said", "is_demo"))
            case = open_case(session, self.rulebook, draft, f"turn:{self.filed}:0", self.clock.now)
            case.is_demo = bool(values.get("is_demo"))
            session.add(self.inbound(conversation.id, values.get("said", draft.description)))
            session.flush()
            return case.code

    def inbound(self, conversation_id: int, text: str, kind: str = "text") -> Inbound:
        self.filed += 1
        return Inbound(
            channel="zalo",
            external_id=f"m{self.filed}",
            conversation_id=conversation_id,
            kind=kind,
            text=text,
            sent_at=self.clock.now,
            received_at=self.clock.now,
        )

    def outbound_texts(self) -> list[str]:
        with reading(self.database) as session:
            return list(session.scalars(select(Outbound.text).order_by(Outbound.id)))

    def officer(self, username: str, change: Callable[[Officer], object]) -> None:
        with transaction(self.database) as session:
            change(session.scalars(select(Officer).where(Officer.username == username)).one())

    def wait_for_a_person(self, attention: str = "ask_human") -> int:
        with transaction(self.database) as session:
            conversation = Conversation(
                channel="zalo", user_id="lost", created_at=NOW, attention=attention, attention_at=self.clock.now
            )
            session.add(conversation)
            session.flush()
            session.add(self.inbound(conversation.id, "cho tôi gặp cán bộ"))
            return conversation.id


def without(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in names}


def move(client: FlaskClient, code: str, name: str, version: int, text: str = "", **data: str) -> TestResponse:
    """Press the button of a move; a closing that is warned about is sent a second time, as an officer may."""
    form = {"version": version, "text": text, **data}
    if name == "resolve":
        form.setdefault("excuse", "Việc không để lại dấu vết")
    answer = post(client, f"/cases/{code}/{name}", **form)
    accepted = re.search(r'name="accepted" value="([^"]+)"', answer.text)
    return post(client, f"/cases/{code}/{name}", **form, accepted=accepted[1]) if accepted else answer


def seed_desk(file: Path) -> None:
    """A database file with units and officers, made once because password hashes are slow on purpose."""
    database = open_database(f"sqlite:///{file}")
    migrate(database)
    with transaction(database) as session:
        add_units(session)
        for username, role, unit in PEOPLE:
            # The administrator is a demo account here, which needs no second factor; tests/offices.py has a real one.
            demo = role == "administrator"
            officers.create_officer(session, username, f"Cán bộ {username}", role, unit, PASSWORD, NOW, is_demo=demo)
    database.engine.dispose()


def furnished_desk(seed: Path, folder: Path, rulebook: Rulebook) -> Iterator[Desk]:
    shutil.copy(seed, folder / "desk.db")
    database = open_database(f"sqlite:///{folder / 'desk.db'}")
    config, clock = config_for(folder), Clock(NOW)
    yield Desk(create_app(config, database, rulebook, clock), database, rulebook, clock, config)
    database.engine.dispose()
