"""The database a command works on: opened, brought to the newest schema, with its units."""

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import text

from cases.model import Unit
from cases.rulebook import load_rulebook
from cases.words import area_label
from core.config import Config
from core.db import Database, changing_schema, insert_once, open_database, transaction

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def opened(config: Config) -> Database:
    """As it is; a schema that is too old shows in the first query."""
    return open_database(config.database_url)


def migrated(config: Config) -> Database:
    """Brought to the newest schema first."""
    database = opened(config)
    alembic = AlembicConfig()
    alembic.set_main_option("script_location", str(MIGRATIONS))
    with changing_schema(database) as connection:
        if database.lock_path is None:  # two hosts may start on a new database at the same moment
            connection.execute(text("SELECT pg_advisory_xact_lock(20250701)"))
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "head")
    return database


def seed_units(database: Database) -> None:
    """Every unit of the catalogue that is not there yet."""
    with transaction(database) as session:
        for unit in load_rulebook().gazetteer.units():
            scheme, _, code = unit.ref.id.partition(":")
            values = {
                "id": unit.ref.id,
                "scheme": scheme,
                "code": code,
                "kind": unit.ref.kind,
                "name": area_label(unit.ref.name),
                "slug": unit.ref.slug,
                "parent_id": unit.parent_id,
                "lat": unit.lat,
                "lon": unit.lon,
            }
            insert_once(session, Unit, values)
