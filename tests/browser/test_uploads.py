"""A file that is too large costs no officer their words: told before it goes, given back when it went all the same."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from desk.closing import UPLOAD_LIMIT
from tests.browser.pages import CHROMIUM, Windows
from tests.desk import PASSWORD, Desk
from tests.pages import served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"Chromium is not here: {CHROMIUM}"),
]
ANSWER = "Tổ vệ sinh đến lúc 16 giờ chiều nay."
FORMS = [("reply", "enclosure", "Gửi trả lời"), ("resolve", "proof", "Báo đã xử lý")]


@dataclass
class Seat:
    """An officer before one case."""

    desk: Desk
    page: Page
    code: str

    def write(self, move: str) -> None:
        panel = self.page.locator(f"#panel-{move}")
        if panel.get_attribute("open") is None:
            panel.locator("> summary").click()
        panel.locator("textarea").fill(ANSWER)

    def choose(self, field: str, name: str, size: int, folder: Path) -> None:
        file = folder / name
        with file.open("wb") as sparse:
            sparse.truncate(size)
        self.page.locator(f"#{field}").set_input_files(file)

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click()


@pytest.fixture
def seat(desk: Desk, windows: Windows) -> Iterator[Seat]:
    code = desk.file()
    with served(desk.app) as address:
        page = windows.open(refused=413)
        page.goto(f"{address}/login")
        page.get_by_label("Tên đăng nhập").fill("kimlien")
        page.get_by_label("Mật khẩu").fill(PASSWORD)
        page.get_by_role("button", name="Đăng nhập").click()
        page.goto(f"{address}/cases/{code}")
        yield Seat(desk, page, code)


@pytest.mark.parametrize(("move", "field", "button"), FORMS)
def test_a_file_too_large_is_told_before_anything_is_sent(
    seat: Seat, tmp_path: Path, move: str, field: str, button: str
) -> None:
    seat.write(move)
    seat.choose(field, "anh.jpg", 10 * 1024 * 1024 + 1, tmp_path)
    expect(seat.page.locator(f"#{field}-problem")).to_contain_text("lớn quá 10 MB")
    seat.press(button)
    assert seat.desk.events(seat.code) == ["opened"]
    expect(seat.page.locator(f"#text-{move}")).to_have_value(ANSWER)
    seat.choose(field, "khac.jpg", 1000, tmp_path)
    expect(seat.page.locator(f"#{field}-problem")).to_be_empty()


@pytest.mark.parametrize(("move", "field", "button"), FORMS)
def test_words_come_back_after_a_file_that_the_server_did_not_read(
    seat: Seat, tmp_path: Path, move: str, field: str, button: str
) -> None:
    seat.page.locator(f"#{field}").evaluate("field => delete field.dataset.most")
    seat.write(move)
    seat.choose(field, "anh.jpg", UPLOAD_LIMIT + 1, tmp_path)
    seat.press(button)
    expect(seat.page.get_by_role("heading", name="Tệp gửi kèm quá lớn")).to_be_visible()
    seat.page.get_by_role("link", name="Quay lại hồ sơ").click()
    expect(seat.page.locator(f"#text-{move}")).to_be_visible()
    expect(seat.page.locator(f"#text-{move}")).to_have_value(ANSWER)
    assert seat.desk.events(seat.code) == ["opened"]


def test_words_that_arrived_do_not_come_back(seat: Seat) -> None:
    seat.write("reply")
    seat.press("Gửi trả lời")
    expect(seat.page.get_by_role("status").first).to_contain_text("Đã ghi câu trả lời")
    seat.page.reload()
    expect(seat.page.locator("#text-reply")).to_have_value("")
