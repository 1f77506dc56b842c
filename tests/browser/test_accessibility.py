"""axe-core over every page of the desk and the portal, on a desk's screen and on a phone: no serious fault."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from sqlalchemy import select

from cases import attention
from cases.incident_model import Incident
from cases.kept import Kept
from cases.rulebook import Rulebook
from core.db import transaction
from core.model import Conversation, Outbound
from portal.app import create_app
from tests.browser.pages import CHROMIUM, DESK_SCREEN, PHONE_SCREEN, Windows, width
from tests.offices import PASSWORD, Office, furnish
from tests.pages import post, served
from tests.support import KIM_LIEN, Clock, SqliteHouse

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"Chromium is not here: {CHROMIUM}"),
]
# No pages: files, a redirect to the next case, health for machines, a platform's answer, and what only one link opens.
NO_PAGES = {
    "static", "health.healthz", "health.readyz", "media.show_case_media", "media.show_proof",
    "media.show_conversation_media", "media.show_joiner_media", "media.show_enclosure", "exports.fetch_file",
    "queue.show_next", "case.search_units", "connect.come_back", "auth.show_login", "factor.show_code", 
    "reset.show_form", "months.show_month",
}  # fmt: skip
GRAVE = {"serious", "critical"}


@dataclass
class Site:
    """The desk and the portal, served to a browser."""

    office: Office
    desk: str
    portal: str
    code: str
    conversation_id: int
    incident_id: int


@pytest.fixture
def site(sqlite_house: SqliteHouse, rulebook: Rulebook, tmp_path: Path) -> Iterator[Site]:
    """A city at work: open and answered cases, an incident with words, somebody waiting, a lost message."""
    clock, database = Clock(), sqlite_house.furnish()
    office = furnish(database, rulebook, clock, tmp_path)
    last_month = [office.file(category="noise") for _ in range(6)]
    clock.advance(days=31)
    codes = [office.file(address="số 5 ngõ 10 Chùa Bộc") for _ in range(6)]
    client = office.log_in("kimlien")
    post(client, f"/cases/{codes[0]}/take", version=office.case(codes[0]).version)
    post(client, f"/cases/{codes[0]}/reply", version=office.case(codes[0]).version, text="Tổ vệ sinh đến lúc 15 giờ ạ.")
    post(client, f"/cases/{codes[1]}/ask", version=office.case(codes[1]).version, text="Rác ở đầu ngõ nào ạ?")
    post(client, f"/cases/{codes[2]}/phone")
    with transaction(database) as session:
        waiting = Conversation(channel="zalo", user_id="lost", created_at=clock())
        session.add(waiting)
        session.flush()
        attention.call_attention(session, waiting.id, "ask_human", clock())
        lost = Outbound(key="lost", conversation_id=waiting.id, author="bot", text="x", status="dead", error="550")
        lost.next_at = lost.created_at = clock()
        session.add(lost)
        session.add(Kept(kind="setting", key="public_pages", data={"value": True}, version=1, changed_at=clock()))
        incident = session.scalars(select(Incident).where(Incident.category == "waste")).one()
        incident.status_text = "Xe thu gom hỏng, 16 giờ sẽ dọn."
        waiting_id, incident_id = waiting.id, incident.id
    assert last_month
    portal = create_app(office.config, database, rulebook, clock)
    with served(office.app) as desk_address, served(portal) as portal_address:
        yield Site(office, desk_address, portal_address, codes[0], waiting_id, incident_id)
    sqlite_house.clear()


def pages_of_the_desk(site: Site) -> dict[str, str]:
    """An address for every GET rule that shows a page."""
    known = {
        "code": site.code, "conversation_id": site.conversation_id, "incident_id": site.incident_id,
        "officer_id": site.office.ids["kimlien"], "unit_id": KIM_LIEN, "key": "bus", "kind": "faq",
    }  # fmt: skip
    found = {}
    for rule in site.office.app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint not in NO_PAGES:
            values = dict(known)
            if rule.endpoint == "admin_replies.show_reply":
                values["code"] = "new"
            wanted = {name: values[name] for name in rule.arguments}
            wanted |= {"measure": "open"} if rule.endpoint == "reports.show_cases" else {}
            found[rule.endpoint] = site.office.app.url_map.bind("x").build(rule.endpoint, wanted)
    return found


def log_in(site: Site, page: Page, seen: list[str]) -> None:
    """The administrator, by password and code; both doors are looked at on the way."""
    page.goto(f"{site.desk}/login")
    seen += faults(page, "login")
    page.get_by_label("Tên đăng nhập").fill("quantri")
    page.get_by_label("Mật khẩu").fill(PASSWORD)
    page.get_by_role("button", name="Đăng nhập").click()
    seen += faults(page, "code")
    site.office.clock.advance(seconds=30)
    page.get_by_label("Mã 6 chữ số hoặc mã dự phòng").fill(site.office.code())
    page.get_by_role("button", name="Vào bàn xử lý").click()
    page.wait_for_url(f"{site.desk}/")


def faults(page: Page, name: str) -> list[str]:
    """Grave faults of the page as it stands, and a page that is wider than its window."""
    results = Axe().run(page)
    found = [
        f"{name}: {fault['id']} at {fault['nodes'][0]['html'][:120]}"
        for fault in results.response["violations"]
        if fault["impact"] in GRAVE
    ]
    window = page.viewport_size
    if window and width(page) > window["width"]:
        found.append(f"{name}: {width(page)} wide in a window of {window['width']}")
    return found


@pytest.mark.parametrize("screen", [DESK_SCREEN, PHONE_SCREEN], ids=["desk", "phone"])
def test_no_page_has_a_grave_fault(site: Site, windows: Windows, screen: tuple[int, int]) -> None:
    page, seen = windows.open(screen), list[str]()
    log_in(site, page, seen)
    pages = pages_of_the_desk(site)
    assert len(pages) >= 28
    for name, path in pages.items():
        page.goto(f"{site.desk}{path}")
        seen += faults(page, name)
    link = post(site.office.log_in("quantri"), f"/admin/officers/{site.office.ids['lang']}/link").text
    token = link[link.index("/reset/") : link.index("</textarea>")]
    for address in (f"{site.desk}{token}", f"{site.portal}/", f"{site.portal}/privacy", f"{site.portal}/figures"):
        page.goto(address)
        seen += faults(page, address)
    assert not seen, "\n".join(seen)


def test_axe_notices_what_it_is_there_for(windows: Windows) -> None:
    page = windows.open()
    page.set_content(
        '<html lang="vi"><title>x</title><img src="data:,"><input type="text"><p style="color:#ccc">mờ</p>'
    )
    found = " ".join(faults(page, "bad"))
    assert all(fault in found for fault in ("image-alt", "label", "color-contrast"))
    page.set_content(f'<html lang="vi"><title>x</title><div style="width:{DESK_SCREEN[0] + 500}px">x</div>')
    assert "wide in a window" in " ".join(faults(page, "wide"))
