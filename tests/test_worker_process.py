"""A whole worker with its threads and the real time: what it finds at its start, and how it stops."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.clock import SharedClock
from core.spool import Spool
from core.vault import Vault
from tests.message_path import House
from tests.support import Crash, crash_at, said
from webhook.chores import Chores
from webhook.download import HostRule
from webhook.exporter import Exporter
from webhook.media import MediaFetcher
from webhook.worker import Worker, own_slot


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def at_work(house: House, spool: Spool, folder: Path) -> Iterator[None]:
    """A whole worker, with its threads and the real time, until the block ends."""
    stop = threading.Event()
    worker = Worker(
        name="host:0",
        database=house.database,
        converser=replace(house.converser, clock=now),
        deliverer=replace(house.deliverer, clock=now),
        fetcher=MediaFetcher(house.database, folder / "media", HostRule(), now),
        chores=Chores(
            house.database,
            house.rulebook,
            Exporter(house.database, house.rulebook, house.vault, folder / "exports", now),
            now,
        ),
        spool=spool,
        stop=stop,
        wake=threading.Event(),
        clock=SharedClock(house.database),
    )
    thread = threading.Thread(target=worker.run, args=(2, 2, folder / "alive"))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=20)
    assert not thread.is_alive()


def wait_for(house: House, messages: int) -> None:
    deadline = time.monotonic() + 20
    while len(house.channel.texts) < messages and time.monotonic() < deadline:
        time.sleep(0.02)
    assert house.channel.texts == ["Dạ vâng ạ."] * messages


def test_a_worker_takes_back_what_its_predecessor_held_drains_the_spool_and_stops_when_told(
    house: House, tmp_path: Path
) -> None:
    house.clock.now = now()
    house.say("trước khi chết")
    with pytest.raises(Crash), crash_at(house.database, 1, "after"):
        house.converser.step("host:0/turn-0")
    spool = Spool(tmp_path / "spool", house.vault)
    spool.append(said("từ đĩa", user="u2", at=house.clock()))
    with at_work(house, spool, tmp_path):
        wait_for(house, 2)
    assert {question["text"] for question in house.rasa.questions} == {"trước khi chết", "từ đĩa"}
    assert spool.is_empty()
    assert (tmp_path / "alive").exists()


def test_an_event_sealed_with_a_lost_key_is_set_aside_and_those_behind_it_are_answered(
    house: House, tmp_path: Path
) -> None:
    house.clock.now = now()
    spool = Spool(tmp_path / "spool", house.vault)
    Spool(tmp_path / "spool", Vault(["lost"])).append(said("không đọc được", user="u1"))
    spool.append(said("từ đĩa", user="u2", at=house.clock()))
    with at_work(house, spool, tmp_path):
        wait_for(house, 1)
    assert [question["text"] for question in house.rasa.questions] == ["từ đĩa"]
    assert len(list((tmp_path / "spool").glob("*.bad"))) == 1


def test_two_workers_of_one_machine_have_two_names_and_a_dead_one_frees_its_own(tmp_path: Path) -> None:
    first, first_lock = own_slot(tmp_path)
    second, second_lock = own_slot(tmp_path)
    assert first != second
    first_lock.close()
    third, third_lock = own_slot(tmp_path)
    assert third == first
    second_lock.close()
    third_lock.close()
