"""Attachments are stripped of what they tell in secret and kept as what their bytes are, in good time or not at all."""

import io
import stat
import time
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from core.content import recognise
from tests.media import COMMENT, MAKE, OCTETS, PLACE, Page, Place, drip, encoded, opened, page, photo, picture
from webhook.download import Limits


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


def test_logs_name_no_address(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    place.host.pages["/secret-a.jpg"] = page(photo())
    place.receive("/secret-a.jpg", "/secret-gone.jpg", "https://example.com/secret.jpg")
    while place.fetcher.step("w"):
        pass
    said = " ".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert len(caplog.records) == 3 and "secret" not in said and "example.com" not in said and "127.0.0.1" not in said
