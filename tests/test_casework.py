"""What may be taken back and what waits meanwhile; complaints about an office itself; the harm each guard keeps out."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, true, update

from cases import export, service
from cases.audit import AuditEntry
from cases.casework_model import Proof
from cases.model import Case, CaseEvent
from cases.rulebook import Rulebook
from core import outbox
from core.db import reading, transaction
from core.model import Conversation, Outbound
from core.vault import Vault
from tests.casework import ACCUSES, GOOD, act, close, give_phone, give_photo, listed, picture, send_photo
from tests.desk import NOW, Desk, move
from tests.pages import post


def test_a_move_is_taken_back_before_the_citizen_hears_of_it(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    before = desk.case(code)
    move(client, code, "ask", 1, "Nhầm hồ sơ")
    assert "Rút lại" in client.get(f"/cases/{code}").text
    with reading(desk.database) as session:
        assert session.scalars(select(Outbound)).one().next_at == NOW + timedelta(seconds=10)
    desk.clock.now = NOW + timedelta(seconds=9)
    assert post(client, f"/cases/{code}/undo").status_code == 302
    after = desk.case(code)
    names = ("status", "officer_id", "received_at", "first_answer_at", "waiting_since", "due_at", "spoke_at")
    assert [getattr(after, name) for name in names] == [getattr(before, name) for name in names]
    assert desk.events(code) == ["opened", "taken", "asked", "undone"]
    with reading(desk.database) as session:
        assert session.scalars(select(Outbound.status)).one() == "cancelled"
        assert session.get_one(Conversation, after.conversation_id).awaiting_case_id is None
    assert "không rút lại được" in undone_too_late(client, code)


def undone_too_late(client: FlaskClient, code: str) -> str:
    """The page that an officer is led to."""
    answer = post(client, f"/cases/{code}/undo")
    assert answer.status_code == 302
    return client.get(answer.location).text


def test_a_transfer_out_of_sight_is_taken_back(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("kimlien")
    move(client, code, "transfer", 1, "Nhầm", unit_id="2025:00199")
    assert client.get(f"/cases/{code}").status_code == 404
    assert post(client, f"/cases/{code}/undo").status_code == 302
    assert desk.case(code).unit_id == "2025:00229"


def test_a_transfer_out_of_sight_is_taken_back_a_second_too_late(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("kimlien")
    move(client, code, "transfer", 1, "Nhầm", unit_id="2025:00199")
    desk.clock.now = NOW + timedelta(seconds=11)
    assert "không rút lại được" in undone_too_late(client, code)
    assert client.get(f"/cases/{code}").status_code == 404
    assert desk.case(code).unit_id == "2025:00199"
    assert post(desk.log_in("caugiay"), f"/cases/{code}/undo").status_code == 404


@pytest.mark.parametrize("harm", ["too late", "sent", "on its way", "changed since", "answered since", "somebody else"])
def test_what_the_citizen_may_have_read_is_taken_back(desk: Desk, harm: str) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    move(client, code, "reply", 1, "Chiều nay có xe.")
    if harm == "too late":
        desk.clock.now = NOW + timedelta(seconds=10)
    with transaction(desk.database) as session:
        if harm == "sent":
            session.execute(update(Outbound).values(status="sent"))
        if harm == "on its way":
            session.execute(update(Outbound).values(leased_until=NOW + timedelta(seconds=60)))
    if harm == "changed since":
        act(desk.log_in("kimlien"), code, "note", 2, "Đã xem")
    if harm == "answered since":
        with transaction(desk.database) as session:
            case = session.scalars(select(Case).where(Case.code == code)).one()
            service.add_information(session, desk.rulebook, case, 77, NOW)
    person = desk.log_in("kimlien") if harm == "somebody else" else client
    assert "không rút lại được" in undone_too_late(person, code)
    assert "undone" not in desk.events(code)
    assert desk.case(code).first_answer_at == NOW


@pytest.mark.parametrize("words", [ACCUSES, ACCUSES.lower(), "can bo mot cua phuong thai do hach dich doi tien"])
def test_a_ward_judges_a_complaint_about_itself(desk: Desk, words: str) -> None:
    code = desk.file(description=words)
    case = desk.case(code)
    assert (case.unit_id, case.about_unit_id) == ("legacy:006", "2025:00229")
    ward = desk.log_in("kimlien")
    assert code not in ward.get("/?status=all").text
    assert ward.get(f"/cases/{code}").status_code == 404
    assert move(ward, code, "take", 1).status_code == 404
    above = desk.log_in("dongda")
    assert code in above.get("/").text
    assert move(above, code, "transfer", 1, "Trả về phường", unit_id="2025:00229").status_code == 422


def test_an_area_judges_a_complaint_about_itself_through_its_ground(desk: Desk) -> None:
    """The area sees all cases on its ground; not one that accuses it."""
    code = desk.file(ward=None, description=ACCUSES)
    assert desk.case(code).unit_id == "city:01"
    assert desk.log_in("dongda").get(f"/cases/{code}").status_code == 404
    assert desk.log_in("thanhpho").get(f"/cases/{code}").status_code == 200


def test_an_ordinary_report_is_taken_for_a_complaint_about_an_office(desk: Desk) -> None:
    for words in (
        "Rác trước cổng UBND phường 3 ngày chưa dọn",
        "Hàng xóm thái độ hung hăng, mở loa to",
        "Đường xã ngập",
    ):
        assert desk.case(desk.file(description=words)).about_unit_id is None


def test_an_officer_marks_a_complaint_and_the_accused_loses_sight_of_it(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("thanhpho")
    answer = act(client, code, "conflict", 1, "Tố người trực", unit_id="2025:00229", named="dongda")
    assert answer.status_code == 302
    assert desk.case(code).unit_id == "legacy:006"
    assert desk.log_in("dongda").get(f"/cases/{code}").status_code == 404  # he works above, and is the one named
    assert desk.log_in("giamsat").get(f"/cases/{code}").status_code == 200


def test_the_reporter_of_a_masked_case_is_read(desk: Desk) -> None:
    place = {"address": "nhà số 5 ngõ Thổ Quan", "lat": 21.009123, "lon": 105.834}
    code = desk.file(description=ACCUSES, said="Tôi là Tèo, nhà số 5", **place)
    give_phone(desk, code, "0912345678")
    client = desk.log_in("dongda")
    for path in ("", "/print"):
        page = client.get(f"/cases/{code}{path}").text
        assert not any(word in page for word in ("Tèo", "0912345678", "nhà số 5", "21.009")), path
    assert not any(word in client.get("/").text for word in ("Tèo", "nhà số 5"))
    assert listed(client, "/?text=0912345678") == []
    give_photo(desk, code)
    assert client.get(f"/cases/{code}/media/1").status_code == 404
    assert post(client, f"/cases/{code}/phone").status_code == 404


def test_the_reporter_is_unmasked_without_a_reason_or_a_trace(desk: Desk) -> None:
    code = desk.file(description=ACCUSES, said="Tôi là Tèo, nhà số 5")
    give_phone(desk, code, "0912345678")
    client, colleague = desk.log_in("dongda"), desk.log_in("giamsat")
    assert act(client, code, "reveal", 1, " ").status_code == 422
    assert desk.events(code) == ["opened"]
    assert "0912345678" not in post(client, f"/cases/{code}/phone").text
    assert act(client, code, "reveal", 1, "Cần gọi lại để xác minh").status_code == 302
    page = client.get(f"/cases/{code}").text
    assert "nhà số 5" in page
    assert "0912345678" in post(client, f"/cases/{code}/phone").text
    assert "Cần gọi lại để xác minh" in page  # in the events, for everybody who reads the case
    assert "nhà số 5" not in colleague.get(f"/cases/{code}").text  # for one person
    assert post(desk.log_in("thanhpho"), f"/cases/{code}/phone").status_code == 404
    with reading(desk.database) as session:
        trace = session.scalars(select(CaseEvent).where(CaseEvent.kind == "revealed")).one()
        assert trace.officer_id is not None
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "reporter_revealed")).one()
        assert (entry.officer_id, entry.subject, entry.reason) == (trace.officer_id, code, "Cần gọi lại để xác minh")
    desk.clock.now = NOW + timedelta(hours=8, minutes=1)
    assert "nhà số 5" not in client.get(f"/cases/{code}").text
    assert post(client, f"/cases/{code}/phone").status_code == 404


def test_a_masked_reporter_is_found_through_other_pages(desk: Desk) -> None:
    """Their other cases do not lead to the masked one, nor does merging make them readable."""
    masked, plain = desk.file(description=ACCUSES), desk.file()
    with transaction(desk.database) as session:
        one, other = (session.scalars(select(Case).where(Case.code == code)).one() for code in (masked, plain))
        other.conversation_id = one.conversation_id
    client = desk.log_in("dongda")
    assert masked not in client.get(f"/cases/{plain}").text
    assert plain not in client.get(f"/cases/{masked}").text.partition("Diễn biến")[0].partition("datalist")[0]
    assert act(client, masked, "merge", 1, into=plain).status_code == 422
    assert act(client, plain, "merge", 1, into=masked).status_code == 422


def test_a_personal_export_names_who_complained_about_an_office(desk: Desk, rulebook: Rulebook) -> None:
    masked, plain = desk.file(description=ACCUSES, address="số 5 ngõ 9"), desk.file(description="Rác đầu ngõ")
    for code in (masked, plain):
        give_phone(desk, code, "0912345678")
    vault = Vault(desk.config.data_keys)
    with reading(desk.database) as session:
        personal = (lambda sealed: vault.unseal(sealed) if sealed else "", "giamsattp")
        rows = [[str(cell) for cell in row] for row in export.rows(session, rulebook, true(), NOW, personal)]
    by_code = {next(code for code in (masked, plain) if code in row): " ".join(row) for row in rows}
    assert "0912345678" in by_code[plain]
    assert not any(word in by_code[masked] for word in ("0912345678", "Tèo", "ngõ 9", "hách dịch"))


@pytest.mark.parametrize("whose", ["of this case", "of another case"])
def test_a_photo_that_a_citizen_sent_passes_as_proof_of_the_work(desk: Desk, whose: str) -> None:
    code, other, client = desk.file(), desk.file(), desk.log_in("dongda")
    taken = picture(31, (1280, 960))
    sender, said = (code, "ảnh do người dân gửi") if whose == "of this case" else (other, "ảnh đã dùng cho hồ sơ khác")
    send_photo(desk, sender, taken)
    warned = close(client, code, 1, GOOD, picture(31, (640, 480), "JPEG"))
    assert warned.status_code == 422
    assert said in warned.text
    accepted = re.search(r'name="accepted" value="([^"]+)"', warned.text)
    assert accepted
    assert close(client, code, 1, GOOD, accepted=accepted[1]).status_code == 302  # a person decides
    assert desk.events(code)[-1] == "closed_with_doubts"
    with reading(desk.database) as session:
        assert session.scalars(select(Proof.used_before)).one() == sender
    supervisor = desk.log_in("giamsat")
    assert listed(supervisor, "/?need=doubtful") == [code]
    assert said in supervisor.get(f"/cases/{code}").text


def sent_now(desk: Desk) -> list[str]:
    """What the worker sends at this moment, in order."""
    found = []
    with transaction(desk.database) as session:
        while (row := outbox.claim(session, "w/0", desk.clock.now)) is not None:
            outbox.sent(row, None, desk.clock.now)
            found.append(row.key)
            session.flush()
    return found


def test_the_bot_keeps_a_citizen_waiting_behind_words_that_may_be_taken_back(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    case = desk.case(code)
    move(client, code, "reply", 1, "Chiều nay có xe.")
    with transaction(desk.database) as session:
        for key, case_id in (("turn:90:0", None), ("turn:90:1", None), ("about", case.id)):
            outbox.enqueue(session, case.conversation_id, key, "Dạ", desk.clock.now, author="bot", case_id=case_id)
    assert sent_now(desk) == ["turn:90:0", "turn:90:1"]  # what is said about the same case keeps its order
    desk.clock.now += timedelta(seconds=10)
    assert [key.partition(":")[0] for key in sent_now(desk)] == ["event", "about"]


def test_two_notices_of_officers_change_places(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    move(client, code, "reply", 1, "Chiều nay có xe.")
    desk.clock.now += timedelta(seconds=5)
    move(client, code, "ask", 2, "Ở đầu ngõ phải không ạ?")
    with transaction(desk.database) as session:  # the second one is let go at once, the first still waits
        session.execute(update(Outbound).where(Outbound.text.contains("đầu ngõ")).values(next_at=desk.clock.now))
    assert sent_now(desk) == []
    desk.clock.now += timedelta(seconds=5)
    assert len(sent_now(desk)) == 2


def test_the_bots_words_overtake_a_message_that_is_tried_again(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    move(client, code, "reply", 1, "Chiều nay có xe.")
    desk.clock.now += timedelta(seconds=10)
    with transaction(desk.database) as session:
        row = outbox.claim(session, "w/0", desk.clock.now)
        assert row is not None
        assert outbox.retry(row, "timeout", desk.clock.now)
        session.flush()
        outbox.enqueue(session, row.conversation_id, "turn:91:0", "Dạ", desk.clock.now, author="bot")
    assert sent_now(desk) == []


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("toi ten la nguyen van teo, can bo phuong voi vinh", "teo"),
        ("tôi tên nguyễn thị bưởi bị cán bộ vòi vĩnh", "bưởi"),
        ("ho ten: le thi man. can bo phuong hach dich", "man"),
        ("cán bộ hách dịch với trần văn tý ở một cửa phường", "tý"),
    ],
)
def test_a_masked_reporter_is_named_in_small_letters(desk: Desk, typed: str, name: str) -> None:
    code = desk.file(description=typed, said=typed)
    act(desk.log_in("thanhpho"), code, "conflict", 1, "Phản ánh cán bộ", unit_id="2025:00229")
    client = desk.log_in("dongda")
    for address in (f"/cases/{code}", "/", f"/cases/{code}/print"):
        page = client.get(address).text
        assert code in page
        assert not re.search(rf"\b{name}\b", page), address


def test_a_number_typed_in_a_message_is_read_without_a_trace(desk: Desk) -> None:
    code = desk.file(said="Gọi em số 0912 345 678 nhé")
    client = desk.log_in("dongda")
    page = client.get(f"/cases/{code}").text
    assert "[số điện thoại]" in page
    assert not re.search(r"0912.?345.?678", page)
    assert "0912345678" in post(client, f"/cases/{code}/phone").text
    with reading(desk.database) as session:
        assert session.scalars(select(AuditEntry.action)).all() == ["contact_read"]
