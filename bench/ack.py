"""How soon a webhook is answered at a steady rate, beside Rasa's own Facebook channel: `python -m bench.ack`.

Ours is measured with SQLite (synchronous=FULL), with PostgreSQL (fsync on) and while PostgreSQL is stopped, each with a
gateway as `manage.py run` starts it. Rasa runs the same model with the channel it ships; what it sends to Facebook is
answered at once. A late answer counts from the moment the request was due. Afterwards every message must be stored.
"""

import argparse
import hashlib
import hmac
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import func, select

import supervise
from bench.figures import Figure, Number, line, quantile, row
from bench.load import Timed, Webhook, at_rate, both_platforms, messenger_text
from bench.processes import BOT_PYTHON, ROOT, free_port, listener, our_actions, serving
from core.config import load_config
from core.db import open_database, reading
from core.model import Inbound
from tests.support import NoPostgresError, PostgresCluster

_WARM_UP = 200
_EMPTY_WITHIN = 60.0  # seconds for the spool, once the database is back


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the milliseconds of every scene, and how many webhooks were not answered 200 or not stored."""
    options = _options(arguments)
    found: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        found += _sqlite(Path(folder) / "sqlite", options)
        try:
            found += _postgresql(Path(folder) / "postgresql", options)
        except NoPostgresError as error:
            print(f"PostgreSQL is not here: {error}", file=sys.stderr)
        if options.rasa:
            found += _rasa(Path(folder), options)
    print("\n".join([*map(row, found), *map(line, found)]))
    return 0


def _sqlite(folder: Path, options: argparse.Namespace) -> list[Figure]:
    url = f"sqlite:///{folder}/bench.db"
    with gateway(folder, url) as (address, _):
        timed = _measured(address, options)
    return [*_figures("ack.sqlite", timed), Number("ack.sqlite.not_stored", _sent(timed) - _stored(url))]


def _postgresql(folder: Path, options: argparse.Namespace) -> list[Figure]:
    cluster = PostgresCluster(durable=True)
    try:
        url = cluster.url(cluster.create())
        with gateway(folder, url) as (address, _):
            timed = _measured(address, options)
            cluster.halt()
            down = at_rate(address, both_platforms(options.count), options.rate)
            cluster.resume()
            _await_empty(folder / "spool")
            kept = _stored(url)
    finally:
        cluster.stop()
    missing = _sent(timed) + len(down.ms) - kept
    return [
        *_figures("ack.postgresql", timed),
        *_figures("ack.database_down", down),
        Number("ack.postgresql.not_stored", missing),
    ]


def _rasa(folder: Path, options: argparse.Namespace) -> list[Figure]:
    """At our rate it falls behind, so also at a rate it can hold."""
    found: list[Figure] = []
    credentials, port = folder / "credentials.yml", free_port()
    credentials.write_text('facebook: {verify: "v", secret: "bench", page-access-token: "t"}\n')
    with our_actions(folder) as actions_port:
        endpoints = folder / "endpoints.yml"
        endpoints.write_text(f"action_endpoint: {{url: 'http://127.0.0.1:{actions_port}/webhook'}}\n")
        command = [
            BOT_PYTHON, ROOT / "bench/stock/facebook.py", "run", "--model", options.model, "--port", port,
            "-i", "127.0.0.1", "--credentials", credentials, "--endpoints", endpoints,
        ]  # fmt: skip
        settings = {"PYTHONPATH": str(ROOT), "ACTIONS_PORT": str(actions_port)}
        with serving([str(part) for part in command], port, settings, "/webhooks/facebook/") as address:
            at_rate(address, _for_rasa(10), 2)
            for name, rate, count in (("rasa_facebook_5_a_second", 5, 50), ("rasa_facebook", options.rate, 400)):
                found += _figures(f"ack.{name}", at_rate(address, _for_rasa(count), rate))
    return found


@contextmanager
def gateway(folder: Path, url: str) -> Iterator[tuple[str, int]]:
    """A migrated database and the gateway on it, with nothing else; gives its address and process id."""
    port = free_port()
    settings = {"WEBHOOK_PORT": str(port), "VAR_DIR": str(folder), "DATABASE_URL": url, "TIEPDAN_DEMO": "1"}
    subprocess.run([sys.executable, "manage.py", "migrate"], cwd=ROOT, env={**os.environ, **settings}, check=True)
    wanted = supervise.processes(load_config(settings, Path("/nonexistent")))
    command = next(process.command for process in wanted if process.name == "gateway")
    with serving(command, port, settings, "/readyz") as address:
        yield address, listener(port)


def _measured(address: str, options: argparse.Namespace) -> Timed:
    at_rate(address, both_platforms(_WARM_UP), options.rate / 2)
    return at_rate(address, both_platforms(options.count), options.rate)


def _sent(timed: Timed) -> int:
    return len(timed.ms) + _WARM_UP


def _stored(url: str) -> int:
    database = open_database(url)
    with reading(database) as session:
        count = session.scalar(select(func.count(Inbound.id))) or 0
    database.engine.dispose()
    return count


def _await_empty(spool: Path) -> None:
    deadline = time.monotonic() + _EMPTY_WITHIN
    while any(spool.glob("*.event")) and time.monotonic() < deadline:
        time.sleep(0.2)


def _for_rasa(count: int) -> Iterator[Webhook]:
    """The channel knows the older signature only."""
    for number in range(count):
        body = messenger_text(f"{number % 50:016d}", f"r-{time.time_ns()}", "xin chào").body
        mark = hmac.new(b"bench", body, hashlib.sha1).hexdigest()
        yield Webhook("/webhooks/facebook/webhook", body, {"X-Hub-Signature": f"sha1={mark}"})


def _figures(name: str, timed: Timed) -> list[Figure]:
    return [
        Number(f"{name}.ms_median", quantile(timed.ms, 0.5)),
        Number(f"{name}.ms_p99", quantile(timed.ms, 0.99)),
        Number(f"{name}.not_answered_200", len(timed.ms) - timed.good),
        Number(f"{name}.n", len(timed.ms)),
    ]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.ack", description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="webhooks a second")
    parser.add_argument("--count", type=int, default=6000, help="webhooks of every scene")
    parser.add_argument("--model", type=Path, default=Path("var/models"))
    parser.add_argument("--no-rasa", dest="rasa", action="store_false")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
