"""Prometheus' view of the house, `python -m webhook.metrics`: its own process on its own loopback port.

Apart from the gateway, so that whoever reaches the webhooks never reaches these figures.
"""

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from core.clock import local_now
from core.config import load_config
from core.db import Database, open_database, reading
from core.log import configure
from core.spool import Spool
from core.stopping import stop_event
from core.vault import Vault
from core.vitals import Vitals, vitals

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Gauges(Collector):
    """What is counted anew at every visit: the queues of the store, and the spool of this machine."""

    database: Database
    spool: Spool
    clock: Callable[[], datetime]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        found = self._look()
        yield _gauge("tiepdan_database_up", "1 while the database answers.", 0 if found is None else 1)
        if found is not None:
            yield from _of_store(found)
        oldest = self.spool.oldest()
        age = 0.0 if oldest is None else max(self.clock().timestamp() - oldest, 0.0)
        yield _gauge("tiepdan_spool_events", "Events waiting on this machine's disk.", self.spool.size())
        yield _gauge("tiepdan_spool_oldest_seconds", "How long the oldest of them has waited.", age)
        yield _gauge("tiepdan_spool_set_aside", "Files that a person must look at.", self.spool.set_aside())
        yield _gauge("tiepdan_spool_has_room", "1 while the disk would take another event.", int(self.spool.has_room()))

    def _look(self) -> Vitals | None:
        try:
            with reading(self.database) as session:
                return vitals(session, self.clock())
        except (SQLAlchemyError, OSError) as error:
            log.warning("database away", extra={"error": type(error).__name__})
            return None


def _of_store(found: Vitals) -> Iterator[GaugeMetricFamily]:
    depth = GaugeMetricFamily("tiepdan_queue_depth", "Rows that wait.", labels=["queue"])
    age = GaugeMetricFamily("tiepdan_queue_oldest_seconds", "How long the oldest has waited.", labels=["queue"])
    for name, queue in (("inbox", found.inbox), ("outbox", found.outbox), ("media", found.media)):
        depth.add_metric([name], queue.depth)
        age.add_metric([name], queue.age)
    tokens = GaugeMetricFamily("tiepdan_token_expires_seconds", "Until the access token ends.", labels=["channel"])
    for channel, seconds in found.tokens.items():
        tokens.add_metric([channel], seconds)
    yield from (depth, age, tokens)
    yield _gauge("tiepdan_dead_letters", "Messages given up.", found.dead_letters)


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=value)


def registry(gauges: Gauges) -> CollectorRegistry:
    """The gauges, and what all processes of this machine have counted when they share a folder for it."""
    found = CollectorRegistry()
    found.register(gauges)
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(found)  # type: ignore[no-untyped-call]  # registers itself
    return found


def main() -> None:
    configure()
    config = load_config()
    stop = stop_event()
    spool = Spool(config.var_dir / "spool", Vault(config.data_keys))
    gauges = Gauges(open_database(config.database_url, statement_seconds=5), spool, local_now)
    server, thread = start_http_server(config.metrics_port, "127.0.0.1", registry(gauges))
    stop.wait()
    server.shutdown()
    thread.join()


if __name__ == "__main__":
    main()
