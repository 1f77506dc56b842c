"""Attachments: fetched only from where they may come from, stripped of what they tell in secret, kept exactly once."""

import io
import shutil
import stat
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import delete, select

from core import attachments, inbox
from core.config import Config, load_config
from core.content import recognise
from core.db import Database, open_database, reading, transaction
from core.inbox import LeaseLostError
from core.model import Attachment
from tests.support import VAULT, Clock, Crash, crash_at, said
from webhook.download import DownloadError, HostRule, Limits, download, host_rule
from webhook.media import MediaFetcher

MAKE, COMMENT, PLACE = b"SecretPhone", b"SecretComment", 0x8825
OCTETS = "application/octet-stream"

Page = Callable[[BaseHTTPRequestHandler], None]


def page(body: bytes, status: int = 200, **headers: str) -> Page:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def drip(seconds: float, pause: float = 0.05) -> Page:
    """A body of unknown length that comes a byte at a time, each in good time."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            request.wfile.write(b"x")
            time.sleep(pause)

    return answer


class MediaHost:
    """The simulator's media pages on 127.0.0.1; remembers every path asked for and every byte it got rid of."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                try:
                    site.pages.get(self.path, page(b"", 404))(self)
                except OSError:
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Place:
    """A fetcher with its database, folder and clock, and the host it may ask."""

    database: Database
    folder: Path
    host: MediaHost
    fetcher: MediaFetcher
    clock: Clock

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)

    def receive(self, *urls: str, kind: str = "image") -> None:
        """A message with attachments arrives."""
        found = tuple({"type": kind, "url": self.host.url + url if url.startswith("/") else url} for url in urls)
        with transaction(self.database) as session:
            inbox.accept(session, said(kind="media", attachments=found), self.clock(), VAULT)

    def rows(self) -> list[Attachment]:
        with reading(self.database) as session:
            found = list(session.scalars(select(Attachment).order_by(Attachment.id)))
            session.expunge_all()
            return found

    def fetch(self, data: bytes, kind: str = "image", path: str = "/a.jpg", **headers: str) -> Attachment:
        """What becomes of one attachment whose address gives these bytes."""
        self.host.pages[path] = page(data, **headers)
        self.receive(path, kind=kind)
        assert self.fetcher.step("w")
        return self.rows()[-1]

    def kept(self, row: Attachment, suffix: str = "") -> bytes:
        return (self.folder / f"{row.stored_name}{suffix}").read_bytes()

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*"))


@pytest.fixture
def host() -> Iterator[MediaHost]:
    opened = MediaHost()
    yield opened
    opened.close()


@pytest.fixture
def place(host: MediaHost, clock: Clock, migrated_sqlite: Path, tmp_path: Path) -> Iterator[Place]:
    shutil.copy(migrated_sqlite, tmp_path / "media.db")
    database = open_database(f"sqlite:///{tmp_path}/media.db")
    yield place_on(database, host, clock, tmp_path)
    database.engine.dispose()


@pytest.fixture
def queue(host: MediaHost, clock: Clock, database: Database, tmp_path: Path) -> Place:
    """The same on each kind of database."""
    return place_on(database, host, clock, tmp_path)


def place_on(database: Database, host: MediaHost, clock: Clock, folder: Path) -> Place:
    rule = HostRule(frozenset({("127.0.0.1", host.port)}))
    media = folder / "var" / "media"
    return Place(database, media, host, MediaFetcher(database, media, rule, clock), clock)


def picture(size: tuple[int, int] = (40, 20), mode: str = "RGB") -> Image.Image:
    """Left half red, right half blue."""
    image = Image.new(mode, size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    return image


def encoded(image: Image.Image, name: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


def photo(size: tuple[int, int] = (40, 20), orientation: int = 1) -> bytes:
    """A JPEG as a phone makes it, telling its maker and where it was taken."""
    exif = Image.Exif()
    exif[0x010F] = MAKE.decode()
    exif[0x0112] = orientation
    exif[PLACE] = {1: "N", 2: (21.0, 2.0, 3.0), 3: "E", 4: (105.0, 51.0, 2.0)}
    return encoded(picture(size), "JPEG", exif=exif, comment=COMMENT, icc_profile=b"profile-of-my-phone")


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


# What is kept


def test_a_photo_loses_the_place_where_it_was_taken(place: Place) -> None:
    sent = photo()
    assert opened(sent).getexif().get_ifd(PLACE) and COMMENT in sent and MAKE in sent
    row = place.fetch(sent)
    for kept in (place.kept(row), place.kept(row, ".thumb")):
        assert not any(secret in kept for secret in (b"Exif", MAKE, COMMENT, b"profile-of-my-phone"))
        assert not opened(kept).getexif()


def test_a_photo_is_kept_with_its_row_saying_what_it_is(place: Place) -> None:
    row = place.fetch(photo())
    kept = place.kept(row)
    assert (row.status, row.mime, row.size, row.error) == ("stored", "image/jpeg", len(kept), None)
    assert opened(kept).format == "JPEG" and opened(kept).size == (40, 20)
    assert place.files() == [row.stored_name, f"{row.stored_name}.thumb"]


def test_a_photo_taken_sideways_is_kept_upright(place: Place) -> None:
    kept = opened(place.kept(place.fetch(photo((40, 20), orientation=6))))
    assert kept.size == (20, 40)
    top, bottom = kept.getpixel((10, 5)), kept.getpixel((10, 35))
    assert top[0] > 200 > 60 > top[2] and bottom[2] > 200 > 60 > bottom[0]


def test_a_png_keeps_its_transparency_and_loses_its_texts(place: Place) -> None:
    texts = PngInfo()
    texts.add_text("Author", "SecretPhone")
    image = picture(mode="RGBA")
    image.putpixel((0, 0), (0, 0, 0, 0))
    row = place.fetch(encoded(image, "PNG", pnginfo=texts))
    kept = place.kept(row)
    assert row.mime == "image/png" and MAKE not in kept and opened(kept).text == {}
    assert opened(kept).convert("RGBA").getpixel((0, 0))[3] == 0
    assert opened(place.kept(row, ".thumb")).format == "JPEG"


def test_a_big_photo_is_kept_smaller_with_a_thumbnail(place: Place) -> None:
    row = place.fetch(photo((4000, 1000)))
    assert opened(place.kept(row)).size == (2560, 640)
    assert opened(place.kept(row, ".thumb")).size == (480, 120)


def test_files_are_for_their_owner_only_and_have_names_nobody_can_guess(place: Place) -> None:
    rows = [place.fetch(photo(), path="/a.jpg"), place.fetch(photo(), path="/b.jpg")]
    assert stat.S_IMODE(place.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.folder.iterdir()} == {0o600}
    names = [row.stored_name or "" for row in rows]
    assert names[0] != names[1] and all(len(name) == 32 and int(name, 16) for name in names)


def zipped(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, "x")
    return out.getvalue()


FTYP = b"\x00\x00\x00\x20ftyp"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


@pytest.mark.parametrize(
    ("data", "kind", "mime"),
    [
        (b"%PDF-1.7\n", "file", "application/pdf"),
        (b"#!AMR\n\x3c", "audio", "audio/amr"),
        (b"\xff\xf1\x50\x80", "audio", "audio/aac"),
        (b"OggS\x00\x02", "audio", "audio/ogg"),
        (b"ID3\x04\x00", "audio", "audio/mpeg"),
        (FTYP + b"isom", "video", "video/mp4"),
        (FTYP + b"mp42", "audio", "audio/mp4"),
        (FTYP + b"M4A ", "file", "audio/mp4"),
        (OLE + "WordDocument".encode("utf-16-le"), "file", "application/msword"),
        (zipped("word/document.xml"), "file", "application/msword"),
        (OLE + "Workbook".encode("utf-16-le"), "file", OCTETS),
        (zipped("run.exe"), "file", OCTETS),
        (FTYP + b"heic", "image", OCTETS),
        (b"MZ\x90\x00", "file", OCTETS),
        (b"<html><script>alert(1)</script>", "image", OCTETS),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image", OCTETS),
        (b"\xff", "image", OCTETS),
    ],
)
def test_other_files_are_known_by_their_bytes_and_kept_as_they_are(data: bytes, kind: str, mime: str) -> None:
    found = recognise(data, kind)
    assert (found.mime, found.data, found.thumbnail) == (mime, data, None)


def test_a_page_that_calls_itself_a_photo_is_not_kept_as_one(place: Place) -> None:
    row = place.fetch(b"<html><script>alert(1)</script></html>", path="/photo.jpg", Content_Type="image/jpeg")
    assert (row.status, row.mime, place.files()) == ("stored", OCTETS, [row.stored_name])


def test_a_page_behind_the_first_bytes_of_a_photo_is_not_kept(place: Place) -> None:
    row = place.fetch(b"\xff\xd8\xff<html><script>alert(1)</script></html>")
    assert (row.status, row.error, place.files()) == ("waiting", "broken_picture", [])


@pytest.mark.parametrize("size", [(8000, 5001), (10_000, 10_000), (20_000, 10_000)])
def test_a_picture_that_would_fill_the_memory_is_refused(place: Place, size: tuple[int, int]) -> None:
    row = place.fetch(encoded(Image.new("1", size), "PNG"))
    assert (row.status, row.error, place.files()) == ("failed", "too_many_pixels", [])


# Where it may come from

REFUSED = [
    "http://example.com/a.jpg",
    "https://zdn.vn.example.com/a.jpg",
    "https://evilzdn.vn/a.jpg",
    "https://zdn.vn/a.jpg",
    "http://scontent.xx.fbcdn.net/a.jpg",
    "http://s120-ava-talk.zadn.vn/a.jpg",
    "https://photo.zdn.vn:8443/a.jpg",
    "https://photo.zdn.vn@example.com/a.jpg",
    "https://user@photo.zdn.vn/a.jpg",
    "https://127.0.0.1/a.jpg",
    "http://169.254.169.254/latest/meta-data/",
    "ftp://photo.zdn.vn/a.jpg",
    "file:///etc/passwd",
    "https://photo.zdn.vn./a.jpg",
    "https://ảnh.zdn.vn/a.jpg",
]


def resolve_never(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} was looked up")


@pytest.mark.parametrize("url", REFUSED)
def test_a_strange_host_is_refused_before_it_is_even_looked_up(url: str) -> None:
    with pytest.raises(DownloadError, match="host_not_allowed"):
        download(url, HostRule(frozenset({("127.0.0.1", 1)}), resolve_never), Limits())


def test_a_strange_host_in_a_message_is_not_asked_again(place: Place) -> None:
    place.receive(f"http://localhost:{place.host.port}/a.jpg")
    assert place.fetcher.step("w") and not place.fetcher.step("w")
    assert [(row.status, row.error) for row in place.rows()] == [("failed", "host_not_allowed")]
    assert place.host.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://f6.photo.talk.zdn.vn/a.jpg",
        "https://voice-aac-dl.zdn.vn/a.aac",
        "https://zalo-api.zadn.vn/a.png",
        "https://scontent.xx.fbcdn.net/v/a.jpg?oh=1&oe=2",
        "https://cdn.fbsbx.com/a.pdf",
        "https://VIDEO.xx.fbcdn.net:443/a.mp4",
    ],
)
def test_the_platforms_own_hosts_may_be_asked(url: str) -> None:
    assert not HostRule().target(url).local


@pytest.mark.parametrize(
    "address",
    "127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 ::1 fe80::1 fc00::1 "
    "::ffff:127.0.0.1 64:ff9b::a00:1 2002:7f00:1::1".split(),
)
def test_a_platform_host_that_points_into_our_network_is_not_asked(host: MediaHost, address: str) -> None:
    rule = HostRule(resolve=lambda name, port: ["118.102.1.1", address])
    with pytest.raises(DownloadError, match="address_not_public"):
        download("http://f6.photo.talk.zdn.vn/a.jpg", rule, Limits())
    assert host.asked == []


@pytest.mark.parametrize(
    ("location", "outcome"),
    [
        ("/b.jpg", ("stored", None)),
        ("http://127.0.0.1:9/b.jpg", ("failed", "host_not_allowed")),
        ("http://localhost:{port}/b.jpg", ("failed", "host_not_allowed")),
        ("file:///etc/passwd", ("failed", "host_not_allowed")),
        ("http://[::1", ("failed", "bad_address")),
        ("/a.jpg", ("failed", "too_many_redirects")),
    ],
)
def test_a_redirect_is_judged_like_the_first_address(
    place: Place, location: str, outcome: tuple[str, str | None]
) -> None:
    place.host.pages["/b.jpg"] = page(photo())
    place.host.pages["/a.jpg"] = page(b"", 302, Location=location.format(port=place.host.port))
    place.receive("/a.jpg")
    place.fetcher.step("w")
    assert [(row.status, row.error) for row in place.rows()] == [outcome]
    expected = {"/b.jpg": ["/a.jpg", "/b.jpg"], "/a.jpg": ["/a.jpg"] * 4}
    assert place.host.asked == expected.get(location, ["/a.jpg"])


def settings(zalo_url: str, messenger_url: str) -> Config:
    return load_config(
        {
            "TIEPDAN_DEMO": "0", "SECRET_KEY": "s" * 40, "DATA_KEY": "d" * 40,
            "ZALO_APP_ID": "1", "ZALO_OA_ID": "2", "ZALO_APP_SECRET": "a", "ZALO_OA_SECRET_KEY": "b",
            "ZALO_API_URL": zalo_url, "MESSENGER_PAGE_ID": "3", "MESSENGER_APP_SECRET": "c",
            "MESSENGER_VERIFY_TOKEN": "d", "MESSENGER_PAGE_TOKEN": "e", "MESSENGER_API_URL": messenger_url,
        },
        Path("no-such.env"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("zalo_url", "messenger_url", "simulators"),
    [
        ("http://127.0.0.1:8090", "http://127.0.0.1:8090", {("127.0.0.1", 8090)}),
        ("http://127.0.0.1:8090", "https://graph.facebook.com", set()),
        ("https://openapi.zalo.me", "https://graph.facebook.com", set()),
    ],
)
def test_this_machine_is_asked_only_while_no_channel_is_real(
    zalo_url: str, messenger_url: str, simulators: set[tuple[str, int]]
) -> None:
    assert host_rule(settings(zalo_url, messenger_url)).simulators == simulators


# Limits


def endless(sent: list[int]) -> Page:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        for _ in range(4000):
            request.wfile.write(bytes(65536))
            sent.append(65536)

    return answer


def test_a_file_that_is_too_big_stops_early(place: Place) -> None:
    sent: list[int] = []
    place.host.pages["/a.jpg"] = endless(sent)
    place.receive("/a.jpg")
    replace(place.fetcher, limits=Limits(size=1_000_000)).step("w")
    assert [(row.status, row.error) for row in place.rows()] == [("failed", "too_big")]
    assert sum(sent) < 30_000_000 and place.files() == []


def test_a_file_that_says_it_is_too_big_is_not_read(place: Place) -> None:
    row = place.fetch(b"x", Content_Length=str(25 * 1024 * 1024 + 1))
    assert (row.status, row.error) == ("failed", "too_big")


@pytest.mark.parametrize(
    ("answer", "limits", "code"),
    [
        (drip(0.7, pause=0.6), Limits(read=0.2), "timeout"),
        (drip(3.0), Limits(whole=0.3), "timeout"),
        (page(photo(), Content_Length="999999"), Limits(), "cut_short"),
        (page(b""), Limits(), "empty"),
        (page(photo(), Content_Encoding="gzip"), Limits(), "encoded"),
        (page(photo(), 503), Limits(), "http_503"),
        (page(photo()[:400]), Limits(), "broken_picture"),
    ],
    ids=["silent", "dripping", "cut", "empty", "gzip", "503", "half a photo"],
)
def test_a_bad_answer_is_given_up_in_time_and_tried_again(
    place: Place, answer: Page, limits: Limits, code: str
) -> None:
    place.host.pages["/a.jpg"] = answer
    place.receive("/a.jpg")
    started = time.monotonic()
    replace(place.fetcher, limits=limits).step("w")
    assert time.monotonic() - started < 2
    assert [(row.status, row.error) for row in place.rows()] == [("waiting", code)]
    place.host.pages["/a.jpg"] = page(photo())
    place.wait(2)
    assert place.fetcher.step("w")
    assert [(row.status, row.error) for row in place.rows()] == [("stored", None)]


# The queue


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


def test_logs_name_no_address(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    place.host.pages["/secret-a.jpg"] = page(photo())
    place.receive("/secret-a.jpg", "/secret-gone.jpg", "https://example.com/secret.jpg")
    while place.fetcher.step("w"):
        pass
    said = " ".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert len(caplog.records) == 3 and "secret" not in said and "example.com" not in said and "127.0.0.1" not in said
