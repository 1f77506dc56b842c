"""Further accounts of a citizen that hear of a case."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case_links",
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_links_case_id")),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_case_links_conversation_id")),
        sa.PrimaryKeyConstraint("case_id", "conversation_id", name=op.f("pk_case_links")),
    )
    op.create_index("ix_case_links_conversation_id", "case_links", ["conversation_id"])


def downgrade() -> None:
    op.drop_table("case_links")
