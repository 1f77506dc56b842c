"""What an officer does with a case besides the main moves, through HTTP; the harm each guard of it keeps out."""

import io
import random
import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select, true, update
from werkzeug.test import TestResponse

from cases import export, officers, replies, service
from cases.audit import AuditEntry
from cases.casework_model import Forward, Proof
from cases.model import Case, CaseEvent, Officer
from cases.placing import correct_urgency
from cases.proof import look_of
from cases.rulebook import Rulebook
from core import outbox
from core.content import recognise
from core.db import reading, transaction
from core.model import Attachment, Conversation, Inbound, Outbound
from core.vault import Vault
from tests.desk import NOW, Desk, move
from tests.pages import post

GOOD = "Lúc 15 giờ ngày 24/11, tổ vệ sinh Kim Liên đã thu gom rác tại ngõ 12. Nếu còn rác, chúng tôi sẽ quay lại."
ELSEWHERE = {"ward": "2025:00166", "area": "legacy:005"}
ACCUSES = "Cán bộ một cửa phường thái độ hách dịch, vòi vĩnh tiền của dân. Tôi tên là Nguyễn Văn Tèo."


def picture(seed: int = 1, size: tuple[int, int] = (320, 240), kind: str = "PNG") -> bytes:
    """A picture of its own for every seed, smooth as photos are."""
    chance = random.Random(seed)
    small = Image.new("RGB", (12, 9))
    small.putdata([(chance.randrange(256), chance.randrange(256), chance.randrange(256)) for _ in range(108)])
    out = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).save(out, kind)
    return out.getvalue()


def cut(data: bytes) -> bytes:
    """The same photo without its edges."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        image.crop((10, 10, image.width - 10, image.height - 10)).save(out, "PNG")
    return out.getvalue()


def close(client: FlaskClient, code: str, version: int, text: str = GOOD, *files: bytes, **form: str) -> TestResponse:
    proofs = [(io.BytesIO(data), f"anh{number}.png") for number, data in enumerate(files)]
    return post(client, f"/cases/{code}/resolve", version=version, text=text, proof=proofs, **form)


def act(client: FlaskClient, code: str, action: str, version: int, text: str = "", **form: object) -> TestResponse:
    return post(client, f"/cases/{code}/{action}", version=version, text=text, **form)


def listed(client: FlaskClient, address: str) -> list[str]:
    return re.findall(r'data-code="([^"]+)"', client.get(address).text)


def give_phone(desk: Desk, code: str, phone: str) -> None:
    vault = Vault(desk.config.data_keys)
    with transaction(desk.database) as session:
        case = session.scalars(select(Case).where(Case.code == code)).one()
        person = session.get_one(Conversation, case.conversation_id)
        person.phone, person.phone_hash = vault.seal(phone), vault.fingerprint(phone)


def give_photo(desk: Desk, code: str) -> None:
    folder = desk.config.var_dir / "media"
    folder.mkdir()
    (folder / "photo").write_bytes(picture())
    with transaction(desk.database) as session:
        case = session.scalars(select(Case).where(Case.code == code)).one()
        mine = session.scalars(select(Inbound.id).where(Inbound.conversation_id == case.conversation_id)).one()
        stored = {"status": "stored", "stored_name": "photo", "mime": "image/png", "next_at": NOW}
        session.add(Attachment(inbound_id=mine, kind="image", url="", **stored))


def citizen_says_not_done(desk: Desk, code: str) -> None:
    with transaction(desk.database) as session:
        case = session.scalars(select(Case).where(Case.code == code)).one()
        service.reopen(session, desk.rulebook, case, None, "Chưa xong", desk.clock.now)


# The queue.


def test_what_needs_an_officer_now_comes_first(desk: Desk) -> None:
    late = desk.file(description="quá hạn")
    desk.clock.now = NOW + timedelta(days=8)
    fresh, answered, again = (desk.file(description=words) for words in ("mới", "trả lời", "mở lại"))
    client = desk.log_in("dongda")
    move(client, answered, "ask", 1, "Ở số nhà nào?")
    move(client, again, "resolve", 1, "Đã dọn.")
    resting = desk.file(description="đang chờ")
    move(client, resting, "ask", 1, "Ở đâu ạ?")
    desk.clock.now += timedelta(hours=1)
    citizen_says_not_done(desk, again)
    with transaction(desk.database) as session:
        case = session.scalars(select(Case).where(Case.code == answered)).one()
        service.add_information(session, desk.rulebook, case, 77, desk.clock.now + timedelta(minutes=1))
    desk.clock.now += timedelta(days=5)
    client = desk.log_in("dongda")
    order = listed(client, "/")
    assert order[0] == late
    assert set(order[1:3]) == {again, answered}
    assert order[3:] == [fresh, resting]
    assert listed(client, "/?need=answered") == [answered]
    assert listed(client, "/?need=reopened") == [again]
    assert late in listed(client, "/?need=late")
    assert resting not in listed(client, "/?need=late")


@pytest.mark.parametrize(
    "typed",
    [
        "rác chùa bộc",
        "rac chua boc",
        "RÁC Chùa",
        "{code}",
        "{bare}",
        "{digits}",
        "ngo 12",
        "0912345678",
        "0912 345 678",
    ],
)
def test_a_case_is_found_by_words_code_address_and_phone(desk: Desk, typed: str) -> None:
    wanted = desk.file(description="Rác chất đống", address="Ngõ 12 Chùa Bộc")
    other = desk.file(description="Loa kéo quá to", address="Ngõ 13 Tây Sơn")
    give_phone(desk, wanted, "0912345678")
    give_phone(desk, other, "0912345679")
    bare = wanted.replace("-", "")
    text = typed.format(code=wanted, bare=bare, digits=bare.removeprefix("PA"))
    assert listed(desk.log_in("dongda"), f"/?text={quote(text)}") == [wanted]


def test_a_search_looks_at_closed_cases_too_when_asked(desk: Desk) -> None:
    code, client = desk.file(description="Cống tắc"), desk.log_in("dongda")
    move(client, code, "resolve", 1, "Đã thông.")
    assert listed(client, "/?text=cong") == []
    assert listed(client, "/?text=cong&status=all") == [code]
    assert listed(client, "/?text=cong&status=resolved") == [code]
    assert listed(desk.log_in("caugiay"), "/?text=cong&status=all") == []


@pytest.mark.parametrize(
    "typed", ['"', "* OR a", "rac* NOT x", "'); DROP TABLE cases;--", "😀", "a" * 500, "(((", "zzopen"]
)
def test_what_is_typed_into_the_search_is_run_as_a_query(desk: Desk, typed: str) -> None:
    code, _mine = desk.file(**ELSEWHERE), desk.file()  # an index is asked only where there is something to find
    client = desk.log_in("dongda")
    answer = client.get(f"/?text={quote(typed)}")
    assert answer.status_code == 200
    assert code not in answer.text
    assert desk.case(code).version == 1


def test_many_are_taken_and_handed_on_at_once(desk: Desk) -> None:
    first, second, changed = desk.file(), desk.file(), desk.file()
    client = desk.log_in("dongda")
    move(desk.log_in("kimlien"), changed, "take", 1)
    chosen = [f"{code}:1" for code in (first, second, changed)]
    page = post(client, "/bulk/take", case=chosen)
    assert page.location == "/"
    text = client.get("/").text
    assert "Đã nhận 2 hồ sơ" in text
    assert f"Chưa làm được với: {changed}" in text
    form = {"case": [f"{first}:2", f"{second}:2"], "unit_id": "2025:00199", "text": "Thuộc phường Láng"}
    post(client, "/bulk/transfer", **form, kept="category=waste")
    assert {desk.case(code).unit_id for code in (first, second)} == {"2025:00199"}
    assert post(client, "/bulk/transfer", **{**form, "text": " "}).location == "/"


def test_many_cases_of_another_district_are_taken_at_once(desk: Desk) -> None:
    theirs = desk.file(**ELSEWHERE)
    client = desk.log_in("dongda")
    post(client, "/bulk/take", case=[f"{theirs}:1", "PA-100-000-006:1"])
    assert desk.events(theirs) == ["opened"]
    assert "Đã nhận" not in client.get("/").text


def test_a_supervisor_takes_many(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("giamsat")
    assert post(client, "/bulk/take", case=[f"{code}:1"]).status_code == 403
    assert desk.events(code) == ["opened"]


def test_the_next_case_is_one_step_away(desk: Desk) -> None:
    codes = [desk.file() for _ in range(3)]
    desk.file(category="noise", description="ồn")
    client = desk.log_in("dongda")
    page = client.get("/?category=waste").text
    walked = [re.findall(r'href="/cases/([^?"]+)\?', page)[0]]
    address = re.findall(r'href="(/cases/[^"]+)"', page)[0].replace("&amp;", "&")
    for _ in range(2):
        step = re.search(r'data-key="n" href="([^"]+)"', client.get(address).text)
        assert step
        address = client.get(step[1].replace("&amp;", "&")).location or ""
        walked.append(address.removeprefix("/cases/").partition("?")[0])
    assert sorted(walked) == sorted(codes)


def test_an_unchanged_queue_costs_no_page(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    asks = {"HX-Request": "true"}
    seen = re.search(r'name="seen" value="([^"]*)"', client.get("/", headers=asks).text)
    assert seen
    assert client.get(f"/?seen={seen[1]}", headers=asks).status_code == 204
    move(client, code, "take", 1)
    assert client.get(f"/?seen={seen[1]}", headers=asks).status_code == 200


# What is done with one case.


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


# Ten seconds.


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


# Closing with proof.


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
    for template in desk.rulebook.casebook.templates:
        if template.move == "resolve":
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


# Conflict of interest.


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


def test_a_search_goes_on_page_by_page_without_losing_or_repeating_a_case(desk: Desk) -> None:
    filed = []
    for number in range(103):
        desk.clock.now += timedelta(seconds=1)
        filed.append(desk.file(description=f"Cống tắc số {number}"))
        desk.file(description="Đèn đường hỏng")
    client = desk.log_in("dongda")
    for extra, expected in (("", filed), ("&status=all", filed[::-1])):
        found, address = [], f"/?text=cong+tac{extra}"
        while address:
            page = client.get(address).text
            assert "103" in page
            found += re.findall(r'data-code="([^"]+)"', page)
            further = re.search(r'href="([^"]*after=[^"]*)"[^>]*>[^<]*(?:sau|tiếp)', page, re.IGNORECASE)
            address = further[1].replace("&amp;", "&") if further else ""
        assert found == expected


def send_photo(desk: Desk, code: str, data: bytes, *, days_ago: int = 1) -> None:
    """The citizen of this case has sent a photo, as the worker keeps it."""
    with transaction(desk.database) as session:
        conversation_id = session.scalars(select(Case.conversation_id).where(Case.code == code)).one()
        inbound = desk.inbound(conversation_id, "", "media")
        inbound.sent_at = desk.clock.now - timedelta(days=days_ago)
        session.add(inbound)
        session.flush()
        kept = {"status": "stored", "fingerprint": recognise(data, "image").fingerprint, "next_at": inbound.sent_at}
        session.add(Attachment(inbound_id=inbound.id, kind="image", url="", **kept))


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


def test_a_photo_of_the_work_is_not_taken_for_what_citizens_sent(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    send_photo(desk, code, picture(31))
    send_photo(desk, desk.file(), picture(33), days_ago=400)  # too long ago to be meant
    assert close(client, code, 1, GOOD, picture(32), picture(33)).status_code == 302
    assert desk.case(code).doubts == ""


# What waits behind an officer's held words, and what does not.


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
