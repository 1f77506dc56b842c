"""Joining: citizens who follow a case of somebody else; an index for alike cases of a place."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "followers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.Integer(), nullable=False),
        sa.Column("turn_id", sa.Integer(), nullable=True),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_followers_case_id"),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name="fk_followers_conversation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_followers"),
        sa.UniqueConstraint("case_id", "conversation_id", name="uq_followers_case_id_conversation_id"),
    )
    op.create_index("ix_followers_conversation_id", "followers", ["conversation_id"])
    op.create_index("ix_cases_ward_id_category_opened_at", "cases", ["ward_id", "category", "opened_at"])


def downgrade() -> None:
    op.drop_index("ix_cases_ward_id_category_opened_at", "cases")
    op.drop_table("followers")
