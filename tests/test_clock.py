"""Leases hold although the clocks of the hosts disagree."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from core import clock
from core.clock import SharedClock
from core.db import Database


def test_a_host_whose_clock_is_wrong_takes_no_living_workers_lease(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten minutes ahead, every lease of the others would look long over. SQLite has one host and one clock."""
    monkeypatch.setattr(clock, "local_now", lambda: datetime.now(UTC) + timedelta(minutes=10))
    shared = SharedClock(database)
    shared.look()
    ahead = shared() - datetime.now(UTC)
    assert ahead > timedelta(minutes=9) if database.lock_path else abs(ahead) < timedelta(seconds=2)


def test_time_goes_on_while_the_database_is_away(database: Database) -> None:
    shared = SharedClock(database)
    shared.look()
    before = shared()
    time.sleep(0.05)
    assert timedelta(0) < shared() - before < timedelta(seconds=5)
