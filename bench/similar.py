"""How long it takes to look for an open case like a draft: `python -m bench.similar [--cases N]`, on SQLite.

A city's cases as in bench.desk; each draft is compared with the cases of its ward, as the matter of somebody else.
Once on an ordinary day, once after a storm: every fifth case of two years lies in three wards and is a few days old.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

import manage
from bench.figures import Number, line, quantile, row
from bench.many_cases import NOW, fill
from cases import similar
from cases.categories import load_categories
from cases.model import Case, Unit
from cases.rulebook import load_rulebook
from core.config import load_config
from core.db import Database, reading, transaction

SETTINGS = {"SECRET_KEY": "bench", "DATA_KEY": "bench", "TIEPDAN_DEMO": "1"}
CROWDED = 3  # wards
STORM = timedelta(days=10)
DRAFTS = 300


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures and how often something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        values = {**SETTINGS, "DATABASE_URL": f"sqlite:///{folder}/bench.db", "VAR_DIR": folder}
        database = manage._migrated(load_config(values, Path(folder) / "none"))
        manage._seed_units(database)
        fill(database, load_rulebook(), options.cases)
        found = measure(database)
        database.engine.dispose()
    print("\n".join([*map(row, found), *map(line, found)]))
    return 0


def measure(database: Database) -> list[Number]:
    chance = random.Random(1)
    found = [*_figures(database, chance, "ordinary")]
    with transaction(database) as session:
        _crowd(session, chance)
    return [*found, *_figures(database, chance, "storm")]


def _figures(database: Database, chance: random.Random, name: str) -> list[Number]:
    categories = load_categories()
    kinds = [code for code, one in categories.items() if one.joinable]
    with reading(database) as session:
        query = select(Case).where(Case.opened_at > NOW - STORM, Case.category.in_(kinds), Case.ward_id.is_not(None))
        recent = session.scalars(query.order_by(Case.id)).all()
        matters = [_as_a_draft(case) for case in chance.choices(recent, k=DRAFTS)]
    taken, offers = [], 0
    for matter in matters:
        start = time.perf_counter()
        with reading(database) as session:
            offers += similar.joinable(session, categories, matter, NOW) is not None
        taken.append(1000 * (time.perf_counter() - start))
    return [
        Number(f"similar.{name}.ms_median", quantile(taken, 0.5)),
        Number(f"similar.{name}.ms_p99", quantile(taken, 0.99)),
        Number(f"similar.{name}.offered", offers / DRAFTS),
    ]


def _crowd(session: Session, chance: random.Random) -> None:
    wards = session.scalars(select(Unit.id).where(Unit.kind == "ward").order_by(Unit.id).limit(CROWDED)).all()
    for case_id in session.scalars(select(Case.id).where(Case.id % 5 == 0)).all():
        moved = {"ward_id": chance.choice(wards), "opened_at": NOW - chance.random() * STORM, "status": "new"}
        session.execute(update(Case).where(Case.id == case_id).values(**moved))


def _as_a_draft(case: Case) -> similar.Matter:
    """What somebody else (there is no conversation 0) would write of the same matter."""
    return similar.Matter(0, case.category, similar.report_of(case), case.ward_id, case.area_id, ("waste", "pollution"))


if __name__ == "__main__":
    sys.exit(main())
