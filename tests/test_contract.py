"""The contract of every channel, in thirteen situations, over every sample the platforms have: HTTP in, rows out.

In: good, tampered, missing signature, batch, unknown, rotated secret. Out: time-out, 429, 5xx, 4xx, error in a 200,
no JSON, expired token. In none of them a secret or a word of a citizen reaches the logs. A new channel adds one line
to CHANNELS and a folder of samples.
"""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from core import arrivals, outbox
from core.config import Config, load_config
from core.db import Base, Database, open_database, reading, transaction
from core.events import SIGNALS, InboundEvent
from core.log import JsonFormatter
from core.model import Conversation, Inbound, Outbound, PlatformNotice
from core.spool import Spool
from core.vault import Vault
from tests.fakes import FakePlatform, Reply, sign_messenger, sign_zalo
from tests.support import VAULT
from webhook.app import create_app
from webhook.channels import build_channels
from webhook.deliver import Deliverer

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PAYLOADS = Path(__file__).parent / "payloads"
APP_ID = "1847362950174826395"
WORDS = "Nhà bà Hồng số 12 đổ rác, gọi 0912345678"


@dataclass(frozen=True)
class Contract:
    """What differs between channels."""

    name: str
    sign: Callable[[bytes, str], dict[str, str]]
    secret: str
    setting: str  # the name of the secret's setting
    refusal: int
    send_path: str
    user: str
    good: Callable[[Any], Reply]
    refused_in_200: Reply
    expired: Reply
    secrets: tuple[str, ...]  # nothing of these may be logged

    @property
    def bodies(self) -> list[tuple[str, Any, dict[str, Any]]]:
        files = sorted((PAYLOADS / self.name).glob("*.json"))
        assert files, "no samples, no contract"
        samples = [json.loads(file.read_text()) for file in files]
        return [(file.stem, sample["body"], sample) for file, sample in zip(files, samples, strict=True)]


CHANNELS = (
    Contract(
        name="zalo",
        sign=lambda raw, secret: sign_zalo(raw, secret, APP_ID),
        secret="demo-zalo-oa-secret-key",
        setting="ZALO_OA_SECRET_KEY",
        refusal=200,
        send_path="/v3.0/oa/message/cs",
        user="6093184725501938472",
        good=lambda _: Reply({"data": {"message_id": "m-1"}, "error": 0}),
        refused_in_200=Reply({"error": -201, "message": WORDS}),
        expired=Reply({"error": -216, "message": "Access token is invalid"}),
        secrets=("demo-zalo-oa-secret-key", "demo-zalo-app-secret", "access-1", "refresh-1", "demo-zalo-refresh-token"),
    ),
    Contract(
        name="messenger",
        sign=sign_messenger,
        secret="demo-messenger-app-secret",
        setting="MESSENGER_APP_SECRET",
        refusal=403,
        send_path="/v25.0/104882019374655/messages",
        user="7719203846550192",
        good=lambda _: Reply({"recipient_id": "x", "message_id": "m-1"}),
        refused_in_200=Reply({"error": {"code": 100, "message": WORDS}}),
        expired=Reply({"error": {"code": 190, "error_subcode": 463, "message": WORDS}}, 401),
        secrets=("demo-messenger-app-secret", "demo-messenger-page-token", "demo-messenger-verify-token"),
    ),
)


@dataclass
class House:
    """A gateway and a sender over one database, with everything they logged."""

    contract: Contract
    config: Config
    database: Database
    client: FlaskClient
    platform: FakePlatform
    caplog: pytest.LogCaptureFixture

    def raw(self, body: Any) -> bytes:
        return json.dumps(body, ensure_ascii=self.contract.name == "messenger", separators=(",", ":")).encode()

    def post(self, raw: bytes, headers: dict[str, str] | None = None) -> int:
        headers = self.contract.sign(raw, self.contract.secret) if headers is None else headers
        return self.client.post(f"/webhooks/{self.contract.name}", data=raw, headers=headers).status_code

    def counts(self) -> tuple[int, int, int]:
        with reading(self.database) as session:
            tables = (Inbound, Conversation, PlatformNotice)
            found = [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]
        return found[0], found[1], found[2]

    def send(self, text: str = WORDS) -> Outbound:
        """One message through the outbox; what its row says after one try."""
        with transaction(self.database) as session:
            event = InboundEvent(self.contract.name, "e-1", self.contract.user, "text", NOW, WORDS)
            arrivals.accept(session, [event], NOW, VAULT)
            conversation = session.scalars(select(Conversation)).one()
            outbox.enqueue(session, conversation.id, "turn:1:0", text, NOW, author="bot")
        channels = build_channels(self.config, self.database, Vault(self.config.data_keys), lambda: NOW)
        assert Deliverer(self.database, channels, lambda: NOW).step("host:0/send-0")
        with reading(self.database) as session:
            row = session.scalars(select(Outbound)).one()
            session.expunge_all()
            return row

    def assert_quiet(self, *more: str) -> None:
        """Neither in the lines that leave nor in the records behind them."""
        formatter = JsonFormatter()
        assert self.caplog.records
        said = "".join(formatter.format(record) + str(record.__dict__) for record in self.caplog.records)
        ours = (WORDS, "0912345678", *self.contract.secrets, *more)
        assert [secret for secret in ours if secret and secret in said] == []


@pytest.fixture(params=CHANNELS, ids=lambda contract: contract.name)
def house(request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[House]:
    contract: Contract = request.param
    for noisy in ("urllib3", "requests", "werkzeug"):  # as core.log.configure does
        caplog.set_level(logging.WARNING, noisy)
    caplog.set_level(logging.DEBUG)
    platform = FakePlatform()
    names = ("ZALO_API_URL", "ZALO_OAUTH_URL", "MESSENGER_API_URL")
    environ = {"TIEPDAN_DEMO": "1", "VAR_DIR": str(tmp_path), **dict.fromkeys(names, platform.url)}
    environ[contract.setting] = f"a-newer-secret,{contract.secret}"
    config = replace(load_config(environ, Path("/nonexistent")), send_timeout=0.3)
    database = open_database(f"sqlite:///{tmp_path}/test.db")
    Base.metadata.create_all(database.engine)
    vault = Vault(config.data_keys)
    channels = build_channels(config, database, vault, lambda: NOW)
    app = create_app(config, database, channels, Spool(tmp_path / "spool", vault), lambda: NOW)
    yield House(contract, config, database, app.test_client(), platform, caplog)
    platform.close()
    database.engine.dispose()


def texts_of(body: Any) -> list[str]:
    """Everything long enough in a sample that only the citizen or the platform could have said."""
    if isinstance(body, dict):
        return [text for key, value in body.items() for text in texts_of(value) if key not in {"event_name", "object"}]
    if isinstance(body, list):
        return [text for value in body for text in texts_of(value)]
    return [body] if isinstance(body, str) and " " in body and len(body) > 8 else []


def messages_in(sample: dict[str, Any]) -> list[Any]:
    return [event for event in sample["events"] if event["kind"] not in SIGNALS]


def test_good_each_sample_is_kept_once_however_often_it_comes(house: House) -> None:
    wanted, words = 0, []
    for _, body, sample in house.contract.bodies:
        raw = house.raw(body)
        assert [house.post(raw) for _ in range(2)] == [sample.get("status", 200)] * 2
        wanted += len(messages_in(sample))
        words += texts_of(body)
        assert house.counts()[0] == wanted
    house.assert_quiet(*words)


def test_tampered_nothing_is_kept(house: House) -> None:
    for _, body, _ in house.contract.bodies:
        raw = house.raw(body)
        signed = house.contract.sign(raw, house.contract.secret)
        assert house.post(raw + b" ", signed) == house.contract.refusal
        assert house.post(raw, house.contract.sign(raw, "somebody-elses-secret")) == house.contract.refusal
    assert house.counts() == (0, 0, 0)
    house.assert_quiet()


def test_missing_nothing_is_kept(house: House) -> None:
    for _, body, _ in house.contract.bodies:
        assert house.post(house.raw(body), {}) == house.contract.refusal
    assert house.counts() == (0, 0, 0)


def test_batch_everything_in_one_delivery_is_kept(house: House) -> None:
    """Messenger may put many entries into one body; Zalo sends one event a body, and lists only in receipts."""
    if house.contract.name == "zalo":
        raw = house.raw([body for _, body, _ in house.contract.bodies])
        assert house.post(raw, {"X-ZEvent-Signature": "mac=" + "0" * 64}) == 200
        assert house.counts() == (0, 0, 0)
        return
    pages = [(body, sample) for _, body, sample in house.contract.bodies if body["object"] == "page"]
    entries = [entry for body, _ in pages for entry in body["entry"]]
    assert house.post(house.raw({"object": "page", "entry": entries})) == 200
    ids = {event["external_id"] for _, sample in pages for event in messages_in(sample)}
    assert house.counts()[0] == len(ids)


def test_unknown_is_answered_counted_and_named_in_the_log(house: House) -> None:
    zalo = {"app_id": APP_ID, "event_name": "some_new_event_2027", "x": WORDS, "timestamp": "1795392050000"}
    item = {"sender": {"id": "7719203846550192"}, "recipient": {"id": "104882019374655"}, "timestamp": 1795392031000}
    entry = {"id": "104882019374655", "messaging": [{**item, "some_new_event_2027": {"x": WORDS}}]}
    body = zalo if house.contract.name == "zalo" else {"object": "page", "entry": [entry]}
    assert house.post(house.raw(body)) == 200
    assert house.counts() == (0, 0, 1)
    assert "some_new_event_2027" in {getattr(record, "reason", "") for record in house.caplog.records}
    house.assert_quiet()


def test_rotation_old_and_new_secret_are_both_good_and_no_third(house: House) -> None:
    body = next(body for _, body, sample in house.contract.bodies if len(messages_in(sample)) == 1)
    raw = house.raw(body)
    for secret in (house.contract.secret, "a-newer-secret"):
        assert house.post(raw, house.contract.sign(raw, secret)) == 200
    assert house.counts()[0] == 1
    assert house.post(raw, house.contract.sign(raw, "a-third-secret")) == house.contract.refusal
    house.assert_quiet("a-newer-secret")


def test_sent_a_good_answer_is_recorded(house: House) -> None:
    house.platform.script(house.contract.send_path, house.contract.good(None))
    row = house.send()
    assert (row.status, row.external_id, row.route, row.error) == ("sent", "m-1", "reply", None)
    house.assert_quiet()


FAULTS: tuple[tuple[str, Callable[[Contract], Reply], str, str], ...] = (
    ("time-out", lambda _: Reply({}, delay=0.8), "waiting", "timeout"),
    ("429", lambda _: Reply(WORDS.encode(), 429), "waiting", "http_429"),
    ("5xx", lambda _: Reply(WORDS.encode(), 503), "waiting", "http_503"),
    ("4xx", lambda _: Reply(WORDS.encode(), 400), "dead", "http_400"),
    ("error in 200", lambda contract: contract.refused_in_200, "dead", "_"),
    ("no JSON", lambda _: Reply(b"<html>" + WORDS.encode()), "waiting", "bad_json"),
)


@pytest.mark.parametrize(("reply", "status", "error"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_fault_of_the_platform_neither_loses_nor_repeats(
    house: House, reply: Callable[[Contract], Reply], status: str, error: str
) -> None:
    house.platform.script(house.contract.send_path, reply(house.contract))
    row = house.send()
    assert row.status == status
    assert error in (row.error or "")
    assert (row.next_at > NOW) is (status == "waiting")
    if error in {"timeout", "bad_json"}:  # whether it was taken is not known: time for the platform's echo
        assert row.next_at >= NOW + timedelta(seconds=10)
    assert len(house.platform.calls_to(house.contract.send_path)) == 1
    house.assert_quiet()


def test_expired_token_is_renewed_where_it_can_be_and_the_message_kept_where_not(house: House) -> None:
    house.platform.script(house.contract.send_path, house.contract.expired)
    row = house.send()
    if house.contract.name == "zalo":
        assert (row.status, len(house.platform.calls_to("/oa/access_token"))) == ("sent", 2)
    else:
        assert (row.status, row.error) == ("waiting", "graph_190_463")
    house.assert_quiet()
