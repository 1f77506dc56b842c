"""A migration that changes a column of `cases` keeps the search, what points at cases, and what guards them."""

from collections.abc import Sequence

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import String, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from cases.model import Case, CaseEvent
from cases.rulebook import Rulebook
from cases.search import matching
from cases.service import Draft, open_case
from core.db import Database, changing_schema, reading, transaction
from core.vault import Vault
from migrations.rebuild import changed_cases
from tests.support import DONG_DA, KIM_LIEN, NOW, add_conversation, add_units


def file(database: Database, rulebook: Rulebook, words: str) -> str:
    with transaction(database) as session:
        conversation = add_conversation(session, words)
        draft = Draft(conversation.id, "waste", words, ward_id=KIM_LIEN, area_id=DONG_DA)
        return open_case(session, rulebook, draft, f"turn:{words}", NOW).code


def found(database: Database, typed: str) -> Sequence[str]:
    with reading(database) as session:
        condition = matching(session, Vault(("key",)), typed, units=None, area_id=None, is_open=True)
        return session.scalars(select(Case.code).where(condition)).all()


def change_a_column(database: Database) -> None:
    """What a later migration may do."""
    with changing_schema(database) as connection:
        context = MigrationContext.configure(connection)
        with Operations.context(context), changed_cases() as batch:
            batch.alter_column("channel", existing_type=String(20), type_=String(40))


def test_the_search_works_after_the_migrations(database: Database, rulebook: Rulebook) -> None:
    with transaction(database) as session:
        add_units(session)
    code = file(database, rulebook, "Rác chưa thu gom")
    assert found(database, "rac") == [code]
    with transaction(database) as session:
        session.execute(text("UPDATE cases SET searchable = 'cay do zzopen'"))
    assert found(database, "rac") == []
    assert found(database, "cây đổ") == [code]


def test_a_changed_column_leaves_the_search_and_every_reference(database: Database, rulebook: Rulebook) -> None:
    with transaction(database) as session:
        add_units(session)
    old = file(database, rulebook, "Rác chưa thu gom")
    change_a_column(database)
    assert found(database, "rac") == [old]
    new = file(database, rulebook, "Đèn đường hỏng")
    assert found(database, "den duong") == [new]
    with transaction(database) as session:
        session.execute(text("UPDATE cases SET searchable = 'cay do zzopen' WHERE code = :code"), {"code": old})
    assert (found(database, "rac"), found(database, "cay")) == ([], [old])
    with reading(database) as session:
        kinds = session.scalars(select(CaseEvent.kind).join(Case, Case.id == CaseEvent.case_id)).all()
    assert kinds == ["opened", "opened"]


def test_guards_and_keys_are_in_force_again_afterwards(database: Database, rulebook: Rulebook) -> None:
    with transaction(database) as session:
        add_units(session)
    file(database, rulebook, "Rác chưa thu gom")
    change_a_column(database)
    with pytest.raises(DBAPIError), transaction(database) as session:
        session.execute(text("UPDATE case_events SET kind = 'lost'"))
    with pytest.raises(IntegrityError), transaction(database) as session:
        session.execute(text("UPDATE cases SET unit_id = 'nowhere'"))


def test_a_migration_that_breaks_a_reference_changes_nothing(database: Database, rulebook: Rulebook) -> None:
    with transaction(database) as session:
        add_units(session)
    file(database, rulebook, "Rác chưa thu gom")
    with pytest.raises((RuntimeError, IntegrityError)), changing_schema(database) as connection:
        connection.execute(text("UPDATE cases SET unit_id = 'nowhere'"))
    with reading(database) as session:
        assert session.scalars(select(Case.unit_id)).one() == KIM_LIEN
