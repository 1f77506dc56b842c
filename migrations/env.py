"""Alembic's entry: runs migrations on the connection that manage.py or a test hands over."""

from alembic import context

from cases import (
    attempts,
    audit,
    casework_model,
    consents,
    data_requests,
    figures_model,
    incident_model,
    kept,
    links,
    model,
    resets,
    second_factor,
    sessions,
)
from core import model as message_path
from core.db import Base

# Imported so that the metadata is complete.
TABLES = (
    message_path,
    model,
    attempts,
    audit,
    casework_model,
    consents,
    data_requests,
    figures_model,
    incident_model,
    kept,
    links,
    resets,
    second_factor,
    sessions,
)


def migrate() -> None:
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


migrate()
