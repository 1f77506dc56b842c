"""What the gateway promises to platforms and citizens: nothing forged is kept, nothing genuine is lost."""

import fcntl
import json
import logging
import random
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from bench import hostile
from core.config import Config, load_config
from core.db import Base, Database, open_database, reading
from core.events import InboundEvent
from core.model import Attachment, Conversation, Inbound
from core.sealed import words_of
from core.spool import Spool
from core.vault import Vault
from tests.fakes import sign_messenger, sign_zalo
from tests.stack import until
from webhook.app import create_app
from webhook.channels import build_channels

pytestmark = pytest.mark.disable_socket

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PAYLOADS = Path(__file__).parent / "payloads"
ZALO_SECRET = "demo-zalo-oa-secret-key"
MESSENGER_SECRET = "demo-messenger-app-secret"
APP_ID = "1847362950174826395"


@dataclass(frozen=True)
class House:
    """A gateway over a database of its own."""

    config: Config
    database: Database
    spool: Spool
    client: FlaskClient

    def post(self, channel: str, raw: bytes, headers: dict[str, str] | None = None) -> int:
        """Deliver a body, signed as the platform does unless headers are given."""
        if headers is None:
            headers = (
                sign_zalo(raw, ZALO_SECRET, APP_ID) if channel == "zalo" else sign_messenger(raw, MESSENGER_SECRET)
            )
        return self.client.post(f"/webhooks/{channel}", data=raw, headers=headers).status_code

    def texts(self) -> list[str]:
        with reading(self.database) as session:
            return [self.told(row) for row in session.scalars(select(Inbound).order_by(Inbound.sent_at, Inbound.id))]

    def told(self, row: Inbound) -> str:
        assert row.text == "" and row.payload is None
        return words_of(Vault(self.config.data_keys), row).text

    def take_tables_away(self) -> None:
        """Every statement fails from now on, as when the database is away."""
        Base.metadata.drop_all(self.database.engine)

    def bring_tables_back(self) -> None:
        Base.metadata.create_all(self.database.engine)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    environ = {"TIEPDAN_DEMO": "1", "VAR_DIR": str(tmp_path / "var")}
    config = load_config(environ, Path("/nonexistent"))
    database = open_database(f"sqlite:///{tmp_path}/test.db")
    Base.metadata.create_all(database.engine)
    vault = Vault(config.data_keys)
    spool = Spool(config.var_dir / "spool", vault)
    channels = build_channels(config, database, vault, lambda: NOW)
    app = create_app(config, database, channels, spool, lambda: NOW)
    yield House(config, database, spool, app.test_client())
    database.engine.dispose()


def _zalo(text: str = "xin chào", number: int = 1) -> bytes:
    body = {
        "app_id": APP_ID,
        "sender": {"id": "6093184725501938472"},
        "recipient": {"id": "2750918364027519384"},
        "event_name": "user_send_text",
        "message": {"text": text, "msg_id": f"m{number}"},
        "timestamp": str(1795392000000 + number),
    }
    return json.dumps(body, ensure_ascii=False).encode()


def _sample(channel: str, name: str) -> bytes:
    body = json.loads((PAYLOADS / channel / f"{name}.json").read_text())["body"]
    return json.dumps(body, ensure_ascii=channel == "messenger").encode()


def test_a_message_brought_several_times_is_one_row(house: House) -> None:
    for channel, raw in (("zalo", _zalo()), ("messenger", _sample("messenger", "message_text"))):
        assert [house.post(channel, raw) for _ in range(3)] == [200] * 3
    assert len(house.texts()) == 2


def test_a_batch_is_stored_as_a_whole_for_each_citizen(house: House) -> None:
    assert house.post("messenger", _sample("messenger", "batch_two_entries")) == 200
    with reading(house.database) as session:
        joined = select(Conversation.user_id, Inbound).join_from(Inbound, Conversation)
        rows = session.execute(joined.order_by(Inbound.sent_at))
        found = [(user, house.told(row)) for user, row in rows]
    assert found == [
        ("7719203846550192", "tin thứ nhất"),
        ("6610284755019283", "tin của người khác"),
    ]


def test_a_picture_is_stored_with_its_address_and_its_caption(house: House) -> None:
    assert house.post("messenger", _sample("messenger", "message_images_multiple")) == 200
    with reading(house.database) as session:
        (inbound,) = session.scalars(select(Inbound)).all()
        assert (inbound.kind, house.told(inbound)) == ("media", "Hai tấm hình ổ gà")
        assert len(session.scalars(select(Attachment)).all()) == 2


@pytest.mark.parametrize(("channel", "status"), [("zalo", 200), ("messenger", 403)])
@pytest.mark.parametrize("value", [None, "mac=" + "0" * 64, "sha256=" + "0" * 64, "đ", ""])
def test_a_forged_message_is_not_stored(channel: str, status: int, value: str | None, house: House) -> None:
    raw = _zalo() if channel == "zalo" else _sample("messenger", "message_text")
    name = "X-ZEvent-Signature" if channel == "zalo" else "X-Hub-Signature-256"
    assert house.post(channel, raw, {} if value is None else {name: value}) == status
    genuine = sign_zalo(raw, ZALO_SECRET, APP_ID) if channel == "zalo" else sign_messenger(raw, MESSENGER_SECRET)
    assert house.post(channel, raw + b" ", genuine) == status
    assert house.texts() == []
    assert house.spool.is_empty()


@pytest.mark.parametrize(("channel", "status"), [("zalo", 200), ("messenger", 413)])
def test_a_body_of_two_megabytes_is_not_stored(channel: str, status: int, house: House) -> None:
    raw = _zalo("x" * 2_000_000) if channel == "zalo" else b'{"object":"page"}' + b" " * 2_000_000
    assert house.post(channel, raw) == status
    assert house.texts() == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not json",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b"[" * 200_000,
        b'{"timestamp":"1","app_id":"1847362950174826395","event_name":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        b'{"timestamp":"1","app_id":"1847362950174826395","event_name":"user_send_text"}',
    ],
    ids=["empty", "text", "bytes", "null", "list", "deep list", "deep object", "no sender"],
)
def test_nonsense_with_a_good_signature_is_acknowledged_and_ignored(raw: bytes, house: House) -> None:
    status = 404 if raw.startswith(b'{"timestamp":"1"') and len(raw) < 1000 else 200
    assert house.post("messenger", raw) == status
    signature = sign_zalo(raw, ZALO_SECRET, APP_ID) if raw.endswith(b'text"}') else {"X-ZEvent-Signature": "0" * 64}
    assert house.post("zalo", raw, signature) == 200
    assert house.texts() == []
    assert house.post("zalo", _zalo()) == 200
    assert house.texts() == ["xin chào"]


@pytest.mark.parametrize(
    "text",
    [
        "/restart",
        " /restart",
        '/report{"category": "waste"}',
        "\u00a0/restart\u3000",
        "<script>alert('x')</script> & <b>đậm</b>",
        "'; DROP TABLE inbounds; --",
        "Rác 😷🏽👨‍👩‍👧 ở chợ",
        "Đèn đươ\u0300ng (tổ hợp rời)",
        "  cách\n\tdòng  ",
        "%(text)s {text} :text ?",
    ],
)
def test_text_is_kept_exactly_as_written(text: str, house: House) -> None:
    assert house.post("zalo", _zalo(text)) == 200
    assert house.texts() == [text]


def test_what_no_database_can_hold_is_replaced_not_dropped(house: House) -> None:
    raw = _zalo("trước@sau").replace(b"@", b"\\u0000\\ud83d")
    assert house.post("zalo", raw) == 200
    assert house.texts() == ["trước\ufffd\ufffdsau"]


def test_what_is_not_from_a_citizen_is_acknowledged_with_a_reason_in_the_log(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for channel, name in (("zalo", "user_join_group"), ("messenger", "account_linking"), ("zalo", "remove_tag")):
        assert house.post(channel, _sample(channel, name)) == 200
    assert house.texts() == []
    reasons = [record.__dict__["reason"] for record in caplog.records if "reason" in record.__dict__]
    assert reasons == ["user_join_group", "account_linking", "remove_tag"]


def test_logs_hold_neither_words_nor_names_nor_phones_nor_secrets(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    house.post("zalo", _zalo("gọi 0912345678"))
    house.post("zalo", _sample("zalo", "user_submit_info"))
    house.post("zalo", _zalo("gọi 0912345678"), {"X-ZEvent-Signature": "mac=" + ZALO_SECRET})
    house.take_tables_away()
    house.post("zalo", _zalo("gọi 0912345678", 2))
    shutil.rmtree(house.config.var_dir)
    assert house.post("zalo", _zalo("gọi 0912345678", 3)) == 503
    assert caplog.records
    logged = "".join(str(record.__dict__) for record in caplog.records)
    for secret in ("0912345678", "84900000456", "Lê Thị Mẫu", "6093184725501938472", ZALO_SECRET):
        assert secret not in logged


def test_while_the_database_is_away_messages_wait_on_the_disk_and_arrive_later_in_order(house: House) -> None:
    house.take_tables_away()
    assert [house.post("zalo", _zalo(f"tin {n}", n)) for n in (1, 2)] == [200, 200]
    assert house.spool.size() == 2
    on_disk = b"".join(path.read_bytes() for path in (house.config.var_dir / "spool").iterdir())
    assert on_disk and b"tin" not in on_disk
    assert house.client.get("/readyz").text == "database away"
    house.bring_tables_back()
    assert house.post("zalo", _zalo("tin 3", 3)) == 200
    until(house.spool.is_empty, "the spool is drained", 10)
    assert house.texts() == ["tin 1", "tin 2", "tin 3"]
    assert house.post("zalo", _zalo("tin 1", 1)) == 200
    assert house.texts() == ["tin 1", "tin 2", "tin 3"]


def test_nothing_newer_overtakes_what_waits_on_the_disk(house: House) -> None:
    """A queue as it is after a long outage: what comes now waits behind it, and the platform does not."""
    for number in range(300):
        house.spool.append(InboundEvent("zalo", f"old{number}", "6093184725501938472", "text", NOW, text=f"{number}"))
    began = time.monotonic()
    assert house.post("zalo", _zalo("mới")) == 200
    assert time.monotonic() - began < 1
    until(house.spool.is_empty, "the spool is drained", 20)
    with reading(house.database) as session:
        texts = [house.told(row) for row in session.scalars(select(Inbound).order_by(Inbound.id))]
    assert texts == [*map(str, range(300)), "mới"]


def test_a_database_that_hangs_holds_no_platform_up(house: House) -> None:
    """Another process keeps the writers' lock: the disk takes the messages, and later they arrive."""
    assert house.database.lock_path is not None
    with house.database.lock_path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        began = time.monotonic()
        assert [house.post("zalo", _zalo(f"tin {n}", n)) for n in range(5)] == [200] * 5
        assert time.monotonic() - began < 2
        assert house.spool.size() == 5
    until(house.spool.is_empty, "the spool is drained", 10)
    assert house.texts() == [f"tin {n}" for n in range(5)]


def test_many_deliveries_at_once_are_each_stored_once(house: House) -> None:
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda n: house.post("zalo", _zalo(f"tin {n % 40}", n % 40)), range(120)))
    assert statuses == [200] * 120
    assert sorted(house.texts()) == sorted(f"tin {n}" for n in range(40))


def test_one_event_the_database_refuses_stops_neither_its_neighbours_nor_those_behind_it(house: House) -> None:
    """A kind longer than its column stands for whatever PostgreSQL refuses; SQLite is told to by a trigger."""
    with house.database.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON inbounds WHEN NEW.external_id = 'm1' "
            "BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
    words = ["trước", "bị từ chối", "sau"]
    assert [house.post("zalo", _zalo(text, number)) for number, text in enumerate(words)] == [200] * 3
    until(house.spool.is_empty, "the spool is drained", 10)
    assert house.texts() == ["trước", "sau"]
    assert house.spool.set_aside() == 1


def test_a_full_disk_says_so_and_takes_nothing_it_could_lose(house: House, tmp_path: Path) -> None:
    """More room is asked for than any disk has: messages pass while the database takes them, and are refused after."""
    full = Spool(tmp_path / "full", Vault(house.config.data_keys), reserve=2**62)
    channels = build_channels(house.config, house.database, Vault(house.config.data_keys), lambda: NOW)
    client = create_app(house.config, house.database, channels, full, lambda: NOW).test_client()
    other = House(house.config, house.database, full, client)
    assert other.post("zalo", _zalo("một", 1)) == 200
    assert (client.get("/readyz").status_code, client.get("/readyz").text) == (503, "disk full")
    house.take_tables_away()
    assert other.post("zalo", _zalo("hai", 2)) == 503
    assert list((tmp_path / "full").iterdir()) == []
    house.bring_tables_back()
    assert other.post("zalo", _zalo("hai", 2)) == 200


def test_when_neither_database_nor_disk_takes_a_message_the_platform_brings_it_again(house: House) -> None:
    house.take_tables_away()
    shutil.rmtree(house.config.var_dir)
    assert house.post("zalo", _zalo()) == 503
    house.bring_tables_back()
    assert house.post("zalo", _zalo()) == 200
    assert house.texts() == ["xin chào"]


def test_a_database_file_that_cannot_be_opened_is_away_too(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    database = open_database(f"sqlite:///{folder}/x.db")
    folder.rmdir()
    channels = build_channels(house.config, database, Vault(house.config.data_keys), lambda: NOW)
    client = create_app(house.config, database, channels, house.spool, lambda: NOW).test_client()
    other = House(house.config, database, house.spool, client)
    assert other.post("zalo", _zalo()) == 200
    assert house.spool.size() == 1
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503


def test_health_is_about_the_process_and_readiness_about_the_database(house: House) -> None:
    assert [house.client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]
    house.take_tables_away()
    assert [house.client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 503]


@pytest.mark.parametrize(
    ("path", "args", "status", "body"),
    [
        ("/webhooks/messenger", {"hub.verify_token": "demo-messenger-verify-token"}, 200, "1158201444"),
        ("/webhooks/messenger", {"hub.verify_token": "wrong"}, 403, ""),
        ("/webhooks/zalo", {"hub.verify_token": "demo-messenger-verify-token"}, 403, ""),
        ("/webhooks/viber", {}, 404, None),
    ],
)
def test_the_handshake(path: str, args: dict[str, str], status: int, body: str | None, house: House) -> None:
    answer = house.client.get(path, query_string={"hub.mode": "subscribe", "hub.challenge": "1158201444"} | args)
    assert answer.status_code == status
    assert body is None or (answer.text, answer.mimetype) == (body, "text/plain")


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_channel_that_is_not_configured_does_not_exist(method: str, house: House) -> None:
    client = create_app(house.config, house.database, {}, house.spool).test_client()
    answers: list[Any] = [getattr(client, method)(f"/webhooks/{name}") for name in ("zalo", "messenger", "x")]
    assert [answer.status_code for answer in answers] == [404] * 3


def test_only_the_file_zalo_asks_for_is_served(house: House) -> None:
    folder = house.config.var_dir / "verify"
    folder.mkdir()
    (folder / "zalo_verifierABC-1_x.html").write_text("mã xác minh")
    (folder / "secret.html").write_text("secret")
    (house.config.var_dir / "zalo_verifier.html").write_text("outside")
    answer = house.client.get("/zalo_verifierABC-1_x.html")
    assert (answer.status_code, answer.text, answer.mimetype) == (200, "mã xác minh", "text/html")
    answer.close()
    for path in (
        "secret.html",
        "zalo_verifier.html",
        "..%2Fzalo_verifier.html",
        "verify/zalo_verifierABC-1_x.html",
        "",
    ):
        assert house.client.get(f"/{path}").status_code == 404


def test_an_unexpected_error_is_answered_neutrally_so_that_the_event_comes_again(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """A clock that fails stands for every error nobody thought of."""

    def broken_clock() -> datetime:
        raise RuntimeError("số điện thoại 0912345678")

    channels = build_channels(house.config, house.database, Vault(house.config.data_keys), lambda: NOW)
    client = create_app(house.config, house.database, channels, house.spool, broken_clock).test_client()
    raw = _zalo()
    answer = client.post("/webhooks/zalo", data=raw, headers=sign_zalo(raw, ZALO_SECRET, APP_ID))
    assert (answer.status_code, answer.text) == (503, "")
    assert house.texts() == []
    assert house.post("zalo", raw) == 200


def test_six_hundred_hostile_bodies_crash_nothing_and_forge_nothing(house: House) -> None:
    """`python -m bench.hostile` sends 20,000 to a real gateway."""
    chance = random.Random(7)
    for webhook in hostile.forged(chance, 300):
        answer = house.client.post(webhook.path, data=webhook.body, headers=dict(webhook.headers))
        assert answer.status_code < 500
    assert house.texts() == []
    for webhook in hostile.signed(chance, 300):
        answer = house.client.post(webhook.path, data=webhook.body, headers=dict(webhook.headers))
        assert answer.status_code < 500
    assert house.texts()
    until(house.spool.is_empty, "the spool is drained", 10)
    assert house.spool.set_aside() == 0
