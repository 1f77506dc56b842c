"""The queue of attachments: each fetched once, kept once, whoever dies in between."""

import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from sqlalchemy import delete

from core import attachments
from core.db import Database, transaction
from core.inbox import LeaseLostError
from core.model import Attachment
from tests.media import MediaHost, Place, opened, page, photo, place_on
from tests.support import Clock, Crash, crash_at


@pytest.fixture
def queue(host: MediaHost, clock: Clock, database: Database, tmp_path: Path) -> Place:
    """The fetcher on each kind of database."""
    return place_on(database, host, clock, tmp_path)


def test_a_missing_file_is_tried_five_times_with_growing_waits_and_then_failed(queue: Place) -> None:
    queue.receive("/gone.jpg")
    for wait in (2, 4, 8, 16):
        assert queue.fetcher.step("w")
        assert [row.status for row in queue.rows()] == ["waiting"]
        queue.wait(wait - 0.1)
        assert not queue.fetcher.step("w")
        queue.wait(0.1)
    assert queue.fetcher.step("w")
    assert [(row.status, row.error, row.attempts) for row in queue.rows()] == [("failed", "http_404", 5)]
    queue.wait(3600)
    assert not queue.fetcher.step("w")
    assert queue.host.asked == ["/gone.jpg"] * 5


def test_each_of_two_workers_claims_another_row(queue: Place) -> None:
    queue.receive("/a.jpg", "/b.jpg")
    with transaction(queue.database) as session:
        first = attachments.claim(session, queue.clock())
    with transaction(queue.database) as session:
        second = attachments.claim(session, queue.clock())
    with transaction(queue.database) as session:
        third = attachments.claim(session, queue.clock())
    assert first is not None and second is not None and third is None
    assert first.id != second.id


def test_workers_side_by_side_fetch_every_file_once(queue: Place) -> None:
    paths = [f"/{number}.jpg" for number in range(12)]
    for path in paths:
        queue.host.pages[path] = page(photo())
    queue.receive(*paths)

    def work(name: str) -> None:
        while queue.fetcher.step(name):
            pass

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(queue.host.asked) == Counter(paths)
    assert {row.status for row in queue.rows()} == {"stored"} and len(queue.files()) == 2 * len(paths)


@pytest.mark.parametrize(
    ("commit", "when", "asked"), [(1, "before", 1), (1, "after", 1), (2, "before", 2), (2, "after", 1)]
)
def test_a_worker_killed_at_any_step_leaves_one_file_and_one_row(
    queue: Place, commit: int, when: str, asked: int
) -> None:
    queue.host.pages["/a.jpg"] = page(photo())
    queue.receive("/a.jpg")
    with crash_at(queue.database, commit, when), pytest.raises(Crash):
        queue.fetcher.step("w1")
    queue.wait(60)
    queue.fetcher.step("w2")
    (row,) = queue.rows()
    assert (row.status, queue.files()) == ("stored", [row.stored_name, f"{row.stored_name}.thumb"])
    assert len(queue.host.asked) == asked


def test_a_file_put_in_place_by_a_killed_worker_goes_when_it_is_given_up(queue: Place) -> None:
    queue.host.pages["/a.jpg"] = page(photo())
    queue.receive("/a.jpg")
    with crash_at(queue.database, 2, "before"), pytest.raises(Crash):
        queue.fetcher.step("w1")
    assert len(queue.files()) == 2 and not queue.fetcher.step("w2"), "the dead worker's lease still runs"
    del queue.host.pages["/a.jpg"]
    for _ in range(attachments.MAX_ATTEMPTS - 1):
        queue.wait(60)
        assert queue.fetcher.step("w2")
    assert [row.status for row in queue.rows()] == ["failed"] and queue.files() == []


def test_a_slow_worker_that_lost_its_file_to_another_changes_nothing(queue: Place) -> None:
    def overtaken(request: BaseHTTPRequestHandler) -> None:
        queue.host.pages["/a.jpg"] = page(photo((60, 30)))
        queue.wait(60)
        queue.fetcher.step("w2")
        page(b"<html>late</html>")(request)

    queue.host.pages["/a.jpg"] = overtaken
    queue.receive("/a.jpg")
    assert queue.fetcher.step("w1")
    (row,) = queue.rows()
    assert (row.status, row.mime, row.attempts) == ("stored", "image/jpeg", 2)
    assert opened(queue.kept(row)).size == (60, 30)
    assert queue.files() == [row.stored_name, f"{row.stored_name}.thumb"]


def test_a_photo_erased_while_it_is_fetched_leaves_no_file(queue: Place) -> None:
    def erased(request: BaseHTTPRequestHandler) -> None:
        with transaction(queue.database) as session:
            session.execute(delete(Attachment))
        page(photo())(request)

    queue.host.pages["/a.jpg"] = erased
    queue.receive("/a.jpg")
    assert queue.fetcher.step("w")
    assert queue.rows() == [] and queue.files() == []


def test_a_file_that_kills_every_worker_is_given_up(queue: Place) -> None:
    queue.receive("/a.jpg")
    for _ in range(attachments.MAX_ATTEMPTS):
        with transaction(queue.database) as session:
            assert attachments.claim(session, queue.clock()) is not None
        queue.wait(60)
    assert queue.fetcher.step("w")
    assert [(row.status, row.error) for row in queue.rows()] == [("failed", "interrupted")]
    assert queue.host.asked == []


def test_a_row_is_held_by_its_last_attempt_only(queue: Place) -> None:
    queue.receive("/a.jpg")
    with transaction(queue.database) as session:
        claimed = attachments.claim(session, queue.clock())
        assert claimed is not None
        assert attachments.held(session, claimed.id, 1) is claimed
        with pytest.raises(LeaseLostError):
            attachments.held(session, claimed.id, 2)
        attachments.stored(claimed, "image/jpeg", 1)
        with pytest.raises(LeaseLostError):
            attachments.held(session, claimed.id, 1)


def test_stored_and_failed_files_do_not_stop_the_ones_that_follow(queue: Place) -> None:
    queue.host.pages.update({"/a.jpg": page(photo()), "/c.pdf": page(b"%PDF-1.4")})
    queue.receive("/a.jpg", "https://example.com/b.jpg", "/c.pdf")
    assert [queue.fetcher.step("w") for _ in range(4)] == [True, True, True, False]
    assert [(row.status, row.mime) for row in queue.rows()] == [
        ("stored", "image/jpeg"),
        ("failed", None),
        ("stored", "application/pdf"),
    ]
