"""Changes nothing. Databases exist that are stamped 0002: without this step Alembic could not find their place."""

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The schema stays as 0001 left it."""


def downgrade() -> None:
    """The schema stays as 0001 left it."""
