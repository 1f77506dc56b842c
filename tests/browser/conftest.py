"""Chromium and its windows for the tests of this folder."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.pages import CHROMIUM, PATIENCE, Windows

QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
NOWHERE_ELSE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, NOWHERE_ELSE])
        yield chromium
        chromium.close()


@pytest.fixture
def windows(browser: Browser) -> Iterator[Windows]:
    """Every test ends by asking that no page complained and nothing left this machine."""
    windows = Windows(browser)
    yield windows
    windows.close()
    assert windows.wrong == []
