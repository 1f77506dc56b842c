"""Rights: words sealed until understood, consents with their history, requests about one's own data."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# A consent is proof: it is never changed or deleted, only withdrawn, once.
SQLITE_GUARDS = (
    """CREATE TRIGGER consents_no_update BEFORE UPDATE OF id, conversation_id, kind, version, given, at, turn_id
       ON consents BEGIN SELECT RAISE(ABORT, 'consents are append-only'); END""",
    """CREATE TRIGGER consents_withdrawn_once BEFORE UPDATE OF withdrawn_at ON consents
       WHEN old.withdrawn_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'consents are append-only'); END""",
    """CREATE TRIGGER consents_no_delete BEFORE DELETE ON consents
       BEGIN SELECT RAISE(ABORT, 'consents are append-only'); END""",
)
POSTGRESQL_GUARDS = (
    """CREATE FUNCTION refuse_consent_change() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'consents are append-only'; END $$""",
    """CREATE TRIGGER consents_append_only BEFORE UPDATE ON consents FOR EACH ROW
       WHEN (old.withdrawn_at IS NOT NULL OR
             (old.id, old.conversation_id, old.kind, old.version, old.given, old.at, old.turn_id) IS DISTINCT FROM
             (new.id, new.conversation_id, new.kind, new.version, new.given, new.at, new.turn_id))
       EXECUTE FUNCTION refuse_consent_change()""",
    """CREATE TRIGGER consents_no_delete BEFORE DELETE ON consents
       FOR EACH ROW EXECUTE FUNCTION refuse_consent_change()""",
    """CREATE TRIGGER consents_no_truncate BEFORE TRUNCATE ON consents
       FOR EACH STATEMENT EXECUTE FUNCTION refuse_consent_change()""",
)


def upgrade() -> None:
    op.add_column("inbounds", sa.Column("sealed", sa.LargeBinary(), nullable=True))
    _create_consents()
    _create_data_requests()
    guards = POSTGRESQL_GUARDS if op.get_bind().dialect.name == "postgresql" else SQLITE_GUARDS
    for guard in guards:
        op.execute(guard)


def downgrade() -> None:
    op.drop_table("data_requests")
    op.drop_table("consents")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_consent_change()")
    op.drop_column("inbounds", "sealed")


def _create_consents() -> None:
    op.create_table(
        "consents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("version", sa.String(length=20), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("turn_id", sa.Integer(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_consents_conversation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
        sa.UniqueConstraint("turn_id", "kind", name=op.f("uq_consents_turn_id_kind")),
    )
    op.create_index("ix_consents_conversation_id_kind", "consents", ["conversation_id", "kind"])


def _create_data_requests() -> None:
    op.create_table(
        "data_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("about", sa.String(length=20), nullable=False),
        sa.Column("turn_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_data_requests_conversation_id")
        ),
        sa.ForeignKeyConstraint(["done_by"], ["officers.id"], name=op.f("fk_data_requests_done_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_requests")),
        sa.UniqueConstraint("turn_id", "kind", name=op.f("uq_data_requests_turn_id_kind")),
    )
    op.create_index("ix_data_requests_done_at_due_at", "data_requests", ["done_at", "due_at"])
    op.create_index("ix_data_requests_conversation_id", "data_requests", ["conversation_id"])
