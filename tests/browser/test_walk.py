"""A walk through every page in Chromium: the citizen's phone, the officers' desk and the portal tell one story."""

import csv
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.pages import CHROMIUM, COMPLAINT, PHONE_SCREEN, WARD, Desk, Phone, Windows, found, width
from tests.casework import picture
from tests.stack import Citizen, Stack, until

OTHER_WARD = "Phường Ô Chợ Dừa"
SECRET = re.compile(r"Từ bí mật để tra cứu: (.+)")
SHOWN_TOTAL = re.compile(r"Hồ sơ tiếp nhận\s+(\d+)")
CLEANED = "Lúc 15 giờ ngày 24/11, tổ vệ sinh Kim Liên đã thu gom rác tại ngõ 12. Nếu còn rác, chúng tôi sẽ quay lại."

pytestmark = [
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"Chromium is not here: {CHROMIUM}"),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = Stack(tmp_path_factory.mktemp("walk"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


def filed(citizen: Citizen) -> str:
    """A case of the ward, filed without a window."""
    for words, answer in ((COMPLAINT, "phường/xã nào"), ("Kim Liên", "Em ghi như sau"), ("Gửi", "Mã hồ sơ")):
        citizen.send(text=words)
        until_told(citizen, answer)
    return citizen.told_code()


def until_told(citizen: Citizen, text: str) -> None:
    until(lambda: text in heard(citizen), text)


def heard(citizen: Citizen) -> str:
    return "\n".join(message["text"] for message in citizen.received())


@pytest.mark.parametrize("channel", ["Zalo", "Messenger"])
def test_a_citizen_files_a_case_and_reads_the_officers_answer_in_the_same_chat(
    stack: Stack, windows: Windows, channel: str
) -> None:
    phone = Phone(stack, windows.open(), channel)
    code = phone.file_case()
    desk = Desk(stack, windows.open(), "kimlien")
    desk.open_case(code)
    expect(desk.state()).to_have_text("Chờ tiếp nhận")
    desk.page.get_by_role("button", name="Nhận xử lý").click()
    expect(desk.state()).to_have_text("Đang xử lý")
    desk.move("Trả lời người dân", "Tổ vệ sinh dọn xong lúc 16 giờ ạ.", "Gửi trả lời")
    expect(desk.conversation()).to_contain_text("Tổ vệ sinh dọn xong lúc 16 giờ ạ.")
    assert f"{WARD} trả lời hồ sơ {code}" in phone.reads("Tổ vệ sinh dọn xong lúc 16 giờ ạ.")


def test_the_citizens_answer_to_an_officers_question_reaches_the_case(stack: Stack, windows: Windows) -> None:
    phone = Phone(stack, windows.open(), "Zalo")
    code = phone.file_case()
    desk = Desk(stack, windows.open(), "kimlien")
    desk.open_case(code)
    desk.move("Hỏi thêm người dân", "Rác đổ ở đầu hay cuối ngõ ạ?", "Gửi câu hỏi")
    expect(desk.state()).to_have_text("Chờ người dân bổ sung")
    phone.reads("Rác đổ ở đầu hay cuối ngõ ạ?")
    phone.type("cuối ngõ, sát cột điện")
    phone.reads(f"vào hồ sơ {code}")
    desk.open_case(code)
    expect(desk.state()).to_have_text("Đang xử lý")
    expect(desk.conversation()).to_contain_text("cuối ngõ, sát cột điện")


def test_a_transferred_case_leaves_the_ward_and_waits_at_the_other_one(stack: Stack, windows: Windows) -> None:
    citizen = stack.citizen("zalo")
    code = filed(citizen)
    desk = Desk(stack, windows.open(), "kimlien")
    desk.open_case(code)
    desk.page.locator("summary", has_text="Chuyển đơn vị khác").click()
    desk.page.get_by_placeholder("Gõ tên đơn vị").press_sequentially("o cho dua")
    choice = desk.page.get_by_label("Chọn đơn vị nhận")
    expect(choice.locator("option")).to_have_text([OTHER_WARD])
    choice.select_option(label=OTHER_WARD)
    desk.move("Chuyển đơn vị khác", "Đoạn ngõ này thuộc phường bên.", "Chuyển hồ sơ")
    expect(desk.page.locator(".alert")).to_contain_text(code)
    expect(desk.search(code, "Tất cả trạng thái")).to_have_count(0)
    area = Desk(stack, windows.open(), "dongda")
    area.open_case(code)
    expect(area.page.locator(".case-head")).to_contain_text(OTHER_WARD)
    until_told(citizen, "Đoạn ngõ này thuộc phường bên.")
    assert f"chuyển đến {OTHER_WARD}" in heard(citizen)


def test_a_resolved_case_leaves_the_open_queue_and_a_reopened_one_comes_back(stack: Stack, windows: Windows) -> None:
    citizen = stack.citizen("messenger")
    code = filed(citizen)
    desk = Desk(stack, windows.open(), "kimlien")
    desk.open_case(code)
    desk.page.locator("details[name=move] > summary", has_text="Báo đã xử lý xong").click()
    proof = {"name": "anh.png", "mimeType": "image/png", "buffer": picture()}
    desk.page.locator("#proof").set_input_files(proof)  # type: ignore[arg-type]
    desk.move("Báo đã xử lý xong", CLEANED, "Báo đã xử lý")
    expect(desk.state()).to_have_text("Đã xử lý")
    until_told(citizen, CLEANED)
    expect(desk.search(code)).to_have_count(0)
    desk.open_case(code, "Đã xử lý")
    desk.move("Mở lại hồ sơ", "Kiểm tra lại còn rác sau chợ.", "Mở lại")
    expect(desk.state()).to_have_text("Mở lại, chờ xử lý")
    expect(desk.search(code)).to_have_count(1)


def test_the_supervisor_reads_figures_that_the_downloaded_table_confirms(stack: Stack, windows: Windows) -> None:
    code = filed(stack.citizen("zalo"))
    page = Desk(stack, windows.open(), "giamsat").page
    page.get_by_role("link", name="Số liệu").click()
    shown = found(SHOWN_TOTAL, page.get_by_role("main").inner_text())
    page.get_by_role("link", name="Xuất dữ liệu").click()
    page.get_by_role("button", name="CSV", exact=True).click()
    ready = page.get_by_role("link", name="Tải về").first
    expect(ready).to_be_visible()  # made in the background; the page looks by itself
    with page.expect_download() as saving:
        ready.click()
    raw = saving.value.path().read_bytes()
    assert saving.value.suggested_filename.endswith(".csv")
    assert raw.startswith(b"\xef\xbb\xbf"), "Excel reads Vietnamese only after a byte order mark"
    rows = list(csv.DictReader(raw.decode("utf-8-sig").splitlines()))
    assert len(rows) == int(shown)
    (row,) = [row for row in rows if row["Mã hồ sơ"] == code]
    assert (row["Lĩnh vực"], row["Trạng thái"], row["Phường/xã"]) == ("Rác thải", "Chờ tiếp nhận", WARD)
    assert COMPLAINT not in raw.decode()


def test_the_portal_opens_with_the_code_and_the_secret_word_only(stack: Stack, windows: Windows) -> None:
    citizen = stack.citizen("messenger")
    code = filed(citizen)
    word = found(SECRET, heard(citizen))
    page = windows.open(PHONE_SCREEN, javascript=False, refused=403)
    page.goto(stack.url("PORTAL_PORT", f"/?ma={code}"))
    for typed, title in (("con mèo cái bàn 00", "Tra cứu hồ sơ phản ánh"), (word, f"Hồ sơ {code}")):
        page.get_by_label("Cụm từ bí mật").fill(typed)
        page.get_by_role("button", name="Xem tình trạng").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.get_by_role("main")).to_contain_text("Chờ tiếp nhận")
    expect(page.get_by_role("main")).not_to_contain_text("Chùa Bộc")


def test_an_officer_without_javascript_can_take_and_answer_a_case(stack: Stack, windows: Windows) -> None:
    citizen = stack.citizen("zalo")
    code = filed(citizen)
    desk = Desk(stack, windows.open(javascript=False), "kimlien")
    desk.open_case(code)
    desk.page.get_by_role("button", name="Nhận xử lý").click()
    desk.move("Trả lời người dân", "Phường đã nhận được tin ạ.", "Gửi trả lời")
    expect(desk.state()).to_have_text("Đang xử lý")
    until_told(citizen, "Phường đã nhận được tin ạ.")


def test_no_page_is_wider_than_a_phone(stack: Stack, windows: Windows) -> None:
    code = filed(stack.citizen("zalo"))
    page = windows.open(PHONE_SCREEN)
    phone = Phone(stack, page, "Zalo")
    phone.type("xin chào")
    phone.reads("trợ lý tự động")
    widths = {"phone": width(page)}
    Desk(stack, page, "giamsat")
    for path in ("/", f"/cases/{code}", "/attention", "/reports"):
        page.goto(stack.url("DESK_PORT", path))
        widths[path] = width(page)
    page.goto(stack.url("PORTAL_PORT"))
    widths["portal"] = width(page)
    assert {name: width for name, width in widths.items() if width > PHONE_SCREEN[0]} == {}


def test_the_watch_itself_notices_what_it_is_there_for(browser: Browser, stack: Stack) -> None:
    windows = Windows(browser)
    page = windows.open()
    with page.expect_event("requestfailed"):
        page.set_content('<script>console.error("a complaint")</script><img src="http://elsewhere.invalid/pixel.png">')
    with page.expect_event("pageerror"):
        page.evaluate("setTimeout(() => { throw new Error('a broken script') })")
    page.goto(stack.url("PORTAL_PORT", "/nothing-here"))
    windows.close()
    noticed = "\n".join(windows.wrong)
    for what in ("a complaint", "elsewhere.invalid", "a broken script", "status 404"):
        assert what in noticed
