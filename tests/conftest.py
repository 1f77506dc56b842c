"""Fixtures of every test: databases built by the migrations, catalogues, no network, no silent skips in CI."""

import logging
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from cases.rulebook import Rulebook, load_rulebook
from core.db import Base, Database, open_database, transaction
from core.vault import Vault
from tests.channels import CASES, ChannelCase, config_of, never_opened
from tests.channels import NOW as CHANNEL_NOW
from tests.desk import Desk, furnished_desk, seed_desk
from tests.fakes import FakePlatform
from tests.media import MediaHost, Place, place_on
from tests.message_path import House, personal_in
from tests.offices import Office, furnish
from tests.stack import Stack
from tests.support import (
    KIM_LIEN,
    Clock,
    FakeRasa,
    NoPostgresError,
    PostgresCluster,
    PostgresHouse,
    SqliteHouse,
    add_officer,
    add_units,
    build,
)
from tests.talk import Talk
from webhook.channels import build_channels
from webhook.channels.base import Channel

BOTH = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgres))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Tests reach this machine and nothing else; a test may narrow that further by a mark."""
    config.option.allow_hosts = config.option.allow_hosts or "127.0.0.1"
    config.option.allow_unix_socket = True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything was installed on purpose (TIEPDAN_SKIP_NOTHING=1), a skipped test is a failed one."""
    report = yield
    if report.skipped and os.environ.get("TIEPDAN_SKIP_NOTHING") == "1" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
    return report


@pytest.fixture(scope="session")
def rulebook() -> Rulebook:
    return load_rulebook()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresCluster]:
    try:
        cluster = PostgresCluster()
    except NoPostgresError as error:
        pytest.skip(f"PostgreSQL is not here: {error}")
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy; nobody writes into it."""
    path = tmp_path_factory.mktemp("migrated") / "template.db"
    build(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def sqlite_house(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> SqliteHouse:
    return SqliteHouse(migrated_sqlite, tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql_house(postgres: PostgresCluster) -> PostgresHouse:
    return PostgresHouse(postgres)


@pytest.fixture(params=BOTH)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A migrated database of the test's own, once on SQLite and once on PostgreSQL."""
    house = request.getfixturevalue(f"{request.param}_house")
    yield house.furnish()
    house.clear()


@pytest.fixture(params=BOTH)
def empty_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database without a table, for tests of the migrations themselves."""
    house = request.getfixturevalue(f"{request.param}_house")
    yield house.furnish(migrated=False)
    house.clear()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole project as real processes on SQLite, shared by the tests that only talk to it."""
    running = Stack(tmp_path_factory.mktemp("stack"))
    try:
        running.start()
        running.manage(
            "user-add", "caugiay", "--name", "Cán bộ Cầu Giấy", "--unit", "legacy:005", stdin="mat-khau-rat-dai\n"
        )
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def seeded_desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("desk") / "seed.db"
    seed_desk(file)
    return file


@pytest.fixture
def desk(tmp_path: Path, seeded_desk: Path, rulebook: Rulebook) -> Iterator[Desk]:
    """The officers' desk on SQLite, with officers and without cases."""
    yield from furnished_desk(seeded_desk, tmp_path, rulebook)


@pytest.fixture
def office(database: Database, rulebook: Rulebook, clock: Clock, tmp_path: Path) -> Office:
    """The officers' desk on either database, with an administrator who has a second factor."""
    return furnish(database, rulebook, clock, tmp_path)


@pytest.fixture
def talk(database: Database, rulebook: Rulebook, clock: Clock, tmp_path: Path) -> Iterator[Talk]:
    """Citizens, the worker and the officer of Kim Liên on either database; no case yet."""
    with transaction(database) as session:
        add_units(session)
        add_officer(session, "kimlien", KIM_LIEN)
    talk = Talk(database, rulebook, clock, tmp_path)
    yield talk
    talk.rasa.close()


@pytest.fixture
def rasa() -> Iterator[FakeRasa]:
    server = FakeRasa()
    yield server
    server.close()


@pytest.fixture
def house(
    database: Database, rulebook: Rulebook, rasa: FakeRasa, clock: Clock, caplog: pytest.LogCaptureFixture
) -> Iterator[House]:
    """A worker with a scripted Rasa. It is told personal words; none may be in any log record, at any level."""
    caplog.set_level(logging.DEBUG)
    with transaction(database) as session:
        add_units(session)
        add_officer(session, "kimlien", KIM_LIEN)
    yield House(database, rulebook, rasa, clock)
    assert personal_in(caplog.get_records("call")) == []


@pytest.fixture
def platform() -> Iterator[FakePlatform]:
    """Zalo's and Facebook's servers, as a test scripts them."""
    server = FakePlatform()
    yield server
    server.close()


@pytest.fixture(name="case", params=CASES, ids=lambda case: case.name)
def channel_case(request: pytest.FixtureRequest) -> ChannelCase:
    """Each channel in turn, for the contract they share."""
    found: ChannelCase = request.param
    return found


@pytest.fixture
def channel_database(tmp_path: Path) -> Iterator[Database]:
    """SQLite for a channel's tokens."""
    opened = open_database(f"sqlite:///{tmp_path}/test.db")
    Base.metadata.create_all(opened.engine)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def channels(platform: FakePlatform, channel_database: Database) -> dict[str, Channel]:
    config = config_of(platform.url)
    return build_channels(config, channel_database, Vault(config.data_keys), lambda: CHANNEL_NOW)


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Channel]:
    """Channels for parsing only: nothing is sent, nothing stored."""
    config = config_of("http://127.0.0.1:9")
    unused = never_opened(tmp_path_factory.mktemp("readers"))
    return build_channels(config, unused, Vault(config.data_keys), lambda: CHANNEL_NOW)


@pytest.fixture
def host() -> Iterator[MediaHost]:
    """The platforms' server of files."""
    opened = MediaHost()
    yield opened
    opened.close()


@pytest.fixture
def place(host: MediaHost, clock: Clock, migrated_sqlite: Path, tmp_path: Path) -> Iterator[Place]:
    """A fetcher of files with a folder of its own, on SQLite."""
    shutil.copy(migrated_sqlite, tmp_path / "media.db")
    database = open_database(f"sqlite:///{tmp_path}/media.db")
    yield place_on(database, host, clock, tmp_path)
    database.engine.dispose()
