"""Speed with many cases: figures of months that are over are remembered, and what they rest on is in indexes."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NARROWED = (
    "unit_id", "area_id", "about_unit_id", "about_officer_id", "category", "ward_id", "channel", "urgency",
    "officer_id", "refused_for",
)  # fmt: skip
INDEXES = (
    ("ix_cases_figures", ["opened_at", "status", "changes", "id", *NARROWED]),
    ("ix_cases_endings", ["resolved_at", "status", *NARROWED]),
)
# Their first column is found in the new ones.
REPLACED = (("ix_cases_opened_at", ["opened_at"]), ("ix_cases_resolved_at", ["resolved_at"]))
# Every change of a case counts, whoever makes it: a figure remembered before it is not believed any more.
SQLITE_COUNTS = (
    """CREATE TRIGGER case_changes AFTER UPDATE ON cases WHEN new.changes = old.changes BEGIN
       UPDATE cases SET changes = old.changes + 1 WHERE id = new.id; END""",
)
POSTGRESQL_COUNTS = (
    """CREATE FUNCTION count_case_change() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN NEW.changes := OLD.changes + 1; RETURN NEW; END $$""",
    "CREATE TRIGGER case_changes BEFORE UPDATE ON cases FOR EACH ROW EXECUTE FUNCTION count_case_change()",
)

# The planner believes that making words of a text costs nothing, and walks through the newest cases doing just that.
# In a function of our own it is told the price, and uses the index unless nearly every case has the words.
POSTGRESQL_WORDS = (
    """CREATE FUNCTION words_of_case(searchable text) RETURNS tsvector
       LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 4000 AS
       $$ BEGIN RETURN to_tsvector('simple', searchable); END $$""",
    "DROP INDEX case_search",
    "CREATE INDEX case_search ON cases USING gin (words_of_case(searchable))",
)
POSTGRESQL_WORDS_BACK = (
    "DROP INDEX case_search",
    "DROP FUNCTION words_of_case(text)",
    "CREATE INDEX case_search ON cases USING gin (to_tsvector('simple', searchable))",
)


def upgrade() -> None:
    op.add_column("cases", sa.Column("changes", sa.Integer(), nullable=False, server_default="0"))
    for name, columns in INDEXES:
        op.create_index(name, "cases", columns)
    for name, _ in REPLACED:
        op.drop_index(name, "cases")
    for statement in (*POSTGRESQL_COUNTS, *POSTGRESQL_WORDS) if _postgresql() else SQLITE_COUNTS:
        op.execute(statement)
    op.create_table(
        "remembered_figures",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("stamp", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lines", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_remembered_figures")),
    )
    op.create_index("ix_remembered_figures_at", "remembered_figures", ["at"])


def downgrade() -> None:
    op.drop_table("remembered_figures")
    op.execute("DROP TRIGGER case_changes ON cases" if _postgresql() else "DROP TRIGGER case_changes")
    if _postgresql():
        for statement in ("DROP FUNCTION count_case_change()", *POSTGRESQL_WORDS_BACK):
            op.execute(statement)
    for name, columns in REPLACED:
        op.create_index(name, "cases", columns)
    for name, _ in INDEXES:
        op.drop_index(name, "cases")
    op.drop_column("cases", "changes")


def _postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
