"""What many tests stand on: migrated databases, a clock moved by hand, a scripted Rasa, a quiet channel."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import event as sql_event
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.model import Case, CaseEvent, Officer, Unit
from core.db import Database, changing_schema, open_database, reading
from core.events import InboundEvent
from core.model import Conversation
from core.vault import Vault
from tests.fakes import FakePlatform, Reply
from webhook.channels.base import Channel, ChannelError, Outgoing, Parsed

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)  # a Tuesday, 10:00 in Hà Nội
CITY, DONG_DA, CAU_GIAY = "city:01", "legacy:006", "legacy:005"
KIM_LIEN, LANG, CAU_GIAY_WARD = "2025:00229", "2025:00199", "2025:00166"
UNITS = (
    (CITY, "city", "Thành phố Hà Nội", None),
    (DONG_DA, "area", "khu vực Đống Đa", CITY),
    (CAU_GIAY, "area", "khu vực Cầu Giấy", CITY),
    (KIM_LIEN, "ward", "Phường Kim Liên", DONG_DA),
    (LANG, "ward", "Phường Láng", DONG_DA),
    (CAU_GIAY_WARD, "ward", "Phường Cầu Giấy", CAU_GIAY),
)
VAULT = Vault(["test-key"])
_numbers = itertools.count(1)


class Clock:
    """The time of a test, moved by hand."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **time_passed: float) -> None:
        self.now += timedelta(**time_passed)


def migrate(database: Database, revision: str = "head") -> None:
    """Up to a revision, or with "base" all the way down, by the same steps as `manage.py migrate`."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    with changing_schema(database) as connection:
        config.attributes["connection"] = connection
        (command.downgrade if revision == "base" else command.upgrade)(config, revision)


class Filed:
    """What a database keeps of cases; for the houses of tests that hold one."""

    database: Database

    def case(self, code: str) -> Case:
        with reading(self.database) as session:
            found = session.scalars(select(Case).where(Case.code == code)).one()
            session.expunge_all()
            return found

    def events(self, code: str) -> list[str]:
        """The kinds of a case's events, in order."""
        with reading(self.database) as session:
            query = select(CaseEvent.kind).join(Case, Case.id == CaseEvent.case_id).where(Case.code == code)
            return list(session.scalars(query.order_by(CaseEvent.id)))


def add_units(session: Session) -> None:
    for unit_id, kind, name, parent in UNITS:
        scheme, _, code = unit_id.partition(":")
        slug = name.lower().replace(" ", "-")
        session.add(
            Unit(
                id=unit_id, scheme=scheme, code=code, kind=kind, name=name, slug=slug, parent_id=parent, lat=21, lon=105
            )
        )
        session.flush()


def add_officer(session: Session, username: str, unit_id: str, role: str = "officer") -> Officer:
    officer = Officer(
        username=username, name=username, role=role, unit_id=unit_id, password_hash="none", created_at=NOW, active=True
    )
    session.add(officer)
    session.flush()
    return officer


def add_conversation(session: Session, user: str = "u1", channel: str = "zalo") -> Conversation:
    conversation = Conversation(channel=channel, user_id=user, created_at=NOW)
    session.add(conversation)
    session.flush()
    return conversation


def said(text: str = "", *, user: str = "u1", kind: str = "text", at: datetime = NOW, **values: Any) -> InboundEvent:
    """An event as a channel hands it over, with an id of its own unless `external_id` is given."""
    values.setdefault("external_id", f"m{next(_numbers)}")
    return InboundEvent(channel="zalo", user_id=user, kind=kind, sent_at=at, text=text, **values)


class Crash(BaseException):
    """The process is gone; nothing after this line of it happens."""


@contextmanager
def crash_at(database: Database, number: int, when: str) -> Iterator[list[int]]:
    """The process dies "before" or "after" its commit `number` (from 1); yields the commits that were reached."""
    reached: list[int] = []

    def die(session: Session) -> None:
        if session.get_bind() is not database.engine:
            return
        reached.append(len(reached) + 1)
        if reached[-1] == number:
            raise Crash

    sql_event.listen(Session, f"{when}_commit", die)
    try:
        yield reached
    finally:
        sql_event.remove(Session, f"{when}_commit", die)


def answer_with(*texts: str, state: Mapping[str, Any] | None = None, **reply: Any) -> Reply:
    """What the bot's door answers when all is well; `reply` (buttons, custom) goes with the last text."""
    replies: list[dict[str, Any]] = [{"text": text} for text in texts]
    replies[-1].update(reply)
    return Reply({"replies": replies, "state": dict(state or {}), "understood": {"intent": "greet"}})


class FakeRasa(FakePlatform):
    """The bot's HTTP door on 127.0.0.1: answers with `answer(question)` unless `script` says otherwise."""

    def __init__(self, answer: Callable[[Mapping[str, Any]], Reply] = lambda _: answer_with("Dạ vâng ạ.")) -> None:
        self.answer = answer
        super().__init__()

    def next_answers(self, *replies: Reply) -> None:
        self.script("/webhooks/turn/", *replies)

    @property
    def questions(self) -> list[Any]:
        return [call.json for call in self.calls]

    def _friendly(self, path: str, number: int) -> Reply:
        return self.answer(self.calls[-1].json)


@dataclass
class FakeChannel(Channel):
    """A platform that takes every message, unless the next of `errors` is not None; `sent` is what it took."""

    name = "zalo"
    refusal_status = 200
    too_large_status = 413
    sent: list[Outgoing] = field(default_factory=list)
    errors: list[BaseException | None] = field(default_factory=list)

    def challenge(self, args: Mapping[str, str]) -> str | None:
        return None

    def verify(self, raw: bytes, headers: Mapping[str, str]) -> bool:
        return False

    def parse(self, raw: bytes) -> Parsed:
        return Parsed()

    def send(self, outgoing: Outgoing) -> str | None:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        self.sent.append(outgoing)
        return f"platform-{len(self.sent)}"

    @property
    def texts(self) -> list[str]:
        return [outgoing.text for outgoing in self.sent]


def channel_error(*, retry: bool, code: str = "scripted") -> ChannelError:
    kind = type("ScriptedError", (ChannelError,), {"retry": retry})
    error: ChannelError = kind(code)
    return error


class NoPostgresError(Exception):
    """PostgreSQL's programs are not on this machine; the message says what is missing."""


class PostgresCluster:
    """A throw-away PostgreSQL, reached by a socket in its own folder; a `durable` one waits for the disk."""

    def __init__(self, *, durable: bool = False) -> None:
        binaries = _postgres_binaries()
        # PostgreSQL refuses to run as root: then it runs as the account its package made.
        self._account: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []}
        if os.getuid() != 0:
            self._account = {}
        self._folder = Path(tempfile.mkdtemp(prefix="tiepdan-pg-"))
        if self._account:
            _give_to_postgres(self._folder)
        self._run(binaries / "initdb", "-D", "data", "-U", "tiepdan", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = (
            "listen_addresses=",
            f"unix_socket_directories={self._folder}",
            f"fsync={'on' if durable else 'off'}",
            "log_min_messages=panic",
        )
        self._command = [binaries / "postgres", "-D", "data", *(part for option in options for part in ("-c", option))]
        self.resume()

    def resume(self) -> None:
        """Start the server, and wait until it answers."""
        self._server = subprocess.Popen(
            self._command,
            cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self._account,
        )  # fmt: skip
        self._admin = self._connect()

    def halt(self) -> None:
        """Stop the server at once, whoever is connected."""
        self._admin.close()
        self._server.send_signal(signal.SIGINT)
        self._server.wait()

    def url(self, name: str) -> str:
        return f"postgresql://tiepdan@/{name}?host={self._folder}"

    def create(self, name: str | None = None, template: str = "template0") -> str:
        """A new database, empty or a copy of another to which nobody is connected; returns its name."""
        name = name or f"test_{next(_numbers)}"
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        self.halt()
        shutil.rmtree(self._folder)

    def _run(self, *words: object) -> None:
        subprocess.run(
            [str(word) for word in words], cwd=self._folder, check=True, capture_output=True, **self._account
        )

    def _connect(self) -> psycopg.Connection[Any]:
        deadline = time.monotonic() + 20
        while True:
            try:
                return psycopg.connect(self.url("postgres"), autocommit=True)
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._server.poll() is not None:
                    raise
                time.sleep(0.05)


def _postgres_binaries() -> Path:
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = str(packaged[-1]) if packaged else shutil.which("initdb")
    if found is None or not Path(found).resolve().with_name("postgres").exists():
        raise NoPostgresError("no initdb and postgres: install the package postgresql")
    return Path(found).resolve().parent


def _give_to_postgres(folder: Path) -> None:
    try:
        shutil.chown(folder, "postgres", "postgres")
    except LookupError:
        shutil.rmtree(folder)
        raise NoPostgresError("running as root and there is no account named postgres") from None


class SqliteHouse:
    """One SQLite database after the other at one address: the engine stays, and with it what it has compiled."""

    def __init__(self, template: Path, folder: Path) -> None:
        self._template, self._file = template, folder / "test.db"
        self._database = open_database(f"sqlite:///{self._file}")

    def furnish(self, *, migrated: bool = True, kept: str = "") -> Database:
        if migrated:
            shutil.copy(self._file.with_name(f"{kept}.kept") if kept else self._template, self._file)
        return self._database

    def keep(self, name: str) -> None:
        """Clear, and furnish by this name later what is in the database now: for what takes long to make."""
        self._database.engine.dispose()  # the last to leave writes the journal into the file
        assert not self._file.with_name(f"{self._file.name}-wal").exists()
        shutil.copy(self._file, self._file.with_name(f"{name}.kept"))
        self.clear()

    def clear(self) -> None:
        self._database.engine.dispose()
        for file in self._file.parent.glob(f"{self._file.name}*"):
            file.unlink()


class PostgresHouse:
    """One PostgreSQL database after the other at one address."""

    def __init__(self, cluster: PostgresCluster) -> None:
        self._cluster = cluster
        self._database = open_database(cluster.url("test"))
        cluster.create("template_of_tests")
        build(cluster.url("template_of_tests"))

    def furnish(self, *, migrated: bool = True, kept: str = "") -> Database:
        self._cluster.create("test", f"kept_{kept}" if kept else "template_of_tests" if migrated else "template0")
        return self._database

    def keep(self, name: str) -> None:
        """Clear, and furnish by this name later what is in the database now: for what takes long to make."""
        self._database.engine.dispose()
        self._cluster.create(f"kept_{name}", "test")
        self.clear()

    def clear(self) -> None:
        self._database.engine.dispose()
        self._cluster.drop("test")


def build(url: str) -> None:
    """Migrate a database that is a template afterwards: nobody stays connected to it."""
    database = open_database(url)
    migrate(database)
    database.engine.dispose()
