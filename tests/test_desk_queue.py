"""The queue of officers: what comes first, what is found, what is done to many at once."""

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from sqlalchemy import select

from cases import service
from cases.model import Case
from core.db import transaction
from tests.casework import ELSEWHERE, citizen_says_not_done, give_phone, listed
from tests.desk import NOW, Desk, move
from tests.pages import post


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
