"""Settling: which messages wait a moment for more of the same thought; words held until we know what they are."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversations", sa.Column("held", sa.LargeBinary(), nullable=True))
    op.add_column("inbounds", sa.Column("settles", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("inbounds", "settles")
    op.drop_column("conversations", "held")
