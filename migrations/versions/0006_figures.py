"""Figures: clocks that keep what was missed, frozen months, exports in the background."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENTS = ("extended_at", "late_at", "unreceived_at", "warned_at", "alarm_at")
INDEXES = (
    ("ix_cases_opened_at", ["opened_at"]),
    ("ix_cases_resolved_at", ["resolved_at"]),
    ("ix_cases_status_alarm_at", ["status", "alarm_at"]),
    ("ix_cases_officer_id_status", ["officer_id", "status"]),
)
# What was missed before there was a column for it, as far as the case itself tells.
MISSED = (
    "UPDATE cases SET late_at = due_at WHERE resolved_at > due_at",
    "UPDATE cases SET unreceived_at = receive_by WHERE received_at > receive_by",
)
REPEATED = (
    "UPDATE cases SET channel = (SELECT channel FROM conversations WHERE conversations.id = cases.conversation_id)",
    "UPDATE cases SET false_closures = (SELECT count(*) FROM case_events WHERE case_events.case_id = cases.id "
    "AND kind = 'reopened' AND actor = 'citizen')",
)


def upgrade() -> None:
    op.add_column("officers", sa.Column("may_export_personal", sa.Boolean(), nullable=False, server_default=sa.false()))
    for name in MOMENTS:
        op.add_column("cases", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    for name in ("hops", "false_closures"):
        op.add_column("cases", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("cases", sa.Column("channel", sa.String(length=20), nullable=False, server_default=""))
    op.add_column("cases", sa.Column("rating", sa.Integer(), nullable=True))
    op.add_column("cases", sa.Column("refused_for", sa.String(length=40), nullable=True))
    op.add_column("cases", sa.Column("escalated_to", sa.String(length=20), nullable=True))
    for name, columns in INDEXES:
        op.create_index(name, "cases", columns)
    for statement in (*MISSED, *REPEATED):
        op.execute(statement)
    _create_snapshots()
    _create_export_jobs()


def _create_snapshots() -> None:
    op.create_table(
        "snapshots",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=True),
        sa.Column("totals", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_snapshots_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshots")),
        sa.UniqueConstraint("month", name=op.f("uq_snapshots_month")),
    )
    moments = ("received_at", "first_answer_at", "resolved_at", "late_at", "unreceived_at")
    op.create_table(
        "snapshot_cases",
        sa.Column("snapshot_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("unit_id", sa.String(length=20), nullable=False),
        sa.Column("ward_id", sa.String(length=20), nullable=True),
        sa.Column("area_id", sa.String(length=20), nullable=True),
        sa.Column("category", sa.String(length=30), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("urgency", sa.String(length=10), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=True),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        *(sa.Column(n, sa.DateTime(timezone=True), nullable=False) for n in ("opened_at", "receive_by", "due_at")),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=True) for name in moments),
        sa.Column("reopened_count", sa.Integer(), nullable=False),
        sa.Column("escalated_to", sa.String(length=20), nullable=True),
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.Column("false_closures", sa.Integer(), nullable=False),
        sa.Column("refused_for", sa.String(length=40), nullable=True),
        sa.Column("undelivered", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["snapshot_id"], ["snapshots.id"], name=op.f("fk_snapshot_cases_snapshot_id")),
        sa.PrimaryKeyConstraint("snapshot_id", "case_id", name=op.f("pk_snapshot_cases")),
    )


def _create_export_jobs() -> None:
    op.create_table(
        "export_jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.Column("personal", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.Column("rows_total", sa.Integer(), nullable=False),
        sa.Column("stored_name", sa.String(length=80), nullable=True),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(length=80), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=80), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("downloads", sa.Integer(), nullable=False),
        sa.Column("downloaded_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_export_jobs_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_jobs")),
    )
    op.create_index("ix_export_jobs_officer_id", "export_jobs", ["officer_id"])
    op.create_index("ix_export_jobs_status_created_at", "export_jobs", ["status", "created_at"])


def downgrade() -> None:
    for table in ("export_jobs", "snapshot_cases", "snapshots"):
        op.drop_table(table)
    for name, _ in INDEXES:
        op.drop_index(name, "cases")
    for name in (*MOMENTS, "hops", "false_closures", "channel", "rating", "refused_for", "escalated_to"):
        op.drop_column("cases", name)
    op.drop_column("officers", "may_export_personal")
