"""Pictures that were used before are found; what the city's scanner says counts; what we lack costs no photo."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from cases.fingerprints import bits_apart, used_before
from core import arrivals
from core.content import fingerprint, recognise
from core.db import Database, reading, transaction
from core.model import Attachment
from core.scanner import ScannerAwayError, scan, scanner
from simulator.samples import draw
from tests.clamd import EICAR, clamd, verdict
from tests.media import MediaHost, page
from tests.support import NOW, VAULT, Clock, said
from webhook.download import HostRule, Limits
from webhook.media import MediaFetcher


def jpeg(name: str = "sample", quality: int = 90, scale: float = 1.0) -> bytes:
    image = Image.open(io.BytesIO(draw(name))).convert("RGB")
    out = io.BytesIO()
    image.resize((int(image.width * scale), int(image.height * scale))).save(out, "JPEG", quality=quality)
    return out.getvalue()


@pytest.fixture
def fetcher(database: Database, tmp_path: Path, clock: Clock) -> Iterator[tuple[MediaFetcher, MediaHost]]:
    host = MediaHost()
    rule = HostRule(frozenset({("127.0.0.1", host.port)}))
    yield MediaFetcher(database, tmp_path / "media", rule, clock, Limits(connect=2, read=2, whole=5)), host
    host.close()


def receive(fetcher: MediaFetcher, host: MediaHost, data: bytes, user: str = "u1") -> Attachment:
    path = f"/{len(host.pages)}"
    host.pages[path] = page(data)
    with transaction(fetcher.database) as session:
        photo = {"type": "image", "url": host.url + path}
        arrivals.accept(
            session, [said(user=user, kind="media", attachments=(photo,), at=fetcher.clock())], fetcher.clock(), VAULT
        )
    assert fetcher.step("w")
    return newest(fetcher.database)


def newest(database: Database) -> Attachment:
    with reading(database) as session:
        found = session.scalars(select(Attachment).order_by(Attachment.id.desc()).limit(1)).one()
        session.expunge_all()
        return found


def test_a_picture_sent_again_is_found_although_it_was_made_smaller_and_compressed(
    fetcher: tuple[MediaFetcher, MediaHost], clock: Clock
) -> None:
    first = receive(*fetcher, jpeg())
    clock.advance(days=3)
    other = receive(*fetcher, jpeg("sample2"), user="u2")
    clock.advance(days=3)
    again = receive(*fetcher, jpeg(quality=40, scale=0.5), user="u3")
    with reading(fetcher[0].database) as session:
        assert [found.attachment_id for found in used_before(session, again)] == [first.id]
        assert used_before(session, first) == used_before(session, other) == []


def test_pictures_with_nothing_on_them_are_not_taken_for_the_same() -> None:
    assert fingerprint(Image.new("RGB", (400, 300), "grey")) is None
    assert fingerprint(Image.new("RGBA", (400, 300), (0, 0, 0, 0))) is None


def test_fingerprints_of_one_picture_are_near_and_of_two_are_far() -> None:
    one, same, two = (recognise(data, "image").fingerprint for data in (jpeg(), jpeg(quality=30), jpeg("sample2")))
    assert one and same and two
    assert bits_apart(one, same) <= 6 < bits_apart(one, two)


def test_a_file_with_malware_is_not_kept_and_a_clean_one_is(fetcher: tuple[MediaFetcher, MediaHost]) -> None:
    media, host = fetcher
    with clamd(verdict) as address:
        media = replace(media, scan=scanner(address))
        bad = receive(media, host, EICAR * 5000)
        good = receive(media, host, jpeg())
    assert (bad.status, bad.error) == ("failed", "malware")
    assert good.status == "stored"
    assert {path.name for path in media.folder.iterdir()} == {good.stored_name, f"{good.stored_name}.thumb"}


def test_no_verdict_keeps_the_file_out_and_asks_again_without_giving_up(
    fetcher: tuple[MediaFetcher, MediaHost], clock: Clock
) -> None:
    media, host = fetcher
    away = replace(media, scan=scanner("127.0.0.1:1"))
    row = receive(away, host, jpeg())
    for _ in range(10):
        assert (row.status, row.error) == ("waiting", "scanner_away")
        clock.advance(minutes=2)
        assert away.step("w")
        row = newest(media.database)
    assert not media.folder.exists()
    clock.advance(minutes=2)
    with clamd(verdict) as address:
        assert replace(media, scan=scanner(address)).step("w")
    assert newest(media.database).status == "stored"


@pytest.mark.parametrize("answer", [b"", b"INSTREAM size limit exceeded. ERROR\0", b"stream: \0", b"OK\0"])
def test_an_answer_that_is_no_verdict_is_not_taken_for_one(answer: bytes) -> None:
    with clamd(lambda _: answer) as address, pytest.raises(ScannerAwayError):
        scan(address, b"x")


def test_a_disk_that_refuses_costs_no_photo(fetcher: tuple[MediaFetcher, MediaHost], clock: Clock) -> None:
    """A file where the folder should be: nothing can be written, as on a full disk."""
    media, host = fetcher
    media.folder.write_text("in the way")
    row = receive(media, host, jpeg())
    assert (row.status, row.error, row.attempts) == ("waiting", "disk_refuses", 0)
    media.folder.unlink()
    clock.advance(minutes=2)
    assert media.step("w")
    assert newest(media.database).status == "stored"
    assert NOW + timedelta(minutes=2) == clock()
