"""The officers' desk through HTTP: what an officer gets done, and the harm that each boundary keeps out."""

import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from cases import attempts, consents, officers
from cases.corrections import corrections
from cases.model import Case, CaseEvent, Officer, Unit
from cases.rulebook import Rulebook, load_rulebook
from cases.service import Draft, open_case
from core import outbox
from core.config import Config
from core.db import Database, open_database, reading, transaction
from core.model import Attachment, Conversation, Inbound, Outbound
from desk import auth
from desk.app import create_app
from tests.offices import path_of
from tests.support import migrate

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)  # a Tuesday, 10:00 in Hà Nội
PASSWORD = "mat-khau-thu-nghiem"
SCRIPT = "<script>alert('x')</script>\nDòng hai & \"ngoặc\""
UNITS = (
    ("city:01", "city", "Thành phố Hà Nội", None),
    ("legacy:006", "area", "khu vực Đống Đa", "city:01"),
    ("legacy:005", "area", "khu vực Cầu Giấy", "city:01"),
    ("2025:00229", "ward", "Phường Kim Liên", "legacy:006"),
    ("2025:00199", "ward", "Phường Láng", "legacy:006"),
    ("2025:00166", "ward", "Phường Cầu Giấy", "legacy:005"),
)
PEOPLE = (
    ("dongda", "officer", "legacy:006"),
    ("kimlien", "officer", "2025:00229"),
    ("caugiay", "officer", "legacy:005"),
    ("giamsat", "supervisor", "legacy:006"),
    ("thanhpho", "officer", "city:01"),
    ("giamsattp", "supervisor", "city:01"),
    ("quantri", "administrator", "city:01"),
)


class Clock:
    """The time of a test, moved by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Desk:
    """A desk with units, officers and no cases, and the shortest words for what a test does with it."""

    app: Flask
    database: Database
    rulebook: Rulebook
    clock: Clock
    config: Config
    filed: int = 0

    def visitor(self) -> FlaskClient:
        return self.app.test_client()

    def log_in(self, username: str, password: str = PASSWORD) -> FlaskClient:
        client = self.visitor()
        assert self.try_login(client, username, password).status_code == 302
        return client

    def try_login(self, client: FlaskClient, username: str, password: str, **data: str) -> TestResponse:
        form = {"csrf_token": token_in(client.get("/login")), "username": username, "password": password, **data}
        return client.post("/login", data=form)

    def file(self, *, ward: str | None = "2025:00229", area: str | None = "legacy:006", **values: Any) -> str:
        """A new case with its own conversation; returns the code."""
        self.filed += 1
        with transaction(self.database) as session:
            conversation = Conversation(channel="zalo", user_id=f"u{self.filed}", created_at=self.clock.now)
            session.add(conversation)
            session.flush()
            chosen = {"category": "waste", "description": "Rác chưa thu gom ba ngày", **values}
            draft = Draft(conversation.id, ward_id=ward, area_id=area, **without(chosen, "said", "is_demo"))
            case = open_case(session, self.rulebook, draft, f"turn:{self.filed}:0", self.clock.now)
            case.is_demo = bool(values.get("is_demo"))
            session.add(self.inbound(conversation.id, values.get("said", draft.description)))
            session.flush()
            return case.code

    def inbound(self, conversation_id: int, text: str, kind: str = "text") -> Inbound:
        self.filed += 1
        return Inbound(
            channel="zalo",
            external_id=f"m{self.filed}",
            conversation_id=conversation_id,
            kind=kind,
            text=text,
            sent_at=self.clock.now,
            received_at=self.clock.now,
        )

    def case(self, code: str) -> Case:
        with reading(self.database) as session:
            found = session.scalars(select(Case).where(Case.code == code)).one()
            session.expunge_all()
            return found

    def events(self, code: str) -> list[str]:
        with reading(self.database) as session:
            query = select(CaseEvent.kind).join(Case, Case.id == CaseEvent.case_id).where(Case.code == code)
            return list(session.scalars(query.order_by(CaseEvent.id)))

    def outbound_texts(self) -> list[str]:
        with reading(self.database) as session:
            return list(session.scalars(select(Outbound.text).order_by(Outbound.id)))

    def officer(self, username: str, change: Callable[[Officer], object]) -> None:
        with transaction(self.database) as session:
            change(session.scalars(select(Officer).where(Officer.username == username)).one())

    def wait_for_a_person(self, attention: str = "ask_human") -> int:
        with transaction(self.database) as session:
            conversation = Conversation(
                channel="zalo", user_id="lost", created_at=NOW, attention=attention, attention_at=self.clock.now
            )
            session.add(conversation)
            session.flush()
            session.add(self.inbound(conversation.id, "cho tôi gặp cán bộ"))
            return conversation.id


def without(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in names}


def token_in(response: TestResponse) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', response.text)
    assert found, response.text
    return found[1]


def post(client: FlaskClient, path: str, **data: object) -> TestResponse:
    """Post a form the way a page of the desk does, with the token of the session."""
    return client.post(path, data={"csrf_token": token_in(client.get("/password")), **data})


def move(client: FlaskClient, code: str, name: str, version: int, text: str = "", **data: str) -> TestResponse:
    """Press the button of a move; a closing that is warned about is sent a second time, as an officer may."""
    form = {"version": version, "text": text, **data}
    if name == "resolve":
        form.setdefault("excuse", "Việc không để lại dấu vết")
    answer = post(client, f"/cases/{code}/{name}", **form)
    accepted = re.search(r'name="accepted" value="([^"]+)"', answer.text)
    return post(client, f"/cases/{code}/{name}", **form, accepted=accepted[1]) if accepted else answer


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return load_rulebook()


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with units and officers, made once because password hashes are slow on purpose."""
    file = tmp_path_factory.mktemp("desk") / "seed.db"
    database = open_database(f"sqlite:///{file}")
    migrate(database)
    with transaction(database) as session:
        for unit_id, kind, name, parent in UNITS:
            scheme, code = unit_id.split(":")
            values = {"scheme": scheme, "code": code, "slug": code, "lat": 21.0, "lon": 105.8}
            session.add(Unit(id=unit_id, kind=kind, name=name, parent_id=parent, **values))
            session.flush()
        for username, role, unit in PEOPLE:
            # The administrator is a demo account here, which needs no second factor; test_administration has real ones.
            demo = role == "administrator"
            officers.create_officer(session, username, f"Cán bộ {username}", role, unit, PASSWORD, NOW, is_demo=demo)
    database.engine.dispose()
    return file


@pytest.fixture
def desk(tmp_path: Path, seeded: Path, rulebook: Rulebook) -> Iterator[Desk]:
    shutil.copy(seeded, tmp_path / "desk.db")
    database = open_database(f"sqlite:///{tmp_path / 'desk.db'}")
    config = Config(
        database_url="",
        rasa_urls=(),
        actions_port=1,
        webhook_port=1,
        desk_port=1,
        portal_port=1,
        simulator_port=1,
        metrics_port=8060,
        var_dir=tmp_path,
        secret_keys=("test-secret",),
        data_keys=("test-data-key",),
        public_url="http://127.0.0.1:8070",
        demo=False,
    )
    clock = Clock()
    yield Desk(create_app(config, database, rulebook, clock), database, rulebook, clock, config)
    database.engine.dispose()


# What officers get done.


def test_a_district_officer_works_the_whole_area_and_nothing_else(desk: Desk) -> None:
    in_area = desk.file(ward=None)
    in_ward = desk.file(ward="2025:00199")
    on_its_ground = desk.file(ward="2025:00166", area="legacy:006")  # the ward lies across the old border
    elsewhere = desk.file(ward="2025:00166", area="legacy:005")
    page = desk.log_in("dongda").get("/").text
    assert all(code in page for code in (in_area, in_ward, on_its_ground))
    assert elsewhere not in page


def test_a_ward_officer_sees_the_ward_only(desk: Desk) -> None:
    mine, neighbours = desk.file(ward="2025:00229"), desk.file(ward="2025:00199")
    page = desk.log_in("kimlien").get("/").text
    assert mine in page
    assert neighbours not in page


@pytest.mark.parametrize(
    ("name", "kinds", "said"),
    [
        ("reply", ["opened", "taken", "replied"], "trả lời hồ sơ"),
        ("ask", ["opened", "taken", "asked"], "cần hỏi thêm"),
        ("resolve", ["opened", "taken", "resolved", "closed_with_doubts"], "đã xử lý xong"),
    ],
)
def test_a_move_is_one_event_and_one_message(desk: Desk, name: str, kinds: list[str], said: str) -> None:
    code = desk.file()
    answer = move(desk.log_in("dongda"), code, name, 1, "Đội vệ sinh đến lúc 15 giờ.")
    assert (answer.status_code, answer.location) == (302, f"/cases/{code}")
    assert desk.events(code) == kinds
    [text] = desk.outbound_texts()
    assert said in text
    assert "Đội vệ sinh đến lúc 15 giờ." in text


def test_a_case_is_taken_resolved_and_reopened(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("kimlien")
    move(client, code, "take", 1)
    move(client, code, "resolve", 2, "Đã dọn.")
    move(client, code, "reopen", 3, "Rác lại đầy.")
    assert desk.events(code) == ["opened", "taken", "resolved", "closed_with_doubts", "reopened"]
    assert "Mở lại hồ sơ" in client.get(f"/cases/{code}").text


def test_a_transfer_out_of_sight_leads_back_to_the_queue(desk: Desk) -> None:
    code, client = desk.file(ward=None, area=None), desk.log_in("thanhpho")
    assert move(client, code, "transfer", 1, "Thuộc địa bàn", unit_id="2025:00166").location == f"/cases/{code}"
    ward_code, ward = desk.file(), desk.log_in("kimlien")
    answer = move(ward, ward_code, "transfer", 1, "Thuộc phường Láng", unit_id="2025:00199")
    assert answer.location == "/"
    assert ward_code in ward.get("/").text  # the flash names it
    assert ward.get(f"/cases/{ward_code}").status_code == 404


def test_a_corrected_category_is_recorded_and_taught(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("kimlien")

    def correct(category: str, version: int) -> TestResponse:
        return post(client, f"/cases/{code}/category", category=category, version=version)

    assert correct("noise", 1).status_code == 302
    assert correct("waste", 1).status_code == 409
    assert correct("không có", 2).status_code == 422
    page = client.get(f"/cases/{code}").text
    assert "Sửa lĩnh vực" in page and "Rác" in page and "Tiếng ồn" in page
    with reading(desk.database) as session:
        assert corrections(session) == [], "the citizen has not agreed to that"
    with transaction(desk.database) as session:
        conversation = session.scalars(select(Case.conversation_id)).one()
        consents.answer(session, conversation, consents.Purpose.TRAINING, 1, NOW, given=True)
    with reading(desk.database) as session:
        assert [found.category for found in corrections(session)] == ["noise"]
    stranger = desk.log_in("caugiay")
    assert post(stranger, f"/cases/{code}/category", category="waste", version=2).status_code == 404


def test_filters_live_in_the_address(desk: Desk) -> None:
    waste, noise = desk.file(), desk.file(category="noise", description="Loa kéo 100% công suất", ward="2025:00199")
    client = desk.log_in("dongda")
    move(client, noise, "take", 1)
    for address, shown in {
        "/?category=noise": noise,
        "/?unit=2025:00229": waste,
        "/?text=100%25": noise,
        f"/?text={waste}": waste,
        "/?mine=1": noise,
        "/?status=new": waste,
    }.items():
        page = client.get(address, headers={"HX-Request": "true"}).text
        assert [code for code in (waste, noise) if code in page] == [shown], address
    assert client.get("/?page=999&status=nothing&text=%00").status_code == 200


def test_the_queue_is_paged_and_keeps_its_filter(desk: Desk) -> None:
    codes = [desk.file() for _ in range(51)]
    client = desk.log_in("dongda")
    first = client.get("/?category=waste").text
    found = re.search(r'rel="next" href="(/\?category=waste&amp;after=[^"]+)"', first)
    assert found
    second = client.get(found[1].replace("&amp;", "&")).text
    assert sum(code in first for code in codes) == 50
    assert [code for code in codes if code in second] == [code for code in codes if code not in first]
    assert client.get("/?after=9.9.9").status_code == client.get("/?after=x.1.99999999999999").status_code == 200


def test_deadlines_are_marked(desk: Desk) -> None:
    code = desk.file()
    assert "hạn</span>" not in desk.log_in("dongda").get("/").text
    desk.clock.now = desk.case(code).due_at - timedelta(minutes=5)
    client = desk.log_in("dongda")
    page = client.get("/").text
    assert "sắp đến hạn</span>" in page
    assert "quá hạn tiếp nhận</span>" in page
    desk.clock.now = desk.case(code).due_at + timedelta(minutes=1)
    assert "quá hạn</span>" in client.get("/").text
    move(client, code, "ask", 1, "Xin số nhà?")
    assert "tạm dừng tính hạn</span>" in client.get("/").text


def test_htmx_gets_the_table_only_and_is_told_when_the_session_is_over(desk: Desk) -> None:
    desk.file()
    asks = {"HX-Request": "true"}
    assert "<html" not in desk.log_in("dongda").get("/", headers=asks).text
    answer = desk.visitor().get("/", headers=asks)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/login")


def test_units_are_found_without_accents(desk: Desk) -> None:
    code = desk.file()
    client = desk.log_in("dongda")
    found = client.get(f"/cases/{code}/units?unit_text=cau giay", headers={"HX-Request": "true"}).text
    assert "Phường Cầu Giấy" in found
    assert "Khu vực Cầu Giấy" in found
    assert "Láng" not in found
    found = client.get(f"/cases/{code}/units?unit_text=quan cau", headers={"HX-Request": "true"}).text
    assert found.count("<option") == 1


def test_undelivered_answers_and_attachments_are_said_on_the_case(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    move(client, code, "reply", 1, "Đã nhận.")
    with transaction(desk.database) as session:
        outbox.dead(session.scalars(select(Outbound)).one(), "user_left")
        for status in ("waiting", "failed"):
            session.add(Attachment(inbound_id=1, kind="image", url="", status=status, next_at=NOW))
    page = client.get(f"/cases/{code}").text
    assert "không gửi được cho người dân" in page
    assert "đang được tải về" in page
    assert "không tải về được" in page


def test_stored_pictures_are_served_through_the_gate_of_the_case(desk: Desk) -> None:
    code, other = desk.file(), desk.file(ward="2025:00166", area="legacy:005")
    (desk.config.var_dir / "media").mkdir()
    (desk.config.var_dir / "media" / "picture").write_bytes(b"\xff\xd8jpeg")
    with transaction(desk.database) as session:
        ours, theirs = session.scalars(select(Inbound.id).order_by(Inbound.id)).all()
        for inbound_id, mime in ((ours, "image/jpeg"), (ours, "text/html"), (theirs, "image/jpeg")):
            stored = {"status": "stored", "stored_name": "picture", "mime": mime, "next_at": NOW}
            session.add(Attachment(inbound_id=inbound_id, kind="image", url="", **stored))
            session.flush()
    client = desk.log_in("dongda")
    assert f'src="/cases/{code}/media/1"' in client.get(f"/cases/{code}").text
    picture, page = client.get(f"/cases/{code}/media/1"), client.get(f"/cases/{code}/media/2")
    assert (picture.status_code, picture.mimetype, picture.data) == (200, "image/jpeg", b"\xff\xd8jpeg")
    assert picture.headers["X-Content-Type-Options"] == "nosniff"
    assert page.mimetype == "application/octet-stream"
    assert page.headers["Content-Disposition"].startswith("attachment")
    assert client.get(f"/cases/{code}/media/3").status_code == 404  # another conversation's picture
    assert client.get(f"/cases/{other}/media/3").status_code == 404
    for response in (picture, page):
        response.close()


def test_a_conversation_without_a_case_is_answered_once_and_closed(desk: Desk) -> None:
    conversation_id = desk.wait_for_a_person()
    client = desk.log_in("thanhpho")
    assert f"/attention/{conversation_id}" in client.get("/attention").text
    page = client.get(f"/attention/{conversation_id}")
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    seen = re.search(r'name="seen" value="([^"]+)"', page.text)
    assert found and seen
    for _ in range(2):
        post(client, f"/attention/{conversation_id}/reply", text="Xin chào, tôi nghe.", token=found[1])
    [text] = desk.outbound_texts()
    assert "Xin chào, tôi nghe." in text
    stale = post(client, f"/attention/{conversation_id}/close", seen="2020-01-01T00:00:00+00:00")
    assert stale.location == f"/attention/{conversation_id}"
    assert post(client, f"/attention/{conversation_id}/close", seen=seen[1]).location == "/attention"
    assert client.get(f"/attention/{conversation_id}").status_code == 404


def test_an_administrator_sends_a_dead_letter_again(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("quantri")
    move(client, code, "reply", 1, "Đã nhận.")
    with transaction(desk.database) as session:
        outbox.dead(session.scalars(select(Outbound)).one(), "window_closed")
    page = client.get("/dead-letters").text
    assert "window_closed" in page
    assert code in page
    post(client, "/dead-letters/1/retry")
    assert "window_closed" not in client.get("/dead-letters").text
    with reading(desk.database) as session:
        assert session.scalars(select(Outbound.status)).one() == "waiting"


def test_health_says_when_the_database_is_away(desk: Desk, tmp_path: Path) -> None:
    client = desk.visitor()
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
    gone = open_database(f"sqlite:///{tmp_path / 'gone.db'}")
    (tmp_path / "gone.db").mkdir()
    lost = create_app(desk.config, gone, desk.rulebook, desk.clock).test_client()
    assert lost.get("/healthz").status_code == 200
    assert lost.get("/readyz").status_code == 503


# Harm: what is seen or done by who may not.


def test_a_visitor_opens_any_page_without_logging_in(desk: Desk) -> None:
    code = desk.file()
    tried = 0
    for rule in desk.app.url_map.iter_rules():
        if rule.endpoint in auth.OPEN_TO_ALL:
            continue
        path = path_of(desk.app, rule, code=code)
        for method in rule.methods or ():
            answer = desk.visitor().open(path, method=method, data={"text": "x"} if method == "POST" else None)
            assert answer.status_code in {302, 401}, (method, path)
            assert answer.status_code == 401 or answer.location.startswith("/login"), (method, path)
            assert "Rác chưa thu gom" not in answer.text
            tried += 1
    assert tried > 20
    assert desk.visitor().get("/no-such-page").status_code == 302
    assert desk.events(code) == ["opened"]


def test_the_list_of_open_doors_is_short(desk: Desk) -> None:
    doors = {"auth.show_login", "auth.login", "factor.show_code", "factor.check_code"}
    doors |= {"reset.show_form", "reset.set_password", "static", "health.healthz", "health.readyz"}
    assert auth.OPEN_TO_ALL == doors


@pytest.mark.parametrize("name", ["take", "reply", "ask", "transfer", "resolve", "reopen"])
def test_an_officer_works_on_another_districts_case(desk: Desk, name: str) -> None:
    code = desk.file(ward="2025:00166", area="legacy:005")
    client = desk.log_in("dongda")
    answer = move(client, code, name, 1, "Xin chào", unit_id="2025:00229")
    assert answer.status_code == 404
    assert desk.events(code) == ["opened"]
    assert desk.case(code).unit_id == "2025:00166"
    assert desk.outbound_texts() == []


def test_an_officer_learns_whether_a_code_exists(desk: Desk) -> None:
    """Not yours and not there are the same page to the byte, on every path under a case."""
    theirs, nowhere = desk.file(ward="2025:00166", area="legacy:005"), "PA-100-000-006"
    client = desk.log_in("dongda")
    for path in ("", "/units", "/media/1"):
        answers = [client.get(f"/cases/{code}{path}") for code in (theirs, nowhere)]
        assert [answer.status_code for answer in answers] == [404, 404]
        tokens = [re.sub(r'value="[^"]+"', "", answer.text) for answer in answers]
        assert tokens[0] == tokens[1]
    assert client.get("/cases/%00").status_code == 404


@pytest.mark.parametrize("name", ["take", "reply", "ask", "transfer", "resolve", "reopen"])
def test_a_supervisor_acts_on_a_case(desk: Desk, name: str) -> None:
    code, client = desk.file(), desk.log_in("giamsat")
    page = client.get(f"/cases/{code}").text
    assert "Gửi trả lời" not in page
    answer = move(client, code, name, 1, "Xin chào", unit_id="2025:00199")
    assert answer.status_code == 403
    assert "không có quyền" in answer.text
    assert desk.events(code) == ["opened"]


@pytest.mark.parametrize(
    ("username", "path", "allowed"),
    [
        ("dongda", "/reports", False),
        ("dongda", "/reports/cases?measure=received", False),
        ("dongda", "/reports/months", False),
        ("dongda", "/exports", False),
        ("giamsat", "/exports", True),
        ("giamsat", "/exports/log", False),
        ("quantri", "/exports/log", True),
        ("giamsat", "/reports", True),
        ("quantri", "/reports", True),
        ("dongda", "/attention", False),
        ("giamsat", "/attention", False),
        ("giamsattp", "/attention", True),
        ("thanhpho", "/attention", True),
        ("quantri", "/attention", True),
        ("thanhpho", "/dead-letters", False),
        ("giamsattp", "/dead-letters", False),
        ("quantri", "/dead-letters", True),
    ],
)
def test_somebody_opens_a_page_of_another_role(desk: Desk, username: str, path: str, allowed: bool) -> None:
    assert desk.log_in(username).get(path).status_code == (200 if allowed else 403)


def test_somebody_reads_a_conversation_that_does_not_wait_for_a_person(desk: Desk) -> None:
    code = desk.file()
    conversation_id = desk.case(code).conversation_id
    assert desk.log_in("thanhpho").get(f"/attention/{conversation_id}").status_code == 404
    waiting = desk.wait_for_a_person()
    assert desk.log_in("dongda").get(f"/attention/{waiting}").status_code == 403


def test_a_city_supervisor_answers_or_closes_a_conversation(desk: Desk) -> None:
    waiting = desk.wait_for_a_person()
    client = desk.log_in("giamsattp")
    assert post(client, f"/attention/{waiting}/reply", text="x", token="t").status_code == 403
    assert post(client, f"/attention/{waiting}/close", seen="").status_code == 403
    assert desk.outbound_texts() == []


# Harm: getting in, staying in.


def test_somebody_posts_from_another_site(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    for sent in ({}, {"csrf_token": "wrong"}, {"csrf_token": token_in(desk.visitor().get("/login"))}):
        answer = client.post(f"/cases/{code}/reply", data={"version": 1, "text": "Tin chưa gửi", **sent})
        assert answer.status_code == 400
        assert "Tin chưa gửi" in answer.text  # and an officer whose page was too old keeps the words
    assert desk.visitor().post("/login", data={"username": "dongda", "password": PASSWORD}).status_code == 400
    assert desk.events(code) == ["opened"]


def test_a_session_that_was_planted_before_login_is_worth_something_after_it(desk: Desk) -> None:
    victim = desk.visitor()
    planted_token = token_in(victim.get("/login"))
    planted = victim.get_cookie("tiepdan_desk")
    assert planted is not None
    desk.try_login(victim, "dongda", PASSWORD)
    attacker = desk.visitor()
    attacker.set_cookie("tiepdan_desk", planted.value)
    assert attacker.get("/").status_code == 302
    forged = victim.post("/logout", data={"csrf_token": planted_token})
    assert forged.status_code == 400


@pytest.mark.parametrize("change", [officers.deactivate, officers.end_sessions], ids=["deactivated", "sessions ended"])
def test_an_officer_keeps_access_after_being_shut_out(desk: Desk, change: Callable[[Officer], object]) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    desk.officer("dongda", change)
    assert client.get(f"/cases/{code}").status_code == 302


def test_a_deactivated_officer_logs_in(desk: Desk) -> None:
    desk.officer("dongda", officers.deactivate)
    assert desk.try_login(desk.visitor(), "dongda", PASSWORD).status_code == 401


def test_a_copied_cookie_works_after_logout(desk: Desk) -> None:
    client, thief = desk.log_in("dongda"), desk.visitor()
    cookie = client.get_cookie("tiepdan_desk")
    assert cookie is not None
    thief.set_cookie("tiepdan_desk", cookie.value)
    assert thief.get("/").status_code == 200
    assert client.get("/logout").status_code == 405
    assert post(client, "/logout").status_code == 302
    assert thief.get("/").status_code == client.get("/").status_code == 302


def test_a_session_outlives_the_working_day(desk: Desk) -> None:
    client = desk.log_in("dongda")
    desk.clock.now = NOW + timedelta(hours=11, minutes=59)
    assert client.get("/").status_code == 200
    desk.clock.now = NOW + timedelta(hours=12, minutes=1)
    assert client.get("/").status_code == 302


def test_words_are_lost_when_the_session_ends_while_writing(desk: Desk) -> None:
    code = desk.file()
    answer = desk.visitor().post(f"/cases/{code}/reply", data={"text": "<b>Đã dọn xong</b>"})
    assert answer.status_code == 401
    assert "&lt;b&gt;Đã dọn xong&lt;/b&gt;" in answer.text
    assert code not in answer.text


def test_somebody_guesses_passwords(desk: Desk) -> None:
    for _ in range(5):
        assert desk.try_login(desk.visitor(), "dongda", "sai mật khẩu").status_code == 401
    assert desk.try_login(desk.visitor(), "dongda", PASSWORD).status_code == 401  # even the right one
    assert desk.try_login(desk.visitor(), "kimlien", PASSWORD).status_code == 302
    desk.clock.now = NOW + timedelta(minutes=15, seconds=1)
    assert desk.try_login(desk.visitor(), "dongda", PASSWORD).status_code == 302


def test_somebody_guesses_passwords_in_parallel(desk: Desk) -> None:
    clients = [desk.visitor() for _ in range(8)]
    with transaction(desk.database) as session:
        begun = [officers.begin_login(session, "dongda", NOW) for _ in clients]
    assert sum(login.officer_id is not None for login in begun) == officers.LOCK_AFTER


def test_somebody_tries_one_password_on_many_names(desk: Desk) -> None:
    for number in range(auth.WRONG_LOGINS_OF_AN_ADDRESS):
        with transaction(desk.database) as session:
            name = attempts.subject("desk-address", "127.0.0.1", desk.config.secret_keys[0])
            attempts.note(session, [name], NOW + timedelta(microseconds=number))
    assert desk.try_login(desk.visitor(), "dongda", PASSWORD).status_code == 401
    desk.clock.now = NOW + timedelta(minutes=16)
    assert desk.try_login(desk.visitor(), "dongda", PASSWORD).status_code == 302


def test_right_logins_of_a_whole_office_lock_its_address(desk: Desk) -> None:
    for _ in range(3):
        desk.log_in("dongda")
    with reading(desk.database) as session:
        assert session.scalar(select(func.count(attempts.Attempt.id))) == 0


def test_the_answer_tells_whether_a_user_name_exists(desk: Desk) -> None:
    """Unknown, wrong, closed and locked answer alike; each compares one password and writes one try."""
    desk.officer("giamsat", officers.deactivate)
    desk.officer("caugiay", lambda officer: setattr(officer, "locked_until", NOW + timedelta(minutes=5)))
    pages, tries = set(), []
    for name in ("nobody", "dongda", "giamsat", "caugiay"):
        answer = desk.try_login(desk.visitor(), name, "sai mật khẩu")
        page = answer.text.replace(name, "")
        pages.add((answer.status_code, re.sub(r'name="csrf_token" value="[^"]+"', "", page)))
        with reading(desk.database) as session:
            tries.append(session.scalar(select(func.count(attempts.Attempt.id))))
    assert len(pages) == 1
    assert tries == [1, 2, 3, 4]
    with transaction(desk.database) as session:
        begun = {name: officers.begin_login(session, name, NOW) for name in ("nobody", "dongda", "giamsat", "caugiay")}
    costs = {login.password_hash.rsplit("$", 2)[0] for login in begun.values()}
    assert len(costs) == 1
    assert not officers.password_fits(begun["nobody"], "nobody has this password")


def test_login_leads_to_another_site(desk: Desk) -> None:
    for wanted in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\tx"):
        answer = desk.try_login(desk.visitor(), "dongda", PASSWORD, next=wanted)
        assert answer.location == "/", wanted
    assert desk.try_login(desk.visitor(), "dongda", PASSWORD, next="/cases/X?a=1").location == "/cases/X?a=1"


def test_a_short_or_unproved_password_is_set(desk: Desk) -> None:
    client = desk.log_in("dongda")
    for current, new, again in (
        ("sai", "mat-khau-moi-dai", "mat-khau-moi-dai"),
        (PASSWORD, "ngan", "ngan"),
        (PASSWORD, "mat-khau-moi-dai", "mat-khau-khac"),
    ):
        assert post(client, "/password", current=current, new=new, again=again).status_code == 422
    other = desk.log_in("dongda")
    good = {"current": PASSWORD, "new": "mat-khau-moi-dai", "again": "mat-khau-moi-dai"}
    assert post(client, "/password", **good).status_code == 302
    assert client.get("/").status_code == 200
    assert other.get("/").status_code == 302
    assert desk.try_login(desk.visitor(), "dongda", PASSWORD).status_code == 401
    desk.log_in("dongda", "mat-khau-moi-dai")


def test_cookies_are_readable_by_scripts_or_sent_in_the_clear(desk: Desk) -> None:
    secure = replace(desk.config, public_url="https://tiepdan.example.vn")
    app = create_app(secure, desk.database, desk.rulebook, desk.clock)
    cookie = app.test_client().get("/login").headers["Set-Cookie"]
    assert cookie.startswith("tiepdan_desk=")
    assert all(flag in cookie for flag in ("Secure", "HttpOnly", "SameSite=Lax"))
    assert "Secure" not in desk.visitor().get("/login").headers["Set-Cookie"]  # loopback without TLS must work


def test_sessions_are_lost_when_the_secret_is_rotated_or_shared_with_the_portal(desk: Desk) -> None:
    client = desk.log_in("dongda")
    cookie = client.get_cookie("tiepdan_desk")
    assert cookie is not None
    rotated = replace(desk.config, secret_keys=("newer-secret", "test-secret"))
    fresh = create_app(rotated, desk.database, desk.rulebook, desk.clock).test_client()
    fresh.set_cookie("tiepdan_desk", cookie.value)
    assert fresh.get("/").status_code == 200
    assert desk.app.config["SECRET_KEY"] != desk.config.secret_keys[0]


# Harm: through what people write.


def test_a_citizens_words_run_as_code_on_the_desk(desk: Desk) -> None:
    code = desk.file(description=SCRIPT, address="<img src=x onerror=alert(1)>", said=SCRIPT)
    client = desk.log_in("dongda")
    for page in (client.get("/").text, client.get(f"/cases/{code}").text, client.get("/?text=<b>").text):
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert 'value="<b>"' not in page
    shown = client.get(f"/cases/{code}").text
    assert shown.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\nDòng hai &amp; &#34;ngoặc&#34;</div>") == 2


def test_pages_may_run_or_load_what_is_not_ours(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    for path in ("/login", "/", f"/cases/{code}"):
        answer = client.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cache-Control"] == "no-store"
        assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", answer.text)
        assert not re.search(r"<script(?![^>]*src=)|\son\w+=|\sstyle=", answer.text)


@pytest.mark.parametrize(
    ("name", "text", "unit", "problem"),
    [
        ("reply", "   ", "", "Xin nhập nội dung"),
        ("reply", "x" * 1501, "", "dài quá 1500"),
        ("resolve", "", "", "Xin nhập nội dung"),
        ("transfer", "", "2025:00199", "Xin nhập nội dung"),
        ("transfer", "Lý do", "", "Chưa chọn được đơn vị"),
        ("transfer", "Lý do", "2025:99999", "Chưa chọn được đơn vị"),
        ("transfer", "Lý do", "2025:00229", "Chưa chọn được đơn vị"),
        ("reopen", "Lý do", "", "không còn ở trạng thái cho phép"),
    ],
)
def test_a_wrong_form_changes_something_or_loses_words(
    desk: Desk, name: str, text: str, unit: str, problem: str
) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    answer = move(client, code, name, 1, text, unit_id=unit)
    assert answer.status_code in {409, 422}
    assert problem in answer.text
    assert text.strip() in answer.text
    assert desk.events(code) == ["opened"]
    assert desk.outbound_texts() == []


def test_the_longest_allowed_answer_is_refused_because_of_line_ends(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    text = "\r\n".join(["x" * 149] * 10)  # 1,499 characters as typed, more as the browser sends them
    assert move(client, code, "reply", 1, text).status_code == 302
    assert text.replace("\r\n", "\n") in desk.outbound_texts()[0]


def test_a_stale_page_overwrites_a_colleagues_work(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    move(desk.log_in("kimlien"), code, "reply", 1, "Chiều nay có xe.")
    answer = move(client, code, "reply", 1, "Mai có xe.")
    assert answer.status_code == 409
    assert "Hồ sơ đã thay đổi" in answer.text
    assert "Mai có xe." in answer.text
    assert 'name="version" value="2"' in answer.text
    assert len(desk.outbound_texts()) == 1
    for version in ("", "-1", "x", "99999999999999999999"):
        assert post(client, f"/cases/{code}/reply", version=version, text="Mai có xe.").status_code == 409
    assert len(desk.outbound_texts()) == 1


def test_a_double_press_sends_two_answers(desk: Desk) -> None:
    code, client = desk.file(), desk.log_in("dongda")
    answers = [move(client, code, "reply", 1, "Chiều nay có xe.") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]  # the second is told it is done
    assert desk.events(code) == ["opened", "taken", "replied"]
    assert len(desk.outbound_texts()) == 1


def test_two_officers_answer_at_the_same_moment(desk: Desk) -> None:
    code = desk.file()
    clients = [desk.log_in(name) for name in ("dongda", "kimlien")]
    tokens = [token_in(client.get("/password")) for client in clients]
    codes: list[int] = []

    def press(client: FlaskClient, token: str) -> None:
        form = {"csrf_token": token, "version": 1, "text": f"Trả lời {token[-4:]}"}
        codes.append(client.post(f"/cases/{code}/reply", data=form).status_code)

    threads = [threading.Thread(target=press, args=pair) for pair in zip(clients, tokens, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [302, 409]
    assert len(desk.outbound_texts()) == 1


def test_an_event_is_kept_without_its_message(desk: Desk) -> None:
    """Reply and message are one transaction: when the message cannot be written, nothing happened."""
    code = desk.file()
    broken = replace(desk.rulebook, words=replace(desk.rulebook.words, notices={}))
    app = create_app(desk.config, desk.database, broken, desk.clock)
    other = Desk(app, desk.database, broken, desk.clock, desk.config)
    client = other.log_in("dongda")
    answer = move(client, code, "reply", 1, "Chiều nay có xe.")
    assert answer.status_code == 500
    assert "Hệ thống gặp lỗi" in answer.text
    assert desk.events(code) == ["opened"]
    assert desk.case(code).version == 1


def test_what_people_wrote_reaches_the_log(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    code = desk.file(description="bí mật của dân")
    with caplog.at_level("INFO"):
        client = desk.log_in("dongda")
        desk.try_login(desk.visitor(), "dongda", "mat-khau-go-nham")
        move(client, code, "reply", 1, "câu trả lời riêng")
    logged = " ".join(str(vars(record)) for record in caplog.records)
    assert "officer_id" in logged
    assert not any(word in logged for word in ("bí mật của dân", "câu trả lời riêng", "mat-khau", "dongda"))


def test_an_account_is_made_twice_or_with_a_weak_password(desk: Desk) -> None:
    with transaction(desk.database) as session:
        for name, password, unit, error in (
            ("DongDa ", PASSWORD, "city:01", officers.UsernameTakenError),
            ("moi", "ngan", "city:01", officers.PasswordTooShortError),
            ("moi", PASSWORD, "2025:99999", officers.OfficerError),
            ("moi", PASSWORD, "city:01", ValueError),
        ):
            role = "king" if error is ValueError else "officer"
            with pytest.raises(error):
                officers.create_officer(session, name, "Tên", role, unit, password, NOW)
        assert session.scalar(select(func.count(Officer.id))) == len(PEOPLE)
