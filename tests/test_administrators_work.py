"""What an administrator gets done through the pages, and when it is in force."""

import re

import pytest
from rasa_sdk.executor import CollectingDispatcher

from actions.guidance import answer_faq
from cases.in_force import limits_of
from cases.kept import Kept
from core.db import transaction
from tests.administering import NEW_PASSWORD, link_in, set_password
from tests.dialogue import Dialogue
from tests.offices import PASSWORD, Office
from tests.pages import post
from tests.support import DONG_DA, KIM_LIEN, LANG


class Bot:
    """One running action server, started before anything was changed."""

    def __init__(self, office: Office) -> None:
        self._context = Dialogue(office.database, office.clock, office.config.var_dir).context

    def says(self, intent: str) -> str:
        dispatcher = CollectingDispatcher()
        answer_faq(dispatcher, self._context, intent)
        return "\n".join(str(message["text"]) for message in dispatcher.messages)


def test_a_new_officer_sets_the_own_password_and_works(office: Office) -> None:
    admin = office.log_in("quantri")
    page = post(admin, "/admin/officers", username="moi", name="Lê Văn Mới", role="officer", unit_id=KIM_LIEN).text
    assert set_password(office, link_in(page))[0] == 302
    code = office.file()
    assert office.log_in("moi", NEW_PASSWORD).get(f"/cases/{code}").status_code == 200
    assert [action for action, _ in office.audits()] == ["officer_made", "reset_used"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"username": "KIMLIEN"}, "đã có người dùng"),
        ({"unit_id": "2025:99999"}, "Chưa chọn đơn vị"),
        ({"role": "god"}, "Xin nhập đủ"),
        ({"name": "  "}, "Xin nhập đủ"),
    ],
)
def test_an_account_that_cannot_be_is_refused_with_a_sentence(
    office: Office, change: dict[str, str], problem: str
) -> None:
    admin = office.log_in("quantri")
    form = {"username": "moi", "name": "Lê Văn Mới", "role": "officer", "unit_id": KIM_LIEN, **change}
    answer = post(admin, "/admin/officers", **form)
    assert (answer.status_code, problem in answer.text) == (422, True)
    assert office.audits() == []


def test_leave_hands_the_cases_over_and_closes_the_desk_until_it_ends(office: Office) -> None:
    admin, away = office.log_in("quantri"), office.log_in("kimlien")
    codes = [office.file(), office.file()]
    for code in codes:
        post(away, f"/cases/{code}/take", version=1)
    account = f"/admin/officers/{office.ids['kimlien']}"
    assert post(admin, f"{account}/hand-over", colleague=office.ids["dongda"]).status_code == 302
    assert {office.case(code).officer_id for code in codes} == {office.ids["dongda"]}
    assert office.events(codes[0])[-1] == "handed_over"
    post(admin, f"{account}/leave", **{"from": "2026-12-01", "until": "2026-12-03"})
    assert away.get("/").status_code == 302
    assert office.try_login(office.visitor(), "kimlien", PASSWORD).status_code == 401
    office.clock.advance(days=3)
    assert office.try_login(office.visitor(), "kimlien", PASSWORD).status_code == 302


def test_a_closed_unit_receives_nothing_new(office: Office) -> None:
    admin = office.log_in("quantri")
    answer = post(admin, f"/admin/units/{KIM_LIEN}", name="Phường Kim Liên", contact="024 1234 5678")
    assert answer.status_code == 302
    assert office.case(office.file(ward=KIM_LIEN)).unit_id == DONG_DA
    code, area = office.file(ward=LANG), office.log_in("dongda")
    assert post(area, f"/cases/{code}/transfer", version=1, text="x", unit_id=KIM_LIEN).status_code == 422
    assert "024 1234 5678" in admin.get("/admin/units").text
    assert post(admin, "/admin/units/city:01", name="Thành phố Hà Nội", contact="").status_code == 422


def test_an_answer_is_edited_looked_at_and_told_without_a_restart(office: Office) -> None:
    admin, path, bot = office.log_in("quantri"), "/admin/answers/faq/bus", Bot(office)
    assert "xe buýt số 09" not in bot.says("faq_bus")
    words = {
        "answer": "Dạ, xe buýt số 09 đổi lộ trình từ hôm nay ạ.",
        "source": "Quyết định 99/QĐ-UBND",
        "valid_from": "2026-01-01",
        "valid_to": "",
        "review_by": "2027-06-30",
        "certainty": "cao",
        "follow_up": "public_transport",
    }
    looked = post(admin, path, do="preview", version=0, **words)
    assert (looked.status_code, "30/06/2027" in looked.text) == (200, True)
    assert "xe buýt số 09" not in admin.get(path).text
    assert post(admin, path, do="keep", version=0, **words).status_code == 302
    assert "xe buýt số 09" in admin.get(path).text
    assert "xe buýt số 09" in bot.says("faq_bus")
    assert post(admin, path, do="keep", version=0, **words).status_code == 409
    for wrong in (
        {"answer": ""},
        {"answer": "x" * 601},
        {"source": ""},
        {"review_by": "hôm nay"},
        {"valid_to": "2025-01-01"},
    ):
        assert post(admin, path, do="keep", version=1, **{**words, **wrong}).status_code == 422, wrong
    assert post(admin, path, do="withdraw", version=1).status_code == 302
    assert "xe buýt số 09" not in admin.get(path).text
    assert "xe buýt số 09" not in bot.says("faq_bus")
    assert [action for action, _ in office.audits()] == ["kept_changed", "kept_withdrawn"]


def test_a_reply_template_is_added_changed_and_hidden(office: Office) -> None:
    admin, code = office.log_in("quantri"), office.file()
    page = office.log_in("kimlien").get(f"/cases/{code}").text
    words = {"move": "reply", "label": "Hẹn ngày dọn", "text": "Ngày [ngày], tổ vệ sinh sẽ đến dọn ạ."}
    assert "Hẹn ngày dọn" not in page
    assert post(admin, "/admin/replies/new", do="keep", version=0, **words).status_code == 302
    assert "Hẹn ngày dọn" in office.log_in("kimlien").get(f"/cases/{code}").text
    assert post(admin, "/admin/replies/hen_ngay_don", do="hide", version=1, **words).status_code == 302
    assert "Hẹn ngày dọn" not in office.log_in("kimlien").get(f"/cases/{code}").text
    assert post(admin, "/admin/replies/new", do="keep", version=0, **{**words, "text": ""}).status_code == 422
    assert admin.get("/admin/replies/khong_co").status_code == 404


def test_a_holiday_and_a_limit_move_the_deadlines_of_new_cases(office: Office) -> None:
    admin, before = office.log_in("quantri"), office.case(office.file()).due_at
    for day, kind in (("2026-12-02", "off"), ("2026-12-05", "work")):
        assert post(admin, "/admin/days", day=day, kind=kind, note="Thông báo 1").status_code == 302
    assert office.case(office.file()).due_at == before  # a day off and a Saturday worked instead
    assert post(admin, "/admin/days/2026-12-05/withdraw").status_code == 302
    assert (office.case(office.file()).due_at - before).days == 1
    assert post(admin, "/admin/limits/normal_days", value="3", source="QĐ 2", version=0).status_code == 302
    assert office.case(office.file()).due_at < before
    for wrong in ("0", "-1", "nan", "inf", "ba"):
        assert post(admin, "/admin/limits/normal_days", value=wrong, source="QĐ 2", version=1).status_code == 422
    for day in ("2026-02-30", "1999-01-01", ""):
        assert post(admin, "/admin/days", day=day, kind="off", note="x").status_code == 422


def test_the_official_days_of_a_year_are_marked_as_entered(office: Office) -> None:
    admin = office.log_in("quantri")
    assert "Năm 2027: chưa có" in admin.get("/admin/days").text
    assert post(admin, "/admin/years/2027").status_code == 302
    assert "Năm 2027: đã có" in admin.get("/admin/days").text
    assert post(admin, "/admin/years/1999").status_code == 422


def test_every_limit_has_its_vietnamese_word(office: Office) -> None:
    page = office.log_in("quantri").get("/admin/days").text
    labels = re.findall(r'<label for="l-\w+">([^<]+)', page)
    assert len(labels) == len(limits_of(office.rulebook.deadlines)) >= 5
    assert [label for label in labels if "_" in label] == []


def test_an_entry_of_the_city_that_no_longer_fits_stops_nothing(office: Office) -> None:
    with transaction(office.database) as session:
        for kind, key, data in (
            ("faq", "dropped_topic", {"answer": "x"}), ("faq", "bus", {"answer": "x"}),
            ("day", "someday", {"kind": "off"}),
            ("limit", "normal_days", {"value": "x"}), ("setting", "small_number", {"value": 0}), ("reply", "a", {}),
        ):  # fmt: skip
            session.add(Kept(kind=kind, key=key, data=data, version=1, changed_at=office.clock()))
    assert office.log_in("kimlien").get("/").status_code == 200
    assert office.file()


def test_a_setting_is_in_force_at_once_and_stays_within_its_bounds(office: Office) -> None:
    admin = office.log_in("quantri")
    assert office.set(admin, "shortest_password", 20).status_code == 302
    path = link_in(post(admin, f"/admin/officers/{office.ids['lang']}/link").text)
    assert set_password(office, path, "chi-mười-lăm-chữ")[0] == 422
    for wrong in (3, 1000, "mười", ""):
        assert office.set(admin, "shortest_password", wrong).status_code == 422
    assert post(admin, "/admin/settings/no_such", value=1, version=0).status_code == 404


def test_the_log_is_searched_by_who_what_and_when(office: Office) -> None:
    admin, code = office.log_in("quantri"), office.file()
    post(office.log_in("kimlien"), f"/cases/{code}/phone")
    post(admin, f"/admin/officers/{office.ids['lang']}/rename", name="Tên mới")
    for address, seen, unseen in (
        ("?action=contact_read", code, "officer:"), ("?subject=officer:", "Sửa họ tên cán bộ</td>", code),
        (f"?officer={office.ids['kimlien']}", code, "Sửa họ tên cán bộ</td>"), 
        ("?from=2026-12-02", "Không có dòng nào", code),
        ("?to=2026-12-01", code, "Không có dòng nào"),
        ("?from=x&to=9999-12-31&page=-3&officer=x", code, "Không có dòng nào"),
    ):  # fmt: skip
        page = admin.get(f"/admin/audit{address}").text
        table = page[page.index("dòng</span>") :]
        assert (seen in table, unseen in table) == (True, False), address


def test_every_page_of_administration_opens(office: Office) -> None:
    admin = office.log_in("quantri")
    for page in ("", "officers", "units", "answers", "replies", "days", "settings", "audit", "replies/new"):
        assert admin.get(f"/admin/{page}").status_code == 200, page
    for path in (f"/admin/officers/{office.ids['lang']}", f"/admin/units/{LANG}", "/admin/answers/guide/denounce"):
        assert admin.get(path).status_code == 200, path
    for path in ("/admin/officers/9999", "/admin/units/2025:1", "/admin/answers/faq/nothing", "/admin/answers/x/bus"):
        assert admin.get(path).status_code == 404, path
