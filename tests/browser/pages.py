"""The windows, the citizen's phone and the officers' desk as a test's hands and eyes; used by `test_walk`."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, Response, expect

from tests.stack import PASSWORD, Stack

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 20_000  # milliseconds; an answer passes through four processes
DESK_SCREEN, PHONE_SCREEN = (1366, 768), (390, 844)
COMPLAINT = "Ngõ 12 Chùa Bộc, Đống Đa rác chất đống 3 ngày nay không ai dọn"
WARD = "Phường Kim Liên"
CODE = re.compile(r"PA-\d{3}-\d{3}-\d{3}")
OUR_HOST = "127.0.0.1"
BESIDE_THE_NETWORK = ("data", "blob", "about")
LOAD_FAILED = "Failed to load resource"  # Chromium's own line for a refused answer, seen as its status instead


@dataclass
class Windows:
    """Opens one private window per person and keeps what went wrong in any of them."""

    browser: Browser
    wrong: list[str] = field(default_factory=list)
    opened: list[BrowserContext] = field(default_factory=list)

    def open(self, screen: tuple[int, int] = DESK_SCREEN, *, javascript: bool = True, refused: int = 0) -> Page:
        """A new window; `refused` is the one error status that its person is meant to meet."""
        context = self.browser.new_context(
            viewport={"width": screen[0], "height": screen[1]}, locale="vi-VN", java_script_enabled=javascript
        )
        context.set_default_timeout(PATIENCE)
        context.on("request", self._asked)
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.wrong.append(f"script: {error.error}"))
        context.on("response", lambda answer: self._answered(answer, refused))
        self.opened.append(context)
        return context.new_page()

    def close(self) -> None:
        for context in self.opened:
            context.close()

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in BESIDE_THE_NETWORK and parts.hostname != OUR_HOST:
            self.wrong.append(f"foreign request: {request.url}")

    def _heard(self, line: ConsoleMessage) -> None:
        if line.type in ("error", "warning") and not line.text.startswith(LOAD_FAILED):
            self.wrong.append(f"console: {line.text}")

    def _answered(self, answer: Response, refused: int) -> None:
        if answer.status >= 400 and answer.status != refused:
            self.wrong.append(f"status {answer.status}: {answer.url}")


class Phone:
    """The simulator's page, used with fingers."""

    def __init__(self, stack: Stack, page: Page, channel: str) -> None:
        self.page = page
        page.goto(stack.url("SIMULATOR_PORT"))
        page.get_by_role("tab", name=channel).click()
        expect(page.locator("body")).to_have_attribute("data-channel", channel.lower())
        expect(page.locator("#person-id")).not_to_be_empty()
        self.messages = page.get_by_role("log")

    def type(self, text: str) -> None:
        self.page.get_by_role("textbox", name="Tin nhắn", exact=True).fill(text)
        self.page.keyboard.press("Enter")

    def tap(self, title: str) -> None:
        offered = self.page.locator("#messages button, #quick-replies button")
        offered.get_by_text(title, exact=True).last.click()

    def file_case(self) -> str:
        """Type the complaint, tap the ward, tap Gửi; returns the code the bot told."""
        self.type(COMPLAINT)
        self.tap(WARD)
        self.tap("Gửi")
        return found(CODE, self.reads("Mã hồ sơ"))

    def reads(self, text: str) -> str:
        """Wait until the page has said this; returns the whole screen."""
        expect(self.messages).to_contain_text(text)
        return self.messages.inner_text()


class Desk:
    """The desk in a window, as one officer."""

    def __init__(self, stack: Stack, page: Page, username: str) -> None:
        self.page = page
        self._home = stack.url("DESK_PORT")
        page.goto(self._home)
        page.get_by_label("Tên đăng nhập").fill(username)
        page.get_by_label("Mật khẩu").fill(PASSWORD)
        page.get_by_role("button", name="Đăng nhập").click()
        expect(page.get_by_role("link", name="Hồ sơ", exact=True)).to_be_visible()

    def search(self, code: str, status: str = "Đang mở") -> Locator:
        """Look for a case in the queue; returns its link, there or not."""
        self.page.goto(self._home)
        self.page.get_by_role("searchbox").fill(code)
        self.page.get_by_label("Trạng thái").select_option(label=status)
        self.page.get_by_role("button", name="Lọc", exact=True).click()
        self.page.wait_for_url(f"**text={code}**")
        return self.page.get_by_role("link", name=code, exact=True)

    def open_case(self, code: str, status: str = "Đang mở") -> None:
        self.search(code, status).click()
        expect(self.page.get_by_role("heading", name=code)).to_be_visible()

    def move(self, summary: str, text: str, button: str) -> None:
        """Unfold one of the moves, write and send; "Trả lời người dân" is unfolded already."""
        folded = self.page.locator("details[name=move]").filter(has=self.page.locator("summary", has_text=summary))
        if folded.get_attribute("open") is None:
            folded.locator("> summary").click()
        folded.locator("textarea").fill(text)
        folded.get_by_role("button", name=button).click()

    def state(self) -> Locator:
        return self.page.locator(".case-head .badge").first

    def conversation(self) -> Locator:
        return self.page.locator(".conversation")


def found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    assert match, f"{pattern.pattern} is not on the screen"
    return match[match.re.groups]


def width(page: Page) -> int:
    """How wide the page is, in pixels, whatever the window shows of it."""
    return int(page.evaluate("document.documentElement.scrollWidth"))
