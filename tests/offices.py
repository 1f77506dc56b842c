"""A desk with units, officers and an administrator with a second factor, on either database; for its tests."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyotp
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from cases import officers, second_factor
from cases.audit import AuditEntry
from cases.in_force import RulebookInForce
from cases.model import Officer
from cases.rulebook import Rulebook
from cases.service import Draft, open_case
from core.config import Config
from core.db import Database, reading, transaction
from core.model import Conversation, Outbound
from core.vault import Vault
from desk.app import create_app
from tests.pages import PASSWORD, Doors, config_for, post, token_in
from tests.support import CAU_GIAY, CITY, DONG_DA, KIM_LIEN, LANG, Clock, Filed, add_units

PEOPLE = (
    ("dongda", "officer", DONG_DA),
    ("kimlien", "officer", KIM_LIEN),
    ("lang", "officer", LANG),
    ("caugiay", "officer", CAU_GIAY),
    ("giamsat", "supervisor", DONG_DA),
    ("dieuphoi", "coordinator", DONG_DA),
    ("quantri", "administrator", CITY),
)


@dataclass
class Office(Filed, Doors):
    """The desk, and the shortest words for what a test does with it."""

    app: Flask
    database: Database
    rulebook: Rulebook
    clock: Clock
    config: Config
    secret: str = ""
    ids: dict[str, int] = field(default_factory=dict)
    filed: int = 0

    def log_in(self, username: str, password: str = PASSWORD) -> FlaskClient:
        """Through the doors a person takes; an administrator with the code of the phone."""
        client = self.visitor()
        answer = self.try_login(client, username, password)
        assert answer.status_code == 302, answer.text
        if answer.location.startswith("/login/code"):
            self.clock.advance(seconds=30)  # a code opens once
            assert self.try_code(client, self.code()).status_code == 302
        return client

    def try_code(self, client: FlaskClient, code: str) -> TestResponse:
        return client.post("/login/code", data={"csrf_token": token_in(client.get("/login/code")), "code": code})

    def code(self) -> str:
        """What the administrator's phone shows now."""
        return pyotp.TOTP(self.secret).at(self.clock())

    def file(self, *, ward: str | None = KIM_LIEN, area: str | None = DONG_DA, user: str = "", **values: Any) -> str:
        """A new case; every case is of another citizen unless `user` says otherwise. Returns the code."""
        self.filed += 1
        with transaction(self.database) as session:
            conversation = self._conversation(session, user or f"u{self.filed}")
            chosen = {"category": "waste", "description": "Rác chưa thu gom ba ngày", **values}
            draft = Draft(conversation.id, ward_id=ward, area_id=area, **chosen)
            now, rulebook = self.clock(), RulebookInForce(self.rulebook).at(session)
            return open_case(session, rulebook, draft, f"filed:{self.filed}", now).code

    def _conversation(self, session: Any, user: str) -> Conversation:
        found = session.scalars(select(Conversation).where(Conversation.user_id == user)).first()
        if found is None:
            found = Conversation(channel="zalo", user_id=user, created_at=self.clock())
            found.phone = Vault(self.config.data_keys).seal("0912345678")
            session.add(found)
            session.flush()
        return found  # type: ignore[no-any-return]

    def audits(self) -> list[tuple[str, str]]:
        """What the log says was done to what, in order."""
        with reading(self.database) as session:
            rows = session.execute(select(AuditEntry.action, AuditEntry.subject).order_by(AuditEntry.id))
            return [(action, subject) for action, subject in rows]

    def officer(self, username: str) -> Officer:
        with reading(self.database) as session:
            found = session.scalars(select(Officer).where(Officer.username == username)).one()
            session.expunge_all()
            return found

    def told(self) -> list[tuple[int, str]]:
        """Messages to citizens: conversation and text, in order."""
        with reading(self.database) as session:
            rows = session.execute(select(Outbound.conversation_id, Outbound.text).order_by(Outbound.id))
            return [(conversation, text) for conversation, text in rows]

    def set(self, client: FlaskClient, name: str, value: object) -> TestResponse:
        """One of the settings, as the page does it."""
        page = client.get("/admin/settings").text
        version = re.search(rf'action="/admin/settings/{name}".*?name="version" value="(\d+)"', page, re.DOTALL)
        assert version
        return post(client, f"/admin/settings/{name}", value=value, version=version[1])


def furnish(database: Database, rulebook: Rulebook, clock: Clock, folder: Path) -> Office:
    """Units, people, and a confirmed second factor for the administrator."""
    config = config_for(folder)
    office = Office(create_app(config, database, rulebook, clock), database, rulebook, clock, config)
    hashed = officers.hash_password(PASSWORD)
    with transaction(database) as session:
        add_units(session)
        for username, role, unit in PEOPLE:
            person = Officer(username=username, name=f"Cán bộ {username}", role=role, unit_id=unit)
            person.password_hash, person.created_at, person.active = hashed, clock(), True
            session.add(person)
            session.flush()
            office.ids[username] = person.id
        vault = Vault(config.data_keys)
        secret = second_factor.secret_to_enrol(session, vault, office.ids["quantri"], clock())
        assert secret
        office.secret = secret
        assert second_factor.confirm(session, vault, office.ids["quantri"], office.code(), clock())
    return office
