"""Case work: order of the queue, full text, proof, companies, transfers, conflict of interest, undo."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NAMES = (
    "queue_class", "queue_at", "spoke_at", "offered_by_id", "about_unit_id", "about_officer_id", "duplicate_of_id",
    "doubts",
)  # fmt: skip
QUEUE = (
    "queue_class", "queue_at", "id", "unit_id", "area_id", "about_unit_id", "about_officer_id", "due_at", "status",
    "officer_id", "spoke_at",
)  # fmt: skip
INDEXES = (
    ("ix_cases_queue", QUEUE),
    ("ix_cases_unit_id_queue_class_queue_at_id", ["unit_id", "queue_class", "queue_at", "id"]),
    ("ix_cases_area_id_queue_class_queue_at_id", ["area_id", "queue_class", "queue_at", "id"]),
    ("ix_cases_category_queue_class_queue_at_id", ["category", "queue_class", "queue_at", "id"]),
    ("ix_cases_officer_id_queue_class_queue_at_id", ["officer_id", "queue_class", "queue_at", "id"]),
    ("ix_cases_offered_by_id", ["offered_by_id"]),
    ("ix_cases_spoke_at", ["spoke_at"]),
    ("ix_cases_doubts", ["doubts"]),
    ("ix_cases_duplicate_of_id", ["duplicate_of_id"]),
)
FILLED = """
UPDATE cases SET
  queue_class = CASE status WHEN 'resolved' THEN 2 WHEN 'waiting_citizen' THEN 1 ELSE 0 END,
  queue_at = CASE WHEN status = 'resolved' AND resolved_at IS NOT NULL THEN resolved_at ELSE due_at END,
  searchable = searchable || ' zzu' || replace(unit_id, ':', '')
    || CASE WHEN area_id IS NULL THEN '' ELSE ' zza' || replace(area_id, ':', '') END
    || CASE status WHEN 'resolved' THEN ' zzclosed' ELSE ' zzopen' END
"""
SQLITE_SEARCH = (
    """CREATE VIRTUAL TABLE case_search USING fts5(searchable, content='cases', content_rowid='id',
       tokenize='unicode61 remove_diacritics 0', prefix='2 3')""",
    "INSERT INTO case_search(case_search) VALUES ('rebuild')",
    """CREATE TRIGGER case_search_insert AFTER INSERT ON cases BEGIN
       INSERT INTO case_search(rowid, searchable) VALUES (new.id, new.searchable); END""",
    """CREATE TRIGGER case_search_delete AFTER DELETE ON cases BEGIN
       INSERT INTO case_search(case_search, rowid, searchable) VALUES ('delete', old.id, old.searchable); END""",
    """CREATE TRIGGER case_search_update AFTER UPDATE OF searchable ON cases WHEN old.searchable <> new.searchable BEGIN
       INSERT INTO case_search(case_search, rowid, searchable) VALUES ('delete', old.id, old.searchable);
       INSERT INTO case_search(rowid, searchable) VALUES (new.id, new.searchable); END""",
)
POSTGRESQL_SEARCH = ("CREATE INDEX case_search ON cases USING gin (to_tsvector('simple', searchable))",)


def upgrade() -> None:
    op.add_column("conversations", sa.Column("phone_hash", sa.String(length=64), nullable=True))
    op.create_index("ix_conversations_phone_hash", "conversations", ["phone_hash"])
    for column in _columns():
        op.add_column("cases", column)
    op.execute(FILLED)
    for name, columns in INDEXES:
        op.create_index(name, "cases", list(columns))
    for statement in POSTGRESQL_SEARCH if _postgresql() else SQLITE_SEARCH:
        op.execute(statement)
    _create_tables()


def downgrade() -> None:
    for table in ("undo_steps", "closing_texts", "outside_references", "forwards", "proofs"):
        op.drop_table(table)
    if _postgresql():
        op.execute("DROP INDEX case_search")
    else:
        for trigger in ("insert", "delete", "update"):
            op.execute(f"DROP TRIGGER case_search_{trigger}")
        op.execute("DROP TABLE case_search")
    for name, _ in INDEXES:
        op.drop_index(name, "cases")
    for name in NAMES:
        op.drop_column("cases", name)
    op.drop_index("ix_conversations_phone_hash", "conversations")
    op.drop_column("conversations", "phone_hash")


def _postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _columns() -> tuple[sa.Column[Any], ...]:
    """No foreign keys: SQLite cannot add one to a table that is there."""
    long_ago = "2000-01-01 00:00:00.000000"  # a column that must have a value begins with a constant; see FILLED
    return (
        sa.Column("queue_class", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("queue_at", sa.DateTime(timezone=True), nullable=False, server_default=long_ago),
        sa.Column("spoke_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offered_by_id", sa.String(length=20), nullable=True),
        sa.Column("about_unit_id", sa.String(length=20), nullable=True),
        sa.Column("about_officer_id", sa.Integer(), nullable=True),
        sa.Column("duplicate_of_id", sa.Integer(), nullable=True),
        sa.Column("doubts", sa.String(length=200), nullable=False, server_default=""),
    )


def _create_tables() -> None:
    op.create_table(
        "proofs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stored_name", sa.String(length=80), nullable=False),
        sa.Column("mime", sa.String(length=80), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("look", sa.String(length=16), nullable=True),
        sa.Column("used_before", sa.String(length=20), nullable=True),
        *_owned("proofs", "case_id", "officer_id"),
    )
    for name in ("case_id", "digest", "look"):
        op.create_index(f"ix_proofs_{name}", "proofs", [name])
    op.create_table(
        "forwards",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("company", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        *_owned("forwards", "case_id", "officer_id"),
    )
    op.create_index("ix_forwards_case_id", "forwards", ["case_id"])
    op.create_table(
        "outside_references",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("system", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        *_owned("outside_references", "case_id", "officer_id"),
        sa.UniqueConstraint(
            "case_id", "system", "reference", name=op.f("uq_outside_references_case_id_system_reference")
        ),
    )
    op.create_index("ix_outside_references_reference", "outside_references", ["reference"])
    op.create_table(
        "closing_texts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("print", sa.String(length=64), nullable=False),
        *_owned("closing_texts", "case_id"),
    )
    op.create_index("ix_closing_texts_case_id", "closing_texts", ["case_id"])
    op.create_index("ix_closing_texts_print_case_id", "closing_texts", ["print", "case_id"])
    op.create_table(
        "undo_steps",
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_event_id", sa.Integer(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        *_owned("undo_steps", "case_id", "officer_id", key="case_id"),
    )


def _owned(table: str, *columns: str, key: str = "id") -> list[sa.Constraint]:
    foreign = {"case_id": "cases.id", "officer_id": "officers.id"}
    keys = [sa.ForeignKeyConstraint([name], [foreign[name]], name=op.f(f"fk_{table}_{name}")) for name in columns]
    return [*keys, sa.PrimaryKeyConstraint(key, name=op.f(f"pk_{table}"))]
