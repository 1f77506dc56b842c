"""The desk over 200,000 cases on SQLite and PostgreSQL: `python -m bench.desk [--cases N] [--only sqlite]`.

Pages are asked of the whole application (gate, queries, template) as three officers with different scopes and as two
supervisors; files are made by the worker's exporter in a process of its own, whose memory is measured.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from bench.figures import Number, line, quantile, row
from bench.many_cases import NOW, PASSWORD, fill
from cases import export_jobs, forecount, remembered
from cases.figures_model import ExportJob
from cases.model import Officer
from cases.rulebook import load_rulebook
from commands.store import migrated, seed_units
from core.config import Config, load_config
from core.db import Database, open_database, reading, transaction
from core.vault import Vault
from desk.app import create_app
from tests.support import PostgresCluster
from webhook.exporter import Exporter

SETTINGS = {"SECRET_KEY": "bench", "DATA_KEY": "bench", "TIEPDAN_DEMO": "1"}
LIMITS = {"queue": 100.0, "search": 100.0, "dashboard": 1000.0, "export_s": 60.0, "export_mb": 250.0}
QUEUE = ("/", "/?category=waste", "/?need=late", "/?status=resolved", "/?mine=1", "/?need=new")
SEARCH = (
    "/?text=rac+thai",
    "/?text=ổ gà",
    "/?text=ngo+57",
    "/?text=den+duong&status=all",
    "/?text=so+120+kim+lien",
    "/?text=mui+hoi",
)
PERIODS = {
    "30_days": "",
    "a_year": "?first=2026-01-01&last=2026-11-27",
    "everything": "?first=2024-01-01&last=2026-11-27",
}
BREAKDOWNS = ("ward", "area", "category", "month", "officer")


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints every figure beside its limit; fails when one is missed."""
    options = _options(arguments)
    found = []
    for name in options.only:
        with tempfile.TemporaryDirectory() as folder, _store(name, Path(folder)) as url:
            found += measure(name, url, Path(folder), options.cases, options.times)
    missed = [number.name for number in found if number.value > _limit(number.name)]
    print("\n".join([*map(row, found), *map(line, found), *(f"MISSED {name}" for name in missed)]))
    return 1 if missed else 0


def measure(name: str, url: str, folder: Path, cases: int, times: int) -> list[Number]:
    """Fills one store and times its pages: p95 in milliseconds; seconds and megabytes of the export."""
    config = load_config({**SETTINGS, "DATABASE_URL": url, "VAR_DIR": str(folder)}, folder / "none")
    start = time.perf_counter()
    database = migrated(config)
    seed_units(database)
    fill(database, load_rulebook(), cases)
    print(f"{name}: {cases} cases written in {time.perf_counter() - start:.0f} s", file=sys.stderr)
    app = create_app(config, database, load_rulebook(), lambda: NOW)
    found = []
    for officer in ("ward", "area", "city"):
        client = _log_in(app, officer)
        for kind, pages in (("queue", QUEUE), ("search", SEARCH)):
            found.append(_p95(f"desk.{name}.{kind}.{officer}", client, pages, times))
    _count_ahead(database)
    for officer in ("local", "chief"):
        client = _log_in(app, officer)
        for period, query in PERIODS.items():
            pages = [f"/reports{query}{'&' if query else '?'}by={by}" for by in BREAKDOWNS]
            label = f"desk.{name}.dashboard.{officer}.{period}"
            found += [_first(label, client, pages), _p95(label, client, pages, max(1, times // 5))]
    database.engine.dispose()
    for kind in ("csv", "xlsx"):
        found += _export(name, config, kind)
    return found


def _count_ahead(database: Database) -> None:
    """What the worker does once an hour."""
    start, calendar = time.perf_counter(), load_rulebook().calendar
    with reading(database) as session:
        pieces = forecount.pieces(session, NOW)
    for piece in pieces:
        with reading(database) as session:
            counted = forecount.count(session, calendar, piece, NOW)
        with transaction(database) as session:
            remembered.keep(session, counted, NOW)
    print(f"{len(pieces)} pieces counted ahead in {time.perf_counter() - start:.0f} s", file=sys.stderr)


def _first(name: str, client: FlaskClient, pages: Sequence[str]) -> Number:
    """Milliseconds of the slowest page when it is asked for the first time since the start."""
    taken = []
    for page in pages:
        start = time.perf_counter()
        client.get(page)
        taken.append(1000 * (time.perf_counter() - start))
    return Number(f"{name}.first_ms", max(taken))


def _p95(name: str, client: FlaskClient, pages: Sequence[str], times: int) -> Number:
    """Milliseconds; every page once to warm up. Aside: the slowest of that, our processor time, the machine's load."""
    taken, first, ours = [], 0.0, []
    for turn in range(times + 1):
        for page in pages:
            start, cpu = time.perf_counter(), time.process_time()
            answer = client.get(page)
            took, worked = 1000 * (time.perf_counter() - start), 1000 * (time.process_time() - cpu)
            if answer.status_code != 200:
                raise SystemExit(f"{page} answers {answer.status_code}")
            if turn:
                taken.append(took)
                ours.append(worked)
            else:
                first = max(first, took)
    busy = f"processor {quantile(ours, 0.95):.0f} ms, first {first:.0f} ms, load {os.getloadavg()[0]:.1f}"
    print(f"{name}: 95 % within {quantile(taken, 0.95):.0f} ms, {busy}", file=sys.stderr)
    return Number(f"{name}.ms_p95", quantile(taken, 0.95))


def _export(name: str, config: Config, kind: str) -> list[Number]:
    """Seconds and the most memory of a process that does nothing else."""
    results = multiprocessing.get_context("spawn").Queue()
    process = multiprocessing.get_context("spawn").Process(target=_export_all, args=(config, kind, results))
    process.start()
    seconds, megabytes, rows = results.get(timeout=900)
    process.join()
    print(f"{name}: {rows} rows as {kind}", file=sys.stderr)
    label = f"desk.{name}.export_{kind}"
    return [Number(f"{label}.export_s", seconds), Number(f"{label}.export_mb", megabytes)]


def _export_all(config: Config, kind: str, results: "multiprocessing.Queue[tuple[float, float, int]]") -> None:
    database, rulebook = open_database(config.database_url), load_rulebook()
    with transaction(database) as session:
        chief = session.scalars(select(Officer).where(Officer.username == "chief")).one()
        days = {"first": "2020-01-01", "last": (NOW + timedelta(days=1)).date().isoformat()}
        export_jobs.ask_for(session, chief, kind, days, False, "", NOW)
    exporter = Exporter(database, rulebook, Vault(config.data_keys), config.var_dir / "exports", lambda: NOW)
    start = time.perf_counter()
    if not exporter.step("bench"):
        raise SystemExit("there was nothing to export")
    took = time.perf_counter() - start
    with transaction(database) as session:
        job = session.scalars(select(ExportJob).order_by(ExportJob.id.desc())).first()
        rows = job.rows_done if job is not None and job.status == "done" else -1
    results.put((took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, rows))


def _log_in(app: Flask, username: str) -> FlaskClient:
    """By a session of the application's own making: the password hash is slow on purpose and not what is measured."""
    client = app.test_client()
    app.config["WTF_CSRF_ENABLED"] = False
    client.post("/login", data={"username": username, "password": PASSWORD})
    return client


@contextmanager
def _store(name: str, folder: Path) -> Iterator[str]:
    if name == "sqlite":
        yield f"sqlite:///{folder / 'bench.db'}"
        return
    cluster = PostgresCluster()
    try:
        yield cluster.url(cluster.create("bench"))
    finally:
        cluster.stop()


def _limit(name: str) -> float:
    return next(limit for part, limit in LIMITS.items() if f".{part}" in name)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=200_000)
    parser.add_argument("--times", type=int, default=15)
    parser.add_argument("--only", nargs="+", choices=("sqlite", "postgresql"), default=("sqlite", "postgresql"))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
