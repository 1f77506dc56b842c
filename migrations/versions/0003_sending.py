"""Sending: windows, receipts and what became of an outgoing message; connecting an account; the platforms' notices."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NEW: dict[str, tuple[tuple[str, sa.types.TypeEngine[object]], ...]] = {
    "conversations": (("human_at", MOMENT), ("left_at", MOMENT), ("source", sa.String(length=100))),
    "inbounds": (("original", sa.Text()),),
    "outbounds": (
        ("attachment", sa.JSON(none_as_null=True)),
        ("route", sa.String(length=20)),
        ("noticed_at", MOMENT),
        ("charged_at", MOMENT),
        ("delivered_at", MOMENT),
        ("seen_at", MOMENT),
        ("reaction", sa.String(length=40)),
    ),
    "channel_tokens": (("spending_since", MOMENT), ("failing_since", MOMENT), ("failure", sa.String(length=60))),
}


def upgrade() -> None:
    for table, columns in NEW.items():
        for name, kind in columns:
            op.add_column(table, sa.Column(name, kind, nullable=True))
    op.create_index("ix_outbounds_external_id", "outbounds", ["external_id"])
    op.create_index("ix_outbounds_charged_at", "outbounds", ["charged_at"])
    op.create_table(
        "channel_connections",
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("verifier", sa.LargeBinary(), nullable=False),
        sa.Column("code", sa.LargeBinary(), nullable=True),
        sa.Column("outcome", sa.String(length=60), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("state", name=op.f("pk_channel_connections")),
    )
    op.create_table(
        "platform_notices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", MOMENT, nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_notices")),
        sa.UniqueConstraint("channel", "reason", name=op.f("uq_platform_notices_channel_reason")),
    )


def downgrade() -> None:
    op.drop_table("platform_notices")
    op.drop_table("channel_connections")
    op.drop_index("ix_outbounds_charged_at", "outbounds")
    op.drop_index("ix_outbounds_external_id", "outbounds")
    # What waited for the citizen was not delivered: older code knows that as dead.
    op.execute("UPDATE outbounds SET status = 'dead' WHERE status IN ('held', 'dropped')")
    for table, columns in NEW.items():
        for name, _ in columns:
            op.drop_column(table, name)
