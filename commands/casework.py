"""Cases and conversations: clocks, corrections by officers, ward boundaries, and the doors for tests from outside."""

import argparse
import json
import uuid
from pathlib import Path

from cases import boundaries, clocks
from cases.corrections import as_rasa, corrections
from cases.demo import Given, add_case
from cases.rulebook import load_rulebook
from cases.transcript import transcript
from commands import Add
from commands.store import migrated, opened, seed_units
from core.clock import local_now
from core.config import Config
from core.db import reading, transaction
from core.vault import Vault


def add_to(add: Add) -> None:
    """The commands of this module."""
    add("sweep", sweep)
    add("export-corrections", export_corrections).add_argument("file", type=Path)
    add("load-boundaries", load_boundaries).add_argument("file", type=Path)
    given = add("case-add", case_add)
    for name in ("channel", "user", "category", "district", "description"):
        given.add_argument(f"--{name}", required=True)
    given.add_argument("--status", default="new")
    given.add_argument("--age-hours", "--age", "--age_hours", type=float, default=0.0)
    shown = add("conversation", conversation)
    shown.add_argument("--channel", required=True)
    shown.add_argument("--user", required=True)
    shown.add_argument("--json", action="store_true")


def sweep(config: Config, _options: argparse.Namespace) -> None:
    """Look at the clocks of all open cases now: keep what was missed, remind, tell the units above."""
    database, rulebook, looked = opened(config), load_rulebook(), 0
    while True:
        with transaction(database) as session:
            count = clocks.sweep(session, rulebook, local_now())
        looked += count
        if not count:
            break
    print(f"{looked} cases looked at.")


def export_corrections(config: Config, options: argparse.Namespace) -> None:
    """Write what officers corrected, without names and numbers, as training lines to read before they are used."""
    with reading(opened(config)) as session:
        found = corrections(session)
    options.file.write_text(as_rasa(found), encoding="utf-8")
    print(f"{len(found)} examples written. Read them before you put the file under data/nlu/.")


def load_boundaries(config: Config, options: argparse.Namespace) -> None:
    """Use official ward boundaries (GeoJSON) for location pins; takes effect when the action server starts again."""
    wards = [unit.ref for unit in load_rulebook().gazetteer.units() if unit.ref.kind == "ward"]
    found = boundaries.read_geojson(options.file, wards)
    config.var_dir.mkdir(parents=True, exist_ok=True)
    boundaries.save(found, config.var_dir)
    print(f"{len(found.wards)} ward boundaries loaded. Restart the action server to use them.")


def case_add(config: Config, options: argparse.Namespace) -> None:
    """Put a case into the store as if a citizen had filed it; prints its code. For tests from outside."""
    given = Given(
        channel=options.channel,
        user=options.user,
        category=options.category,
        district=options.district,
        description=options.description,
        status=options.status,
        age_hours=options.age_hours,
    )
    database = migrated(config)
    seed_units(database)
    with transaction(database) as session:
        case = add_case(session, load_rulebook(), given, f"given:{uuid.uuid4().hex}", local_now())
    print(case.code)


def conversation(config: Config, options: argparse.Namespace) -> None:
    """Show a conversation of the real store. For tests from outside."""
    with reading(opened(config)) as session:
        found = transcript(session, options.channel, options.user, Vault(config.data_keys))
    if options.json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for message in found["messages"]:
        print(f"{'<' if message['direction'] == 'in' else '>'} {message['text']}")
