"""Media: what a picture looks like, so that the same picture is found again."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attachments", sa.Column("fingerprint", sa.String(length=16), nullable=True))
    op.create_index("ix_attachments_fingerprint", "attachments", ["fingerprint"])


def downgrade() -> None:
    op.drop_index("ix_attachments_fingerprint", "attachments")
    op.drop_column("attachments", "fingerprint")
