"""Fixtures of every test: databases built by the migrations, catalogues, no network, no silent skips in CI."""

import os
from collections.abc import Generator, Iterator

import pytest

from cases.rulebook import Rulebook, load_rulebook
from core.db import Database
from tests.support import Clock, NoPostgresError, PostgresCluster, PostgresHouse, SqliteHouse

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
def sqlite_house(tmp_path_factory: pytest.TempPathFactory) -> SqliteHouse:
    return SqliteHouse(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_house(postgres: PostgresCluster) -> PostgresHouse:
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
