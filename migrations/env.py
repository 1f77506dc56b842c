"""Alembic's entry: runs migrations on the connection that manage.py or a test hands over."""

from alembic import context

import cases.attempts
import cases.figures_model
import cases.model
import core.model
from core.db import Base

TABLES = (core.model, cases.model, cases.attempts, cases.figures_model)  # imported so that the metadata is complete


def migrate() -> None:
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


migrate()
