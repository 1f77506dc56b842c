"""The officers' desk through HTTP: what an officer gets done."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from cases import consents
from cases.corrections import corrections
from cases.model import Case
from core import outbox
from core.db import open_database, reading, transaction
from core.model import Attachment, Inbound, Outbound
from desk.app import create_app
from tests.desk import NOW, Desk, move
from tests.pages import post


def test_a_district_officer_works_the_whole_area_and_nothing_else(desk: Desk) -> None:
    in_area = desk.file(ward=None)
    in_ward = desk.file(ward="2025:00199")
    on_its_ground = desk.file(ward="2025:00166", area="legacy:006")  # the ward lies across the old border
    elsewhere = desk.file(ward="2025:00166", area="legacy:005")
    page = desk.log_in("dongda").get("/").text
    assert all(code in page for code in (in_area, in_ward, on_its_ground))
    assert elsewhere not in page


def test_a_ward_officer_sees_the_ward_only(desk: Desk) -> None:
    mine, neighbours = desk.file(ward="2025:00229"), desk.file(ward="2025:00199")
    page = desk.log_in("kimlien").get("/").text
    assert mine in page
    assert neighbours not in page


@pytest.mark.parametrize(
    ("name", "kinds", "said"),
    [
        ("reply", ["opened", "taken", "replied"], "trả lời hồ sơ"),
        ("ask", ["opened", "taken", "asked"], "cần hỏi thêm"),
        ("resolve", ["opened", "taken", "resolved", "closed_with_doubts"], "đã xử lý xong"),
    ],
)
def test_a_move_is_one_event_and_one_message(desk: Desk, name: str, kinds: list[str], said: str) -> None:
    code = desk.file()
    answer = move(desk.log_in("dongda"), code, name, 1, "Đội vệ sinh đến lúc 15 giờ.")
    assert (answer.status_code, answer.location) == (302, f"/cases/{code}")
    assert desk.events(code) == kinds
    [text] = desk.outbound_texts()
    assert said in text
    assert "Đội vệ sinh đến lúc 15 giờ." in text


def test_a_case_is_taken_resolved_and_reopened(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("kimlien")
    move(client, code, "take", 1)
    move(client, code, "resolve", 2, "Đã dọn.")
    move(client, code, "reopen", 3, "Rác lại đầy.")
    assert desk.events(code) == ["opened", "taken", "resolved", "closed_with_doubts", "reopened"]
    assert "Mở lại hồ sơ" in client.get(f"/cases/{code}").text


def test_a_transfer_out_of_sight_leads_back_to_the_queue(desk: Desk) -> None:
    code, client = desk.file(ward=None, area=None), desk.log_in("thanhpho")
    assert move(client, code, "transfer", 1, "Thuộc địa bàn", unit_id="2025:00166").location == f"/cases/{code}"
    ward_code, ward = desk.file(), desk.log_in("kimlien")
    answer = move(ward, ward_code, "transfer", 1, "Thuộc phường Láng", unit_id="2025:00199")
    assert answer.location == "/"
    assert ward_code in ward.get("/").text  # the flash names it
    assert ward.get(f"/cases/{ward_code}").status_code == 404


def test_a_corrected_category_is_recorded_and_taught(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("kimlien")

    def correct(category: str, version: int) -> TestResponse:
        return post(client, f"/cases/{code}/category", category=category, version=version)

    assert correct("noise", 1).status_code == 302
    assert correct("waste", 1).status_code == 409
    assert correct("không có", 2).status_code == 422
    page = client.get(f"/cases/{code}").text
    assert "Sửa lĩnh vực" in page and "Rác" in page and "Tiếng ồn" in page
    with reading(desk.database) as session:
        assert corrections(session) == [], "the citizen has not agreed to that"
    with transaction(desk.database) as session:
        conversation = session.scalars(select(Case.conversation_id)).one()
        consents.answer(session, conversation, consents.Purpose.TRAINING, 1, NOW, given=True)
    with reading(desk.database) as session:
        assert [found.category for found in corrections(session)] == ["noise"]
    stranger = desk.log_in("caugiay")
    assert post(stranger, f"/cases/{code}/category", category="waste", version=2).status_code == 404


def test_filters_live_in_the_address(desk: Desk) -> None:
    waste, noise = desk.file(), desk.file(category="noise", description="Loa kéo 100% công suất", ward="2025:00199")
    client = desk.log_in("dongda")
    move(client, noise, "take", 1)
    for address, shown in {
        "/?category=noise": noise,
        "/?unit=2025:00229": waste,
        "/?text=100%25": noise,
        f"/?text={waste}": waste,
        "/?mine=1": noise,
        "/?status=new": waste,
    }.items():
        page = client.get(address, headers={"HX-Request": "true"}).text
        assert [code for code in (waste, noise) if code in page] == [shown], address
    assert client.get("/?page=999&status=nothing&text=%00").status_code == 200


def test_the_queue_is_paged_and_keeps_its_filter(desk: Desk) -> None:
    codes = [desk.file() for _ in range(51)]
    client = desk.log_in("dongda")
    first = client.get("/?category=waste").text
    found = re.search(r'rel="next" href="(/\?category=waste&amp;after=[^"]+)"', first)
    assert found
    second = client.get(found[1].replace("&amp;", "&")).text
    assert sum(code in first for code in codes) == 50
    assert [code for code in codes if code in second] == [code for code in codes if code not in first]
    assert client.get("/?after=9.9.9").status_code == client.get("/?after=x.1.99999999999999").status_code == 200


def test_deadlines_are_marked(desk: Desk) -> None:
    code = desk.file()
    assert "hạn</span>" not in desk.log_in("dongda").get("/").text
    desk.clock.now = desk.case(code).due_at - timedelta(minutes=5)
    client = desk.log_in("dongda")
    page = client.get("/").text
    assert "sắp đến hạn</span>" in page
    assert "quá hạn tiếp nhận</span>" in page
    desk.clock.now = desk.case(code).due_at + timedelta(minutes=1)
    assert "quá hạn</span>" in client.get("/").text
    move(client, code, "ask", 1, "Xin số nhà?")
    assert "tạm dừng tính hạn</span>" in client.get("/").text


def test_htmx_gets_the_table_only_and_is_told_when_the_session_is_over(desk: Desk) -> None:
    desk.file()
    asks = {"HX-Request": "true"}
    assert "<html" not in desk.log_in("dongda").get("/", headers=asks).text
    answer = desk.visitor().get("/", headers=asks)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/login")


def test_units_are_found_without_accents(desk: Desk) -> None:
    code = desk.file()
    client = desk.log_in("dongda")
    found = client.get(f"/cases/{code}/units?unit_text=cau giay", headers={"HX-Request": "true"}).text
    assert "Phường Cầu Giấy" in found
    assert "Khu vực Cầu Giấy" in found
    assert "Láng" not in found
    found = client.get(f"/cases/{code}/units?unit_text=quan cau", headers={"HX-Request": "true"}).text
    assert found.count("<option") == 1


def test_undelivered_answers_and_attachments_are_said_on_the_case(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    move(client, code, "reply", 1, "Đã nhận.")
    with transaction(desk.database) as session:
        outbox.dead(session.scalars(select(Outbound)).one(), "user_left")
        for status in ("waiting", "failed"):
            session.add(Attachment(inbound_id=1, kind="image", url="", status=status, next_at=NOW))
    page = client.get(f"/cases/{code}").text
    assert "không gửi được cho người dân" in page
    assert "đang được tải về" in page
    assert "không tải về được" in page


def test_stored_pictures_are_served_through_the_gate_of_the_case(desk: Desk) -> None:
    code, other = desk.file(), desk.file(ward="2025:00166", area="legacy:005")
    (desk.config.var_dir / "media").mkdir()
    (desk.config.var_dir / "media" / "picture").write_bytes(b"\xff\xd8jpeg")
    with transaction(desk.database) as session:
        ours, theirs = session.scalars(select(Inbound.id).order_by(Inbound.id)).all()
        for inbound_id, mime in ((ours, "image/jpeg"), (ours, "text/html"), (theirs, "image/jpeg")):
            stored = {"status": "stored", "stored_name": "picture", "mime": mime, "next_at": NOW}
            session.add(Attachment(inbound_id=inbound_id, kind="image", url="", **stored))
            session.flush()
    client = desk.log_in("dongda")
    assert f'src="/cases/{code}/media/1"' in client.get(f"/cases/{code}").text
    picture, page = client.get(f"/cases/{code}/media/1"), client.get(f"/cases/{code}/media/2")
    assert (picture.status_code, picture.mimetype, picture.data) == (200, "image/jpeg", b"\xff\xd8jpeg")
    assert picture.headers["X-Content-Type-Options"] == "nosniff"
    assert page.mimetype == "application/octet-stream"
    assert page.headers["Content-Disposition"].startswith("attachment")
    assert client.get(f"/cases/{code}/media/3").status_code == 404  # another conversation's picture
    assert client.get(f"/cases/{other}/media/3").status_code == 404
    for response in (picture, page):
        response.close()


def test_a_conversation_without_a_case_is_answered_once_and_closed(desk: Desk) -> None:
    conversation_id = desk.wait_for_a_person()
    client = desk.log_in("thanhpho")
    assert f"/attention/{conversation_id}" in client.get("/attention").text
    page = client.get(f"/attention/{conversation_id}")
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    seen = re.search(r'name="seen" value="([^"]+)"', page.text)
    assert found and seen
    for _ in range(2):
        post(client, f"/attention/{conversation_id}/reply", text="Xin chào, tôi nghe.", token=found[1])
    [text] = desk.outbound_texts()
    assert "Xin chào, tôi nghe." in text
    stale = post(client, f"/attention/{conversation_id}/close", seen="2020-01-01T00:00:00+00:00")
    assert stale.location == f"/attention/{conversation_id}"
    assert post(client, f"/attention/{conversation_id}/close", seen=seen[1]).location == "/attention"
    assert client.get(f"/attention/{conversation_id}").status_code == 404


def test_an_administrator_sends_a_dead_letter_again(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("quantri")
    move(client, code, "reply", 1, "Đã nhận.")
    with transaction(desk.database) as session:
        outbox.dead(session.scalars(select(Outbound)).one(), "window_closed")
    page = client.get("/dead-letters").text
    assert "window_closed" in page
    assert code in page
    post(client, "/dead-letters/1/retry")
    assert "window_closed" not in client.get("/dead-letters").text
    with reading(desk.database) as session:
        assert session.scalars(select(Outbound.status)).one() == "waiting"


def test_health_says_when_the_database_is_away(desk: Desk, tmp_path: Path) -> None:
    client = desk.visitor()
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
    gone = open_database(f"sqlite:///{tmp_path / 'gone.db'}")
    (tmp_path / "gone.db").mkdir()
    lost = create_app(desk.config, gone, desk.rulebook, desk.clock).test_client()
    assert lost.get("/healthz").status_code == 200
    assert lost.get("/readyz").status_code == 503
