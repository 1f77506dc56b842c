"""A case is closed with proof: photos, words and warnings, and the harm each guard of it keeps out."""

import io
import re
from datetime import timedelta

import pytest
from PIL import Image
from sqlalchemy import select

from cases import replies
from cases.casework_model import Forward, Proof
from cases.model import Officer
from cases.proof import look_of
from core.db import reading, transaction
from tests.casework import ELSEWHERE, GOOD, act, citizen_says_not_done, close, cut, listed, picture, send_photo
from tests.desk import Desk, move
from tests.pages import post


def test_a_field_case_is_closed_in_four_actions_with_a_photo(desk: Desk) -> None:
    """Open the queue's first case, choose a photo, write, send: no page between."""
    code, client = desk.file(), desk.log_in("dongda")
    assert close(client, code, 1, GOOD, picture()).status_code == 302
    assert desk.events(code) == ["opened", "taken", "resolved"]
    assert desk.case(code).doubts == ""
    page = client.get(f"/cases/{code}").text
    assert f'src="/cases/{code}/proofs/1"' in page
    shown = client.get(f"/cases/{code}/proofs/1")
    assert (shown.status_code, shown.mimetype) == (200, "image/png")
    assert desk.log_in("caugiay").get(f"/cases/{code}/proofs/1").status_code == 404
    shown.close()


def test_a_field_case_is_closed_without_any_proof(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    answer = close(client, code, 1)
    assert answer.status_code == 422
    assert "cần ảnh hoặc tài liệu" in answer.text
    assert GOOD in answer.text
    assert desk.events(code) == ["opened"]
    assert desk.outbound_texts() == []


def test_an_odd_closing_is_warned_about_recorded_and_shown_and_not_blocked(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    first = close(client, code, 1, "Đã xử lý.", picture())
    assert first.status_code == 422
    assert "chưa nói làm khi nào" in first.text
    assert desk.events(code) == ["opened"]
    accepted = re.search(r'name="accepted" value="([^"]+)"', first.text)
    assert accepted
    assert close(client, code, 1, "Đã xử lý.", accepted=accepted[1]).status_code == 302  # the photo is there already
    assert desk.events(code)[-1] == "closed_with_doubts"
    supervisor = desk.log_in("giamsat")
    assert listed(supervisor, "/?need=doubtful") == [code]
    assert "chưa nói làm khi nào" in supervisor.get(f"/cases/{code}").text


@pytest.mark.parametrize("again", ["the same file", "smaller", "as JPEG", "cut"])
def test_an_old_photo_passes_as_new_proof(desk: Desk, again: str) -> None:
    old, new, client = desk.file(), desk.file(), desk.log_in("dongda")
    large = picture(12, (1280, 960))
    close(client, old, 1, GOOD, large)
    used = {"the same file": large, "smaller": picture(12, (400, 300)), "as JPEG": picture(12, (1280, 960), "JPEG")}
    used["cut"] = cut(large)
    answer = close(client, new, 1, GOOD.replace("ngõ 12", "ngõ 80"), used[again])
    assert answer.status_code == 422
    assert "ảnh đã dùng cho hồ sơ khác" in answer.text
    with reading(desk.database) as session:
        assert session.scalars(select(Proof.used_before)).all() == [None, old]


def test_two_photos_are_taken_for_one(desk: Desk) -> None:
    looks = {look_of(picture(seed)) for seed in range(40)}
    distances = [(int(a, 16) ^ int(b, 16)).bit_count() for a in looks for b in looks if a != b]
    assert len(looks) == 40
    assert min(distances) > 4


def test_boilerplate_is_sent_for_many_cases(desk: Desk) -> None:
    first, second, client = desk.file(), desk.file(), desk.log_in("dongda")
    close(client, first, 1, GOOD, picture(1))
    answer = close(client, second, 1, GOOD.upper(), picture(2))
    assert "giống hệt câu đã gửi cho hồ sơ khác" in answer.text
    live = post(client, f"/cases/{second}/check", text=GOOD).text
    assert "giống hệt câu đã gửi" in live


def test_a_template_is_sent_with_its_blanks_open(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    template = desk.rulebook.casebook.templates[0].text
    assert close(client, code, 1, template, picture()).status_code == 422
    assert move(client, code, "reply", 1, "Sẽ xong vào [ngày]").status_code == 422
    assert desk.events(code) == ["opened"]


def test_every_closing_template_says_what_when_by_whom_and_what_next(desk: Desk) -> None:
    closing = [template for template in desk.rulebook.casebook.templates if template.move == "resolve"]
    assert closing
    for template in closing:
        filled = replies.BLANK.sub("15 giờ 24/11 tổ vệ sinh đã sửa", template.text)
        assert replies.missing(filled) == [], template.code
    assert replies.missing("Đã xử lý.") == ["no_when", "no_who", "no_next", "too_short"]
    assert (
        replies.missing(GOOD) == replies.missing("Lúc 15h ngay 24/11 to ve sinh da don xong, se theo doi tiep.") == []
    )


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"<html><script>alert(1)</script>", "Chỉ nhận ảnh"),
        (b"MZ\x90\x00" + bytes(100), "Chỉ nhận ảnh"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "Chỉ nhận ảnh"),
        (b"", "Chỉ nhận ảnh"),
        (picture()[:200], "bị hỏng"),
        (b"\xff\xd8\xff" + bytes(10 * 1024 * 1024), "lớn quá"),
    ],
)
def test_a_bad_upload_is_kept(desk: Desk, data: bytes, problem: str) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    answer = close(client, code, 1, GOOD, picture(), data)
    assert answer.status_code == 422
    assert problem in answer.text
    assert desk.events(code) == ["opened"]
    folder = desk.config.var_dir / "proofs"
    assert not folder.exists() or list(folder.iterdir()) == []


def test_files_of_a_refused_closing_stay_on_the_disk(desk: Desk) -> None:
    mine, theirs, client = desk.file(), desk.file(**ELSEWHERE), desk.log_in("dongda")
    assert close(client, theirs, 1, GOOD, picture()).status_code == 404
    assert close(client, mine, 9, GOOD, picture()).status_code == 409
    assert close(client, mine, 1, GOOD, *[picture(seed) for seed in range(5)]).status_code == 422
    folder = desk.config.var_dir / "proofs"
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_photo_tells_where_and_with_what_it_was_taken(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "Hãng máy ảnh"
    Image.open(io.BytesIO(picture())).save(out, "JPEG", exif=exif)
    close(client, code, 1, GOOD, out.getvalue())
    [kept] = (desk.config.var_dir / "proofs").iterdir()
    assert b"Exif" not in kept.read_bytes()
    assert kept.stat().st_mode & 0o077 == 0


def test_megabytes_are_read_from_who_may_not_close(desk: Desk) -> None:
    code = desk.file()
    big = bytes(2 * 1024 * 1024)
    for name in ("giamsat", "dongda"):
        path = "resolve" if name == "giamsat" else "ask"
        form = {"version": 1, "text": GOOD, "proof": (io.BytesIO(big), "x.png")}
        assert post(desk.log_in(name), f"/cases/{code}/{path}", **form).status_code in {403, 413}


def test_the_same_people_close_a_case_again_and_again(desk: Desk) -> None:
    """The first "not done" comes back to them and counts, the second goes to the coordinator of the unit above."""
    code, client = desk.file(), desk.log_in("kimlien")
    close(client, code, 1, GOOD, picture(1))
    citizen_says_not_done(desk, code)
    case = desk.case(code)
    assert (case.unit_id, case.false_closures, case.status) == ("2025:00229", 1, "reopened")
    old_proof = close(client, code, case.version)
    assert "cần ảnh hoặc tài liệu" in old_proof.text  # the photo that convinced nobody proves nothing now
    desk.clock.now += timedelta(minutes=5)
    close(client, code, case.version, GOOD.replace("15", "17"), picture(2))
    with transaction(desk.database) as session:
        by = session.scalars(select(Officer).where(Officer.username == "dongda")).one()
        by.role = "coordinator"
    citizen_says_not_done(desk, code)
    case = desk.case(code)
    assert (case.unit_id, case.false_closures) == ("legacy:006", 2)
    assert case.officer_id == by.id
    assert desk.events(code)[-1] == "sent_up"


def test_a_proof_of_another_case_is_read_through_ones_own(desk: Desk) -> None:
    mine, theirs = desk.file(), desk.file(**ELSEWHERE)
    close(desk.log_in("caugiay"), theirs, 1, GOOD, picture())
    assert desk.log_in("dongda").get(f"/cases/{mine}/proofs/1").status_code == 404


def test_another_cases_forward_is_changed(desk: Desk) -> None:
    mine, theirs = desk.file(), desk.file(**ELSEWHERE)
    act(desk.log_in("caugiay"), theirs, "forward", 1, "Nhờ thu gom", company="urenco")
    answer = act(desk.log_in("dongda"), mine, "follow", 1, "Đã xong", forward="1", status="done")
    assert answer.status_code == 422
    with reading(desk.database) as session:
        assert session.scalars(select(Forward.status)).one() == "sent"


def test_a_photo_of_the_work_is_not_taken_for_what_citizens_sent(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    send_photo(desk, code, picture(31))
    send_photo(desk, desk.file(), picture(33), days_ago=400)  # too long ago to be meant
    assert close(client, code, 1, GOOD, picture(32), picture(33)).status_code == 302
    assert desk.case(code).doubts == ""
