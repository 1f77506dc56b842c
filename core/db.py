"""The database: engine, the column types every table uses, and the one place that commits; called by every room."""

import fcntl
import functools
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
    Engine,
    Executable,
    MetaData,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=30000",
    "secure_delete=ON",  # what is erased is overwritten, not only unlinked
    "recursive_triggers=ON",  # or INSERT OR REPLACE walks past the guards of case_events
)


# How rows are locked. FOR NO KEY UPDATE on PostgreSQL: rows that point here (an inbound to its conversation) may be
# inserted meanwhile; the stronger FOR UPDATE deadlocks with them. SQLite has one writer at a time anyway.
ROW_LOCK: dict[str, Any] = {"key_share": True}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, always UTC: refuses naive values; SQLite keeps no zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Parent of every table; constraint names are fixed so that migrations can name them on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


@dataclass(frozen=True)
class Database:
    """An open database: `engine`, and for SQLite the path of the file on which its writers queue."""

    engine: Engine
    lock_path: Path | None


def open_database(url: str, statement_seconds: int | None = None) -> Database:
    """Open SQLite or PostgreSQL by its SQLAlchemy URL; a plain postgresql:// URL gets the psycopg driver.

    `statement_seconds` ends what PostgreSQL has not answered by then; SQLite has its own queue of writers.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(url, parsed.database)
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    engine = create_engine(
        parsed,
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=20,
        pool_timeout=5,
        hide_parameters=True,  # an SQL error would quote what people wrote
        connect_args=_postgres_patience(statement_seconds),
    )
    return Database(engine, None)


def _postgres_patience(statement_seconds: int | None) -> dict[str, Any]:
    """How long to wait for a server that is gone without a word: the system's own patience is minutes."""
    patience: dict[str, Any] = {"connect_timeout": 2, "tcp_user_timeout": 10_000, "keepalives_idle": 10}
    if statement_seconds is not None:
        patience["options"] = f"-c statement_timeout={statement_seconds}s"
    return patience


def _open_sqlite(url: str, path: str | None) -> Database:
    file = Path(path or "")
    if not file.name or path == ":memory:":
        raise ValueError("SQLite needs a file: several processes share it")
    file.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": 30, "check_same_thread": False})
    engine.dialect.statement_compiler = _SqliteCompiler
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return Database(engine, file.with_name(file.name + ".lock"))


class _SqliteCompiler(SQLiteCompiler):
    """Writes hints (`with_hint`) behind the table, which SQLAlchemy leaves out for SQLite."""

    def get_from_hint_text(self, table: Any, text: str | None) -> str | None:
        return text


def _prepare_sqlite(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, or the driver begins too late and too weakly
    for pragma in SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("schema", False):
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")  # within a transaction it would do nothing
    connection.exec_driver_sql("BEGIN" if options.get("reading", False) else "BEGIN IMMEDIATE")


@contextmanager
def transaction(database: Database) -> Iterator[Session]:
    """The unit of work: commits at the end of the block, rolls back on any exception. The only commit we have."""
    with _writer_turn(database), Session(database.engine, expire_on_commit=False) as session:
        yield session
        session.commit()


@contextmanager
def reading(database: Database) -> Iterator[Session]:
    """A look at one consistent moment; nothing written in it is kept, and on SQLite it never waits for writers."""
    options: dict[str, Any] = {"reading": True}
    if database.lock_path is None:
        options["isolation_level"] = "REPEATABLE READ"
    engine = database.engine.execution_options(**options)
    with Session(engine, expire_on_commit=False) as session:
        yield session
        session.rollback()


@contextmanager
def changing_schema(database: Database) -> Iterator[Connection]:
    """The transaction of the migrations: kept whole, or nothing of it.

    SQLite rebuilds a table by dropping it, which it refuses while other rows point there: keys rest meanwhile, and
    every one is looked at before the end.
    """
    if database.lock_path is None:
        with database.engine.begin() as connection:
            yield connection
        return
    with database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        try:
            with connection.execution_options(schema=True).begin():
                yield connection
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if broken:
                    raise RuntimeError(f"a migration broke {len(broken)} references, the first in {broken[0][0]}")
        finally:
            driver.execute("PRAGMA foreign_keys=ON")  # type: ignore[union-attr]


def look_at_sizes(database: Database) -> None:
    """Tell SQLite how full its indexes are, or it walks through the wrong ones; PostgreSQL sees to that itself."""
    if database.lock_path is None:
        return
    with transaction(database) as session:
        session.execute(text("PRAGMA analysis_limit=1000"))
        session.execute(text("ANALYZE"))


@contextmanager
def _writer_turn(database: Database) -> Iterator[None]:
    """SQLite: wait in the kernel's queue for a file lock; polling with the busy timeout is 4 to 30 times slower."""
    if database.lock_path is None:
        yield
        return
    with database.lock_path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def insert_once(session: Session, table: type[Base], values: Mapping[str, Any]) -> bool:
    """Insert a row unless a unique constraint already holds it; says whether it is new."""
    statement = _insert_once(table, session.get_bind().dialect.name)
    return session.connection().execute(statement, dict(values)).first() is not None


def insert_all_once(
    session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]], returned: tuple[Any, ...]
) -> Sequence[Any]:
    """Insert the rows, which name the same columns, in few statements; `returned` of those that were new."""
    insert = _insert_into(table, session.get_bind().dialect.name).returning(*returned)
    return session.connection().execute(insert, [dict(row) for row in rows]).all()


@functools.cache
def _insert_once(table: type[Base], dialect: str) -> Executable:
    """Built once: building it anew costs more than running it."""
    return _insert_into(table, dialect).returning(*inspect(table).primary_key)


@functools.cache
def _insert_into(table: type[Base], dialect: str) -> postgresql.Insert | sqlite.Insert:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing()
