"""Changing a column of `cases`, for the next migration that must; test_rebuild shows that nothing is lost by it.

SQLite cannot change a column: a batch makes a new table, copies and drops the old one, and every trigger on it is gone
with it. The search and the figures live by those triggers, so here they are put back as they were.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

TRIGGERS = sa.text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'cases' ORDER BY name")
HAS_SEARCH = sa.text("SELECT 1 FROM sqlite_master WHERE name = 'case_search'")


@contextmanager
def changed_cases() -> Iterator[BatchOperations]:
    """In place of `op.batch_alter_table("cases")`, on both databases."""
    connection, sqlite = op.get_bind(), op.get_bind().dialect.name == "sqlite"
    triggers = connection.scalars(TRIGGERS).all() if sqlite else ()
    with op.batch_alter_table("cases") as batch:
        yield batch
    if not sqlite:
        return
    kept = set(connection.scalars(TRIGGERS))
    for statement in triggers:
        if statement not in kept:
            op.execute(statement)
    if connection.scalar(HAS_SEARCH):
        op.execute("INSERT INTO case_search(case_search) VALUES ('rebuild')")
