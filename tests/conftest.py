"""Fixtures of every test: databases built by the migrations, catalogues, no network, no silent skips in CI."""

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from cases.rulebook import Rulebook, load_rulebook
from core.db import Database, open_database
from tests.support import Clock, NoPostgresError, PostgresCluster, migrate

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
    _migrated(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres: PostgresCluster) -> str:
    """The name of a migrated database to copy; nobody stays connected to it."""
    name = postgres.create()
    _migrated(postgres.url(name))
    return name


@pytest.fixture(params=BOTH)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated database of the test's own, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "test.db")
        yield from _opened(f"sqlite:///{tmp_path}/test.db")
        return
    template = request.getfixturevalue("migrated_postgres")
    yield from _on(request.getfixturevalue("postgres"), template)


@pytest.fixture(params=BOTH)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without a table, for tests of the migrations themselves."""
    if request.param == "sqlite":
        yield from _opened(f"sqlite:///{tmp_path}/empty.db")
        return
    yield from _on(request.getfixturevalue("postgres"), "template0")


def _on(cluster: PostgresCluster, template: str) -> Iterator[Database]:
    name = cluster.create(template)
    yield from _opened(cluster.url(name))
    cluster.drop(name)


def _opened(url: str) -> Iterator[Database]:
    database = open_database(url)
    yield database
    database.engine.dispose()


def _migrated(url: str) -> None:
    database = open_database(url)
    migrate(database)
    database.engine.dispose()
