"""Files of citizens in a test's hands: a host that serves them, a fetcher with its folder, pictures of phones."""

import io
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from PIL import Image
from sqlalchemy import select

from core import arrivals
from core.db import Database, reading, transaction
from core.model import Attachment
from tests.support import VAULT, Clock, said
from webhook.download import HostRule
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
            arrivals.accept(session, [said(kind="media", attachments=found)], self.clock(), VAULT)

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
