"""An officer's reply with a photo or document, and asking for a phone number: HTTP in, rows and messages out."""

import io
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select
from werkzeug.test import TestResponse

from core import enclosure
from core.db import reading, transaction
from core.model import Conversation, Outbound
from desk.closing import UPLOAD_LIMIT
from tests.casework import ELSEWHERE, picture
from tests.desk import Desk
from tests.pages import post
from tests.support import FakeChannel
from webhook.deliver import Deliverer, Means

TEXT = "Chúng tôi gửi anh/chị biên bản kiểm tra."
PDF = b"%PDF-1.7\nbien ban"


def docx(*parts: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for part in ("[Content_Types].xml", "word/document.xml", *parts):
            file.writestr(part, "<x/>")
    return out.getvalue()


def noise(side: int) -> bytes:
    """A picture that no compression makes small."""
    out = io.BytesIO()
    Image.effect_noise((side, side), 90).convert("RGB").save(out, "PNG")
    return out.getvalue()


def reply(client: FlaskClient, code: str, data: bytes, name: str = "bien ban.pdf", version: int = 1) -> TestResponse:
    return post(client, f"/cases/{code}/reply", version=version, text=TEXT, enclosure=[(io.BytesIO(data), name)])


def rows(desk: Desk) -> list[tuple[str, str, bool]]:
    """Messages to citizens: last line, status, whether a file goes along."""
    with reading(desk.database) as session:
        found = session.scalars(select(Outbound).order_by(Outbound.id))
        return [(one.text.rpartition("\n")[2], one.status, one.attachment is not None) for one in found]


def kept_files(desk: Desk) -> list[bytes]:
    folder = desk.config.var_dir / "outgoing"
    return [path.read_bytes() for path in folder.iterdir()] if folder.exists() else []


def citizen_wrote(desk: Desk, code: str, **ago: float) -> None:
    with transaction(desk.database) as session:
        conversation = session.get_one(Conversation, desk.case(code).conversation_id)
        conversation.last_inbound_at = desk.clock.now - timedelta(**ago)


def deliver(desk: Desk) -> FakeChannel:
    """Send all that is due, over a channel that takes everything."""
    channel = FakeChannel()
    deliverer = Deliverer(desk.database, {"zalo": channel}, desk.clock, Means(folder=desk.config.var_dir / "outgoing"))
    while deliverer.step("host:0/send-0"):
        pass
    return channel


@pytest.mark.parametrize(
    ("data", "name", "title", "mime"),
    [
        (PDF, "Biên bản.pdf", "Biên bản.pdf", "application/pdf"),
        (PDF, "bien-ban.exe", "bien-ban.pdf", "application/pdf"),
        (docx(), "Công văn.docx", "Công văn.docx", "application/vnd.openxmlformats-officedocument"),
        (picture(), "anh.png", "anh.png", "image/png"),
        (picture(kind="JPEG"), "anh.jpeg", "anh.jpg", "image/jpeg"),
    ],
)
def test_a_reply_goes_out_with_its_file_after_the_words(
    desk: Desk, data: bytes, name: str, title: str, mime: str
) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    citizen_wrote(desk, code, minutes=5)
    assert reply(client, code, data, name).status_code == 302
    assert desk.events(code) == ["opened", "taken", "replied"]
    assert rows(desk) == [(TEXT, "waiting", False), ("", "waiting", True)]
    assert deliver(desk).sent == []  # it may still be taken back
    desk.clock.advance(seconds=11)
    words, file = deliver(desk).sent
    assert (words.text.rpartition("\n")[2], words.file) == (TEXT, None)
    assert file.file is not None
    assert (file.text, file.file.title) == ("", title)
    assert file.file.mime.startswith(mime)
    assert [status for _, status, _ in rows(desk)] == ["sent", "sent"]


def test_the_case_page_shows_the_file_and_who_may_see_the_case_opens_it(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    reply(client, code, picture(kind="JPEG"), "hien truong.jpg")
    page = client.get(f"/cases/{code}").text
    assert f'src="/cases/{code}/enclosures/2"' in page
    assert "Gửi kèm tệp: hien truong.jpg" in page
    shown = client.get(f"/cases/{code}/enclosures/2")
    assert (shown.status_code, shown.mimetype) == (200, "image/jpeg")
    shown.close()


def test_a_document_is_a_download_under_its_name(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    reply(client, code, PDF, "bien ban.pdf")
    answer = client.get(f"/cases/{code}/enclosures/2")
    assert (answer.data, answer.mimetype) == (PDF, "application/octet-stream")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="bien ban.pdf"'
    answer.close()


def test_taking_a_reply_back_takes_words_and_file_back(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    reply(client, code, PDF)
    assert post(client, f"/cases/{code}/undo").status_code == 302
    assert [status for _, status, _ in rows(desk)] == ["cancelled", "cancelled"]
    assert kept_files(desk) == []
    assert client.get(f"/cases/{code}/enclosures/2").status_code == 404
    page = client.get(f"/cases/{code}").text
    assert "bien ban.pdf" in page
    assert f"/cases/{code}/enclosures/" not in page
    desk.clock.advance(seconds=11)
    assert deliver(desk).sent == []


def test_a_second_press_sends_the_file_once(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    assert [reply(client, code, PDF).status_code for _ in range(2)] == [302, 302]
    assert len(rows(desk)) == 2
    assert len(kept_files(desk)) == 1
    assert reply(client, code, PDF, "khac.pdf").status_code == 409  # the same words with another file are another reply


def test_a_large_photo_is_made_small_enough_for_both_platforms(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    large = noise(1500)
    assert len(large) > enclosure.MAX_PICTURE
    assert reply(client, code, large, "to.png").status_code == 302
    [kept] = kept_files(desk)
    assert len(kept) <= enclosure.MAX_PICTURE
    with Image.open(io.BytesIO(kept)) as image:
        assert image.width == image.height > 700


def test_outside_the_window_words_and_file_wait_together_and_one_notice_is_paid(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    citizen_wrote(desk, code, days=30)
    reply(client, code, PDF)
    desk.clock.advance(seconds=11)
    assert deliver(desk).sent == []
    assert [status for _, status, _ in rows(desk)] == ["held", "held"]
    assert desk.events(code).count("undelivered") == 1


# Harm.


@pytest.mark.parametrize(
    ("data", "name", "problem"),
    [
        (b"<html><script>alert(1)</script></html>", "anh.jpg", "Chỉ gửi kèm được"),
        (b"MZ\x90\x00" + bytes(100), "bien ban.pdf", "Chỉ gửi kèm được"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "anh.png", "Chỉ gửi kèm được"),
        (docx("word/vbaProject.bin"), "cong van.docx", "Chỉ gửi kèm được"),
        (b"PK\x03\x04 mimetype", "cong van.docx", "Chỉ gửi kèm được"),
        (b"", "anh.jpg", "Chỉ gửi kèm được"),
        (picture()[:200], "anh.png", "bị hỏng"),
        (PDF + bytes(5 * 1024 * 1024), "bien ban.pdf", "lớn quá 5 MB"),
        (b"\xff\xd8\xff" + bytes(10 * 1024 * 1024), "anh.jpg", "lớn quá 10 MB"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_sent(desk: Desk, data: bytes, name: str, problem: str) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    answer = reply(client, code, data, name)
    assert answer.status_code == 422
    assert problem in answer.text
    assert TEXT in answer.text  # what was typed is still there
    assert "xin chọn lại tệp" in answer.text
    assert (desk.events(code), rows(desk), kept_files(desk)) == (["opened"], [], [])


def test_a_photo_that_is_sent_tells_where_it_was_taken(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x010F] = "Hang may anh"
    Image.open(io.BytesIO(picture())).save(out, "JPEG", exif=exif)
    reply(client, code, out.getvalue(), "anh.jpg")
    [kept] = kept_files(desk)
    assert b"Exif" not in kept
    [path] = (desk.config.var_dir / "outgoing").iterdir()
    assert path.stat().st_mode & 0o077 == 0


def test_a_file_of_a_foreign_case_is_read(desk: Desk) -> None:
    mine, theirs = desk.file(), desk.file(**ELSEWHERE)
    reply(desk.log_in("caugiay"), theirs, PDF)
    client = desk.log_in("dongda")
    assert client.get(f"/cases/{theirs}/enclosures/2").status_code == 404
    assert client.get(f"/cases/{mine}/enclosures/2").status_code == 404


def test_a_file_of_a_masked_reporter_is_read(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("thanhpho")
    reply(client, code, PDF)
    version = desk.case(code).version
    marked = post(client, f"/cases/{code}/conflict", version=version, text="x", unit_id="2025:00229", named="")
    assert marked.status_code == 302
    assert client.get(f"/cases/{code}/enclosures/2").status_code == 404


def test_files_of_refused_replies_stay_on_the_disk(desk: Desk) -> None:
    mine, theirs, client = desk.file(), desk.file(**ELSEWHERE), desk.log_in("dongda")
    assert reply(client, theirs, PDF).status_code == 404
    assert reply(client, mine, PDF, version=9).status_code == 409
    two: Any = [(io.BytesIO(PDF), "a.pdf"), (io.BytesIO(PDF), "b.pdf")]
    assert post(client, f"/cases/{mine}/reply", version=1, text=TEXT, enclosure=two).status_code == 422
    assert reply(desk.log_in("giamsat"), mine, PDF).status_code == 403
    assert (kept_files(desk), rows(desk)) == ([], [])


@pytest.mark.parametrize(("path", "field"), [("reply", "enclosure"), ("resolve", "proof")])
def test_a_file_too_large_to_be_read_is_answered_with_the_way_back_to_the_words(
    desk: Desk, path: str, field: str
) -> None:
    code, client = desk.file(), desk.log_in("kimlien")
    form = {"version": 1, "text": TEXT, field: [(io.BytesIO(bytes(UPLOAD_LIMIT)), "anh.jpg")]}
    answer = post(client, f"/cases/{code}/{path}", **form)
    assert answer.status_code == 413
    assert "Chưa có gì được gửi đi" in answer.text and "không quá 10 MB" in answer.text
    assert f'href="/cases/{code}"' in answer.text
    assert desk.events(code) == ["opened"]


def test_the_words_stand_before_the_file(desk: Desk) -> None:
    page = desk.log_in("kimlien").get(f"/cases/{desk.file()}").text
    for move, field in (("reply", "enclosure"), ("resolve", "proof")):
        assert page.index(f'id="text-{move}"') < page.index(f'id="{field}"')
