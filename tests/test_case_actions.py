"""What an officer does with one case besides the main moves, and the harm each guard of it keeps out."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from cases import officers
from cases.model import Case, Officer
from cases.placing import correct_urgency
from core.db import reading, transaction
from core.model import Attachment, Inbound, Outbound
from tests.casework import ELSEWHERE, act, close, picture
from tests.desk import NOW, Desk, move
from tests.pages import post


@pytest.mark.parametrize(
    ("action", "form", "event", "told"),
    [
        ("note", {"text": "Chờ xe cẩu"}, "noted", ""),
        ("call", {"text": "Gọi lúc 10 giờ, dân đồng ý"}, "called", ""),
        ("forward", {"text": "Nhờ thu gom", "company": "urenco", "reference": "U-1"}, "forwarded", ""),
        ("refer", {"system": "ihanoi", "reference": "IH-77"}, "referenced", ""),
        ("place", {"ward_id": "2025:00199", "address": "Ngõ 5"}, "place_corrected", ""),
        ("urgency", {"urgency": "urgent", "text": "Sắp sập"}, "urgency_corrected", ""),
        ("abuse", {"text": "Quảng cáo"}, "marked_abuse", ""),
        ("refuse", {"reason": "other_body", "body": "Sở Xây dựng"}, "refused", "Sở Xây dựng"),
    ],
)
def test_an_action_is_one_event_and_tells_the_citizen_only_what_concerns_them(
    desk: Desk, action: str, form: dict[str, str], event: str, told: str
) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    answer = act(client, code, action, 1, **form)
    assert answer.location == f"/cases/{code}"
    assert desk.events(code) == ["opened", event]
    texts = desk.outbound_texts()
    assert len(texts) == bool(told)
    assert all(told in text for text in texts)
    page = client.get(f"/cases/{code}")
    assert page.status_code == 200
    assert act(client, code, action, 1, **form).status_code == 409  # the same page once more
    assert client.get(f"/cases/{code}/print").status_code == 200


@pytest.mark.parametrize("action", ["note", "call", "forward", "refer", "refuse", "abuse", "merge", "return", "assign"])
def test_somebody_acts_on_a_case_that_is_not_theirs(desk: Desk, action: str) -> None:
    code, mine = desk.file(**ELSEWHERE), desk.file()
    form = {"company": "urenco", "system": "ihanoi", "reference": "1", "reason": "civil", "body": "x", "into": mine}
    assert act(desk.log_in("dongda"), code, action, 1, "x", to=1, **form).status_code == 404
    assert act(desk.log_in("giamsat"), mine, action, 1, "x", to=1, **form).status_code == 403
    assert desk.events(code) == desk.events(mine) == ["opened"]


@pytest.mark.parametrize(
    ("action", "form"),
    [
        ("forward", {"company": "không có"}),
        ("follow", {"forward": "1", "status": "done"}),
        ("follow", {"forward": "99999999999", "status": "x"}),
        ("refer", {"system": "x", "reference": "1"}),
        ("refer", {"system": "ihanoi", "reference": ""}),
        ("refuse", {"reason": "x", "body": "y"}),
        ("refuse", {"reason": "other_body", "body": ""}),
        ("merge", {"into": "PA-100-000-006"}),
        ("merge", {"into": "không phải mã"}),
        ("return", {}),
        ("assign", {"to": "1' OR 1=1"}),
        ("assign", {"to": "3"}),
        ("place", {"ward_id": "legacy:006"}),
        ("place", {"ward_id": "x"}),
        ("urgency", {"urgency": "panic"}),
        ("conflict", {"unit_id": "x"}),
        ("conflict", {"unit_id": "2025:00229", "named": "nobody"}),
        ("transcribe", {"attachment": "1"}),
        ("note", {"text": "x" * 1501}),
        ("note", {"text": "\x00 \x01"}),
    ],
)
def test_a_forged_form_changes_something(desk: Desk, action: str, form: dict[str, str]) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    answer = act(client, code, action, 1, **{"text": "Lý do", **form})
    assert answer.status_code == 422
    assert "alert-danger" in answer.text
    assert desk.events(code) == ["opened"]
    assert desk.case(code).version == 1
    assert desk.outbound_texts() == []


def test_ten_megabytes_of_text_reach_the_database(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    for path in ("note", "reply", "resolve"):
        assert post(client, f"/cases/{code}/{path}", version=1, text="x" * 10_000_000).status_code == 413
    assert close(client, code, 1, "x" * 10_000_000, picture()).status_code == 413
    assert desk.events(code) == ["opened"]


def test_a_case_is_given_to_a_colleague_of_its_unit(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    found = re.search(r'<option value="(\d+)">Cán bộ kimlien', client.get(f"/cases/{code}").text)
    assert found
    assert act(client, code, "assign", 1, to=found[1]).status_code == 302
    case = desk.case(code)
    assert (case.officer_id, case.status) == (int(found[1]), "in_progress")
    desk.officer("kimlien", officers.deactivate)
    assert "Cán bộ kimlien, " not in client.get(f"/cases/{code}").text


def test_a_case_handed_on_is_accepted_or_given_back(desk: Desk) -> None:
    code, there, here = desk.file(), desk.log_in("caugiay"), desk.log_in("kimlien")
    move(here, code, "transfer", 1, "Thuộc Cầu Giấy", unit_id="2025:00166")
    assert "được chuyển đến" in there.get("/").text
    assert "chuyển hồ sơ này đến" in there.get(f"/cases/{code}").text
    assert act(there, code, "return", 2, "Không thuộc phường tôi").status_code == 302
    case = desk.case(code)
    assert (case.unit_id, case.status, case.offered_by_id) == ("2025:00229", "new", None)
    assert desk.events(code)[-1] == "returned"


def test_a_merged_citizen_hears_what_happens_and_a_closed_case_takes_nobody_in(desk: Desk) -> None:
    leading, same, client = desk.file(), desk.file(), desk.log_in("dongda")
    assert act(client, same, "merge", 1, into=leading).status_code == 302
    assert desk.case(same).status == "merged"
    assert desk.events(leading) == ["opened", "absorbed"]
    move(client, leading, "reply", 2, "Xe đến lúc 15 giờ.")
    with reading(desk.database) as session:
        told = session.scalars(select(Outbound.case_id).where(Outbound.text.contains("Xe đến lúc 15 giờ."))).all()
    assert sorted(told) == sorted(desk.case(code).id for code in (leading, same))
    third = desk.file()
    assert act(client, third, "merge", 1, into=same).status_code == 422
    assert act(client, third, "merge", 1, into=third).status_code == 422


def test_somebody_merges_into_a_case_they_may_not_see(desk: Desk) -> None:
    mine, theirs = desk.file(), desk.file(**ELSEWHERE)
    answer = act(desk.log_in("dongda"), mine, "merge", 1, into=theirs)
    nowhere = act(desk.log_in("dongda"), mine, "merge", 1, into="PA-100-000-006")
    assert answer.status_code == nowhere.status_code == 422
    assert desk.events(theirs) == ["opened"]


def test_another_urgency_counts_from_the_day_the_case_came(desk: Desk) -> None:
    code = desk.file()
    with transaction(desk.database) as session:
        case = session.scalars(select(Case).where(Case.code == code)).one()
        by = session.scalars(select(Officer).where(Officer.username == "dongda")).one()
        desk.clock.now = NOW + timedelta(days=2)
        correct_urgency(session, desk.rulebook, case, by, "urgent", "Sắp sập", desk.clock.now, 1)
        assert case.due_at < desk.clock.now
        assert case.queue_at == case.due_at


def test_a_voice_note_is_to_be_heard_until_it_is_written_down(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    with transaction(desk.database) as session:
        case = session.scalars(select(Case).where(Case.code == code)).one()
        mine = session.scalars(select(Inbound.id).where(Inbound.conversation_id == case.conversation_id)).one()
        stored = {"status": "stored", "stored_name": "voice", "mime": "audio/mpeg", "next_at": NOW}
        session.add(Attachment(inbound_id=mine, kind="audio", url="", **stored))
    assert "cần nghe" in client.get(f"/cases/{code}").text
    assert act(client, code, "transcribe", 1, "Rác ở cổng chợ", attachment=1).status_code == 302
    page = client.get(f"/cases/{code}").text
    assert "cần nghe" not in page
    assert "Rác ở cổng chợ" in page
    other = desk.file()
    assert act(client, other, "transcribe", 1, "x", attachment=1).status_code == 422  # another case's recording
