"""The account stays connected: workers that die while they renew, alarms, and the way through the desk to Zalo."""

import base64
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from cases import officers
from cases.model import Unit
from cases.rulebook import Rulebook
from core import connections
from core.config import Config, load_config
from core.db import Database, open_database, reading, transaction
from core.model import ChannelConnection, ChannelToken
from core.vault import Vault
from desk.app import create_app
from tests.fakes import FakePlatform, Reply
from tests.support import Clock
from webhook.channels.base import TokenRejected
from webhook.channels.http import Http
from webhook.channels.zalo_token import CLAIM, TokenStore

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
PASSWORD = "mat-khau-thu-nghiem"
OA_ID = "2750918364027519384"
RENEWING = """
from datetime import UTC, datetime
from core.config import load_config
from core.db import open_database
from core.vault import Vault
from webhook.channels import build_tokens
config = load_config()
build_tokens(config, open_database(config.database_url), Vault(config.data_keys), detached=True).current()
"""


@pytest.fixture
def config(platform: FakePlatform) -> Config:
    return settings(platform.url)


def settings(url: str, **values: str) -> Config:
    names = ("ZALO_API_URL", "ZALO_OAUTH_URL", "MESSENGER_API_URL")
    return load_config({"TIEPDAN_DEMO": "1", **dict.fromkeys(names, url), **values}, Path("/nonexistent"))


def store(config: Config, database: Database, clock: Callable[[], datetime]) -> TokenStore:
    assert config.zalo is not None
    return TokenStore(database, Vault(config.data_keys), config.zalo, Http(config.zalo.oauth_url, 2.0), clock)


def token_row(database: Database) -> ChannelToken:
    with reading(database) as session:
        found = session.get_one(ChannelToken, "zalo")
        session.expunge_all()
        return found


def eventually(check: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def renewing_worker(file: Path, platform: FakePlatform) -> subprocess.Popen[bytes]:
    """A process of its own that renews the token once, with the database in `file`."""
    names = ("ZALO_API_URL", "ZALO_OAUTH_URL", "MESSENGER_API_URL")
    environment = {"PATH": os.environ["PATH"], "TIEPDAN_DEMO": "1", "DATABASE_URL": f"sqlite:///{file}"}
    environment |= dict.fromkeys(names, platform.url)
    return subprocess.Popen([sys.executable, "-c", RENEWING], env=environment, start_new_session=True)


def test_a_worker_is_killed_while_zalo_answers_and_the_account_is_lost(
    platform: FakePlatform, migrated_sqlite: Path, tmp_path: Path
) -> None:
    """SIGKILL after the refresh token is spent and before its successor is stored."""
    file = tmp_path / "test.db"
    shutil.copy(migrated_sqlite, file)
    answer = {"access_token": "a", "refresh_token": "r", "expires_in": "90000"}
    platform.script("/access_token", Reply(answer, delay=1.0))
    worker = renewing_worker(file, platform)
    eventually(lambda: bool(platform.calls))
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    database = open_database(f"sqlite:///{file}")
    eventually(lambda: token_row(database).access_token is not None)
    row = token_row(database)
    assert Vault(settings(platform.url).data_keys).unseal(row.refresh_token or b"") == "r"
    assert (row.spending_since, row.refreshing_until, row.failure) == (None, None, None)
    assert len(platform.calls) == 1
    database.engine.dispose()


def test_two_workers_renew_at_once_and_one_of_them_is_killed(
    platform: FakePlatform, migrated_sqlite: Path, tmp_path: Path
) -> None:
    file = tmp_path / "test.db"
    shutil.copy(migrated_sqlite, file)
    platform.script("/access_token", Reply({"access_token": "a", "refresh_token": "r"}, delay=1.0))
    workers = [renewing_worker(file, platform) for _ in range(2)]
    eventually(lambda: bool(platform.calls))
    os.killpg(workers[0].pid, signal.SIGKILL)
    assert workers[1].wait(20) == 0
    workers[0].wait()
    assert len(platform.calls) == 1


def test_a_renewal_without_a_known_end_is_tried_again_with_the_old_token(
    config: Config, database: Database, platform: FakePlatform, clock: Clock
) -> None:
    tokens = store(config, database, clock)
    tokens.current()
    tokens.reject("access-1")
    with transaction(database) as session:  # a machine without power: claimed, called, never stored
        row = session.get_one(ChannelToken, "zalo")
        row.spending_since, row.refreshing_until = clock(), clock() + CLAIM
    clock.advance(seconds=CLAIM.total_seconds() + 1)
    assert tokens.current() == "access-2"
    assert platform.calls[-1].raw.startswith(b"refresh_token=refresh-1&")
    assert token_row(database).spending_since is None


def test_when_the_line_is_broken_an_administrator_is_told_until_it_is_mended(
    config: Config, database: Database, platform: FakePlatform, clock: Clock
) -> None:
    tokens = store(config, database, clock)
    tokens.current()
    assert connections.alarm(token_row(database), clock()) == ""
    tokens.reject("access-1")
    platform.script("/access_token", *[Reply({"error": -14014})] * 4)
    for _ in range(2):
        with pytest.raises(TokenRejected):
            tokens.current()
        clock.advance(minutes=5)
    row = token_row(database)
    assert (row.failing_since, row.failure) == (clock() - timedelta(minutes=10), "oauth_-14014")
    assert connections.alarm(row, clock()) == "cannot_renew"
    tokens.current()
    assert connections.alarm(token_row(database), clock()) == ""


def test_a_token_near_its_end_that_nobody_renews_is_an_alarm(config: Config, database: Database, clock: Clock) -> None:
    store(config, database, clock).current()
    assert connections.alarm(token_row(database), clock() + timedelta(hours=24)) == ""
    assert connections.alarm(token_row(database), clock() + timedelta(hours=24, minutes=30)) == "not_renewed"
    assert connections.alarm(None, clock()) == "not_connected"


def test_tokens_are_renewed_before_their_end_also_when_nobody_writes(
    config: Config, database: Database, platform: FakePlatform, clock: Clock
) -> None:
    tokens = store(config, database, clock)
    tokens.keep()
    tokens.keep()
    assert len(platform.calls) == 1
    clock.advance(hours=24)
    tokens.keep()
    assert len(platform.calls) == 2


def test_a_failing_renewal_is_not_hammered(
    config: Config, database: Database, platform: FakePlatform, clock: Clock
) -> None:
    platform.script("/access_token", *[Reply({"error": -14014})] * 9)
    tokens = store(config, database, clock)
    for _ in range(5):
        tokens.keep()
    assert len(platform.calls) == 1


def test_any_app_secret_of_the_list_may_be_the_one_zalo_knows(
    database: Database, platform: FakePlatform, clock: Clock
) -> None:
    config = settings(platform.url, ZALO_APP_SECRET="new,old")
    platform.script("/access_token", Reply({"error": -14004, "error_name": "Invalid secret key"}))
    store(config, database, clock).current()
    assert [call.headers["secret_key"] for call in platform.calls] == ["new", "old"]


def test_keys_are_rotated_without_losing_the_account(
    config: Config, database: Database, platform: FakePlatform, clock: Clock
) -> None:
    store(config, database, clock).current()
    rotated = replace(config, data_keys=("a-new-key", *config.data_keys))
    assert store(rotated, database, clock).current() == "access-1"
    clock.advance(hours=24)
    store(rotated, database, clock).keep()
    only_new = replace(config, data_keys=("a-new-key",))
    assert store(only_new, database, clock).current() == "access-2"


# Connecting through the desk.


def test_the_challenge_is_the_one_of_the_reference() -> None:
    verifier = "pa-bot-verifier-0123456789-abcdefghijklmnop"
    assert connections.challenge_of(verifier) == "EAusxm5OQ-64IMMG8ZBFb9avadUMI6PDtqf2_kFiveM"


class Office:
    """A desk with one administrator and one officer."""

    def __init__(self, config: Config, database: Database, rulebook: Rulebook, clock: Clock) -> None:
        settings = replace(rulebook.settings, factor_for_administrators=False)
        self.app = create_app(config, database, replace(rulebook, settings=settings), clock)
        with transaction(database) as session:
            unit = {"scheme": "city", "code": "01", "kind": "city", "name": "Thành phố", "slug": "ha_noi"}
            session.add(Unit(id="city:01", lat=21.0, lon=105.8, **unit))
            session.flush()
            for username, role in (("quantri", "administrator"), ("canbo", "officer"), ("quantri2", "administrator")):
                officers.create_officer(session, username, username, role, "city:01", PASSWORD, clock())

    def log_in(self, username: str) -> FlaskClient:
        client = self.app.test_client()
        page = client.get("/login").text
        token = page.split('name="csrf_token" value="')[1].split('"')[0]
        form = {"csrf_token": token, "username": username, "password": PASSWORD}
        assert client.post("/login", data=form).status_code == 302
        return client


@pytest.fixture
def office(config: Config, database: Database, rulebook: Rulebook, clock: Clock) -> Office:
    return Office(config, database, rulebook, clock)


def set_out(client: FlaskClient) -> dict[str, str]:
    """Press the button; what the link to Zalo carries."""
    token = client.get("/password").text.split('name="csrf_token" value="')[1].split('"')[0]
    page = client.post("/channels/zalo", data={"csrf_token": token}).text
    link = page.split('class="btn btn-primary" href="')[1].split('"')[0].replace("&amp;", "&")
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}


def test_an_administrator_connects_the_account(
    office: Office, config: Config, database: Database, platform: FakePlatform, clock: Clock
) -> None:
    client = office.log_in("quantri")
    assert "Chưa kết nối" in client.get("/channels").text
    asked = set_out(client)
    assert (asked["app_id"], asked["redirect_uri"]) == (
        "1847362950174826395",
        "http://localhost/channels/zalo/connected",
    )
    back = client.get("/channels/zalo/connected", query_string={"code": "c-1", "oa_id": OA_ID, "state": asked["state"]})
    assert back.status_code == 302
    store(config, database, clock).keep()
    form = parse_qs(platform.calls[0].raw.decode())
    assert (form["code"], form["grant_type"], form["app_id"]) == (["c-1"], ["authorization_code"], [asked["app_id"]])
    digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
    assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == asked["code_challenge"]
    assert Vault(config.data_keys).unseal(token_row(database).refresh_token or b"") == "refresh-1"
    assert "Đang kết nối tốt" in client.get("/channels").text
    store(config, database, clock).keep()
    assert len(platform.calls) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"state": "guessed"}, "không còn hiệu lực"),
        ({"oa_id": "1"}, "không phải Official Account"),
        ({"code": ""}, "không trả về mã"),
    ],
)
def test_somebody_connects_an_account_of_their_own(
    change: dict[str, str], said: str, office: Office, database: Database, clock: Clock
) -> None:
    client = office.log_in("quantri")
    asked = set_out(client)
    answer = {"code": "c-1", "oa_id": OA_ID, "state": asked["state"], **change}
    assert said in client.get("/channels/zalo/connected", query_string=answer, follow_redirects=True).text
    assert codes(database) == []


def test_a_code_is_brought_twice_late_or_by_another_administrator(
    office: Office, database: Database, clock: Clock
) -> None:
    client, other = office.log_in("quantri"), office.log_in("quantri2")
    answer = {"code": "c-1", "oa_id": OA_ID, "state": set_out(client)["state"]}
    other.get("/channels/zalo/connected", query_string=answer)
    assert codes(database) == []
    client.get("/channels/zalo/connected", query_string=answer)
    client.get("/channels/zalo/connected", query_string={**answer, "code": "c-2"})
    assert len(codes(database)) == 1
    late = {**answer, "state": set_out(client)["state"]}
    clock.advance(minutes=11)
    client.get("/channels/zalo/connected", query_string=late)
    assert len(codes(database)) == 1


def test_an_officer_connects_an_account_or_reads_of_it(office: Office) -> None:
    client = office.log_in("canbo")
    assert client.get("/channels").status_code == 403
    assert client.get("/channels/zalo/connected?code=x&state=y").status_code == 403
    token = client.get("/password").text.split('name="csrf_token" value="')[1].split('"')[0]
    assert client.post("/channels/zalo", data={"csrf_token": token}).status_code == 403


def test_neither_code_nor_verifier_lies_open_in_the_database(
    office: Office, config: Config, database: Database, platform: FakePlatform, clock: Clock
) -> None:
    client = office.log_in("quantri")
    state = set_out(client)["state"]
    client.get("/channels/zalo/connected", query_string={"code": "c-secret", "oa_id": OA_ID, "state": state})
    with reading(database) as session:
        row = session.scalars(select(ChannelConnection)).one()
        assert b"c-secret" not in (row.code or b"")
        assert state not in row.state


def test_a_refused_code_is_said_on_the_page(
    office: Office, config: Config, database: Database, platform: FakePlatform, clock: Clock
) -> None:
    client = office.log_in("quantri")
    state = set_out(client)["state"]
    client.get("/channels/zalo/connected", query_string={"code": "c-1", "oa_id": OA_ID, "state": state})
    platform.script("/access_token", *[Reply({"error": -14014})] * 2)
    store(config, database, clock).keep()
    assert "oauth_-14014" in client.get("/channels").text


def codes(database: Database) -> list[bytes]:
    with reading(database) as session:
        return list(session.scalars(select(ChannelConnection.code).where(ChannelConnection.code.is_not(None))))
