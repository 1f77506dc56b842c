"""The administrators' list of requests about personal data: in order of the law's clocks, answered once, audited."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from cases import consents, data_requests
from cases.attention import call_attention
from cases.data_requests import About, DataRequest, Kind
from cases.model import Case
from core.db import reading, transaction
from tests.offices import Office
from tests.pages import post

PAGE = "/admin/data-requests"


def ask(office: Office, code: str, kind: Kind, turn: int) -> int:
    with transaction(office.database) as session:
        conversation = session.scalars(select(Case.conversation_id).where(Case.code == code)).one()
        calendar, now = office.rulebook.calendar, office.clock()
        call_attention(session, conversation, "privacy_request", now)
        return data_requests.ask(session, calendar, conversation, kind, About.CASES, turn, now).id


def row(office: Office, request: int) -> DataRequest:
    with reading(office.database) as session:
        found = session.get_one(DataRequest, request)
        session.expunge_all()
        return found


def test_the_first_due_stands_first_and_what_is_late_says_so(office: Office) -> None:
    admin = office.log_in("quantri")
    ask(office, office.file(), Kind.DELETE, 1)
    ask(office, office.file(), Kind.CORRECT, 2)
    page = admin.get(PAGE).text
    assert page.index("Sửa dữ liệu: hồ sơ") < page.index("Xóa phần thuộc hồ sơ: hồ sơ")
    assert "quá hạn" not in page
    assert "<b>2</b> yêu cầu" in admin.get("/admin/").text
    office.clock.advance(days=11)
    admin = office.log_in("quantri")
    assert admin.get(PAGE).text.count("quá hạn</span>") == 1
    assert "1 quá hạn" in admin.get("/admin/").text


def test_an_answer_goes_to_the_citizen_once_and_is_audited(office: Office) -> None:
    admin, request = office.log_in("quantri"), ask(office, office.file(), Kind.DELETE, 1)
    path = f"{PAGE}/{request}/done"
    assert post(admin, path, text=" ").status_code == 422
    assert row(office, request).done_at is None
    for _ in range(2):
        assert post(admin, path, text="Đã xóa tên anh/chị khỏi hồ sơ").status_code == 302
    assert row(office, request).done_by == office.ids["quantri"]
    told = [text for _, text in office.told() if "Đã xóa tên" in text]
    assert len(told) == 1 and told[0].startswith("Cán bộ phụ trách dữ liệu cá nhân")
    assert office.audits()[-1:] == [("data_request_done", f"data_request:{request}")]
    assert "Không có yêu cầu nào đang chờ" in admin.get(PAGE).text
    assert post(admin, f"{PAGE}/999/done", text="x").status_code == 404


@pytest.mark.parametrize("username", ["kimlien", "giamsat", "dieuphoi"])
def test_nobody_but_an_administrator_reads_or_answers_them(office: Office, username: str) -> None:
    request, client = ask(office, office.file(), Kind.DELETE, 1), office.log_in(username)
    assert client.get(PAGE).status_code == 403
    assert post(client, f"{PAGE}/{request}/done", text="x").status_code == 403
    assert row(office, request).done_at is None


def test_a_new_wish_after_the_answer_is_a_new_request(office: Office) -> None:
    admin, code = office.log_in("quantri"), office.file()
    first = ask(office, code, Kind.DELETE, 1)
    assert ask(office, code, Kind.DELETE, 2) == first
    post(admin, f"{PAGE}/{first}/done", text="Hồ sơ phải lưu 5 năm")
    office.clock.advance(days=1)
    second = ask(office, code, Kind.DELETE, 3)
    assert second != first and row(office, second).due_at - row(office, first).due_at == timedelta(days=1)
    assert ask(office, code, Kind.DELETE, 1) == second


def test_the_officer_sees_that_a_citizen_does_not_want_to_be_called(office: Office) -> None:
    client, code = office.log_in("kimlien"), office.file()
    assert "không đồng ý để gọi" not in client.get(f"/cases/{code}").text
    with transaction(office.database) as session:
        conversation = session.scalars(select(Case.conversation_id)).one()
        consents.answer(session, conversation, consents.Purpose.CONTACT, 7, office.clock(), given=False)
    assert "không đồng ý để gọi" in client.get(f"/cases/{code}").text
