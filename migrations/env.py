"""Alembic's entry: runs migrations on the connection that manage.py or a test hands over."""

from alembic import context

import cases.attempts
import cases.audit
import cases.casework_model
import cases.incident_model
import cases.kept
import cases.model
import cases.resets
import cases.second_factor
import cases.sessions
import core.model
from core.db import Base

# Imported so that the metadata is complete.
TABLES = (core.model, cases.model, cases.attempts, cases.casework_model)
TABLES_OF_ADMINISTRATION = (
    cases.audit,
    cases.incident_model,
    cases.kept,
    cases.resets,
    cases.second_factor,
    cases.sessions,
)


def migrate() -> None:
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


migrate()
