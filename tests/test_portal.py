"""The public status page through HTTP: what a citizen reads, and what nobody else may learn or guess."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from cases import officers, service
from cases.attempts import Attempt
from cases.codes import parse_code, secret_word
from cases.model import Case
from cases.rulebook import Rulebook
from cases.service import Draft, open_case
from core.config import Config
from core.db import Base, Database, open_database, reading, transaction
from core.model import Conversation
from desk.app import create_app as create_desk
from portal.app import create_app
from tests.pages import config_for, token_in
from tests.support import add_units

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
UNKNOWN = "PA-100-000-006"


@dataclass
class Portal:
    """A portal with one case that an officer has answered and passed on."""

    app: Flask
    database: Database
    config: Config
    code: str
    now: datetime = NOW

    def ask(self, code: str, word: str, client: FlaskClient | None = None, address: str = "10.0.0.1") -> TestResponse:
        client = client or self.app.test_client()
        form = {"csrf_token": token_in(client.get("/")), "code": code, "word": word}
        return client.post("/", data=form, environ_base={"REMOTE_ADDR": address})

    def tries(self) -> int:
        with reading(self.database) as session:
            return session.scalar(select(func.count(Attempt.id))) or 0

    @property
    def word(self) -> str:
        return secret_word(self.code, b"test-data-key")


@pytest.fixture
def portal(tmp_path: Path, rulebook: Rulebook) -> Iterator[Portal]:
    database = open_database(f"sqlite:///{tmp_path / 'portal.db'}")
    Base.metadata.create_all(database.engine)
    config = config_for(tmp_path)
    made = Portal(Flask(__name__), database, config, answered_case(database, rulebook))
    made.app = create_app(config, database, rulebook, lambda: made.now)
    yield made
    database.engine.dispose()


def answered_case(database: Database, rulebook: Rulebook) -> str:
    with transaction(database) as session:
        add_units(session)
        officer = officers.create_officer(
            session, "kimlien", "Trần Văn Minh", "officer", "2025:00229", "mat-khau-thu-nghiem", NOW
        )
        conversation = Conversation(channel="zalo", user_id="u1", created_at=NOW)
        session.add(conversation)
        session.flush()
        draft = Draft(conversation.id, "waste", "Nhà ông Tư đổ trộm", "số 5 ngõ 10", "2025:00229", "legacy:006")
        case = open_case(session, rulebook, draft, "turn:1:0", NOW)
        service.reply(session, rulebook, case, officer, "<b>Chiều nay</b> có xe.", NOW)
        service.transfer(session, rulebook, case, officer, "2025:00199", "Ghi chú giữa hai phường", NOW)
        return case.code


def test_a_citizen_reads_state_unit_deadline_and_answers(portal: Portal) -> None:
    page = portal.ask(portal.code, portal.word).text
    for words in ("Chờ tiếp nhận", "Phường Láng", "Hạn xử lý", "&lt;b&gt;Chiều nay&lt;/b&gt; có xe.", "Chuyển đơn vị"):
        assert words in page


@pytest.mark.parametrize("style", [str.upper, lambda text: text.replace(" ", ""), lambda text: f"  {text} "])
def test_code_and_word_are_read_however_they_are_typed(portal: Portal, style: object) -> None:
    assert callable(style)
    assert portal.ask(style(portal.code.replace("-", " ")), style(portal.word)).status_code == 200


def test_the_code_of_the_receipts_link_is_filled_in(portal: Portal) -> None:
    client = portal.app.test_client()
    assert f'value="{portal.code}"' in client.get(f"/?ma={portal.code.replace('-', '')}").text
    assert "<script>" not in client.get("/?ma=<script>").text


def test_a_mistyped_code_is_said_and_not_counted(portal: Portal) -> None:
    answer = portal.ask(portal.code[:-1] + str((int(portal.code[-1]) + 1) % 10), portal.word)
    assert answer.status_code == 422
    assert "chưa đúng dạng" in answer.text
    assert portal.tries() == 0


def test_the_privacy_notice_is_open_to_all(portal: Portal) -> None:
    page = portal.app.test_client().get("/privacy").text
    assert "91/2025/QH15" in page
    assert "Dự thảo" in page


def test_the_page_shows_what_is_nobodys_business(portal: Portal) -> None:
    page = portal.ask(portal.code, portal.word).text
    for words in ("ông Tư", "ngõ 10", "Trần Văn Minh", "Ghi chú giữa hai phường", "Rác"):
        assert words not in page


def test_a_case_opens_by_its_code_alone_or_with_anothers_word(portal: Portal) -> None:
    other = secret_word(UNKNOWN, b"test-data-key")
    rotated = secret_word(portal.code, b"some-other-key")
    for word in ("", other, rotated, portal.code):
        answer = portal.ask(portal.code, word)
        assert answer.status_code == 403
        assert "Phường" not in answer.text


def test_the_word_of_an_old_key_is_refused_after_rotation(portal: Portal, rulebook: Rulebook) -> None:
    config = replace(portal.config, data_keys=("newer-key", "test-data-key"))
    portal.app = create_app(config, portal.database, rulebook, lambda: NOW)
    assert portal.ask(portal.code, portal.word).status_code == 200


def test_the_answer_tells_whether_a_code_exists(portal: Portal) -> None:
    """Even with the word that an unknown code would have; both are counted alike."""
    answers = {}
    for code, word in ((portal.code, "hoa sen 11"), (UNKNOWN, "hoa sen 11"), (UNKNOWN, secret_word(UNKNOWN, b"k"))):
        before = portal.tries()
        answer = portal.ask(code, word)
        page = re.sub(r'name="csrf_token" value="[^"]+"', "", answer.text).replace(code, "")
        answers[code, word] = (answer.status_code, page, portal.tries() - before)
    assert len(set(answers.values())) == 1


@pytest.mark.parametrize("code", ["theirs", UNKNOWN])
def test_somebody_guesses_the_word_of_one_code_from_many_addresses(portal: Portal, code: str) -> None:
    code = portal.code if code == "theirs" else code
    for number in range(10):
        assert portal.ask(code, f"sai {number}", address=f"10.0.0.{number}").status_code == 403
    blocked = portal.ask(code, portal.word, address="10.0.1.1")
    assert blocked.status_code == 429
    assert "15 phút" in blocked.text
    portal.now = NOW + timedelta(minutes=15, seconds=1)
    assert portal.ask(portal.code, portal.word).status_code == 200


def test_somebody_guesses_many_codes_from_one_address(portal: Portal) -> None:
    for code in valid_codes(10):
        assert portal.ask(code, "hoa sen 11").status_code == 403
    assert portal.ask(portal.code, portal.word).status_code == 429
    assert portal.ask(portal.code, portal.word, address="10.9.9.9").status_code == 200


def valid_codes(count: int) -> list[str]:
    """Codes that pass the check digit and belong to nobody."""
    numbers = range(200_000_000, 200_000_000 + 10 * count)
    return [code for number in numbers if (code := parse_code(str(number)))][:count]


def test_right_answers_use_up_the_tries(portal: Portal) -> None:
    for _ in range(12):
        assert portal.ask(portal.code, portal.word).status_code == 200
    assert portal.tries() == 0


def test_the_table_of_tries_tells_who_asked_for_what(portal: Portal) -> None:
    portal.ask(portal.code, "sai")
    with reading(portal.database) as session:
        rows = [vars(row) for row in session.scalars(select(Attempt))]
    assert len(rows) == 2
    assert not any(secret in str(rows) for secret in (portal.code, "10.0.0.1", portal.code.replace("-", "")))


def test_old_tries_are_kept_for_ever(portal: Portal) -> None:
    portal.ask(portal.code, "sai")
    portal.now = NOW + timedelta(hours=1)
    portal.ask(UNKNOWN, "sai")
    assert portal.tries() == 2


def test_another_site_asks_in_the_name_of_a_visitor(portal: Portal) -> None:
    client = portal.app.test_client()
    for form in ({}, {"csrf_token": "x"}):
        answer = client.post("/", data={"code": portal.code, "word": portal.word, **form})
        assert answer.status_code == 400
        assert "Phường" not in answer.text


def test_the_page_may_run_scripts_or_be_kept_by_the_browser(portal: Portal) -> None:
    client = portal.app.test_client()
    for answer in (client.get("/"), portal.ask(portal.code, portal.word), client.get("/nowhere")):
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "script-src" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "<script" not in answer.text
    cookie = client.get("/").headers.get("Set-Cookie", "") or portal.app.test_client().get("/").headers["Set-Cookie"]
    assert cookie.startswith("tiepdan_portal=")


def test_a_session_of_the_portal_is_signed_with_the_desks_secret(portal: Portal, rulebook: Rulebook) -> None:
    desk = create_desk(portal.config, portal.database, rulebook, lambda: NOW)
    keys = {portal.app.config["SECRET_KEY"], desk.config["SECRET_KEY"], portal.config.secret_keys[0]}
    assert len(keys) == 3


def test_health_says_when_the_database_is_away(portal: Portal, rulebook: Rulebook, tmp_path: Path) -> None:
    client = portal.app.test_client()
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
    gone = open_database(f"sqlite:///{tmp_path / 'gone.db'}")
    (tmp_path / "gone.db").mkdir()
    lost = create_app(portal.config, gone, rulebook, lambda: NOW).test_client()
    assert lost.get("/readyz").status_code == 503
    failed = lost.post("/", data={"csrf_token": token_in(lost.get("/")), "code": UNKNOWN, "word": "x"})
    assert failed.status_code == 500
    assert "Hệ thống đang gặp lỗi" in failed.text


def test_a_deadline_that_has_passed_is_hidden(portal: Portal) -> None:
    with reading(portal.database) as session:
        due = session.scalars(select(Case.due_at)).one()
    portal.now = due + timedelta(minutes=1)
    assert "Đã quá hạn" in portal.ask(portal.code, portal.word).text
