"""The contract every channel keeps, over the platforms' own payloads and over a real local server."""

import copy
import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cases.windows import Route
from core.config import Config, load_config
from core.db import Base, Database, open_database, transaction
from core.events import SIGNALS
from core.model import ChannelToken
from core.vault import Vault
from simulator import graph_rules, zalo_rules
from tests.fakes import FakePlatform, Reply, sign_messenger, sign_zalo
from webhook.channels import build_channels
from webhook.channels.base import (
    Blocked,
    Button,
    Channel,
    ChannelBusy,
    ChannelError,
    ChannelMisconfigured,
    ChannelUnavailable,
    MessageRefused,
    Outgoing,
    RecipientUnreachable,
    TokenRejected,
    WindowClosed,
)
from webhook.channels.body import MAX_BODY, MAX_DEPTH, MAX_TEXT
from webhook.channels.http import Http
from webhook.channels.parts import numbered, split
from webhook.channels.zalo_token import TokenStore

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PAYLOADS = Path(__file__).parent / "payloads"
FILES = sorted(PAYLOADS.glob("*/*.json"))
CITIZEN = "6093184725501938472"
SECRET_TEXT = "Nhà bà Hồng số 12 đổ rác, gọi 0912345678"
KINDS = {"text", "tap", "media", "location", "sticker", "other", "start"}


@dataclass(frozen=True)
class Case:
    """What differs between channels when they are put to the same tests."""

    name: str
    secret: str
    signature: str
    sign: Callable[[bytes, str], dict[str, str]]
    text_body: str  # the name of a payload file with one text
    rate_limit: Any
    refused: Any
    unreachable: Any
    send_path: str

    def raw(self, payload: str | None = None) -> bytes:
        body = json.loads((PAYLOADS / self.name / f"{payload or self.text_body}.json").read_text())["body"]
        return json.dumps(body, ensure_ascii=self.name == "messenger", separators=(",", ":")).encode()


APP_ID = "1847362950174826395"
CASES = (
    Case(
        name="zalo",
        secret="demo-zalo-oa-secret-key",
        signature="X-ZEvent-Signature",
        sign=lambda raw, secret: sign_zalo(raw, secret, APP_ID),
        text_body="user_send_text",
        rate_limit=Reply({"error": -32, "message": "rate limit"}),
        refused=Reply({"error": -201, "message": "user_id is invalid"}),
        unreachable=Reply({"error": -230, "message": "not interacted"}),
        send_path="/v3.0/oa/message/cs",
    ),
    Case(
        name="messenger",
        secret="demo-messenger-app-secret",
        signature="X-Hub-Signature-256",
        sign=sign_messenger,
        text_body="message_text",
        rate_limit=Reply({"error": {"code": 613, "message": "rate limit"}}, 400),
        refused=Reply({"error": {"code": 100, "message": "invalid"}}, 400),
        unreachable=Reply({"error": {"code": 551, "message": "not available"}}, 400),
        send_path="/v25.0/104882019374655/messages",
    ),
)


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def config(platform: FakePlatform) -> Config:
    return _config(platform.url)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/test.db")
    Base.metadata.create_all(opened.engine)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def channels(config: Config, database: Database) -> dict[str, Channel]:
    return build_channels(config, database, Vault(config.data_keys), lambda: NOW)


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Channel]:
    """Channels for parsing only: nothing is sent, nothing stored."""
    config = _config("http://127.0.0.1:9")
    url = f"sqlite:///{tmp_path_factory.mktemp('readers')}/unused.db"
    return build_channels(config, open_database(url), Vault(config.data_keys), lambda: NOW)


def _config(url: str) -> Config:
    names = ("ZALO_API_URL", "ZALO_OAUTH_URL", "MESSENGER_API_URL")
    config = load_config({"TIEPDAN_DEMO": "1"} | dict.fromkeys(names, url), Path("/nonexistent"))
    return replace(config, send_timeout=0.3)


def _message(text: str = SECRET_TEXT, **values: Any) -> Outgoing:
    defaults: dict[str, Any] = {
        "user_id": CITIZEN,
        "text": text,
        "buttons": (),
        "author": "bot",
        "key": "turn:1:0",
    }
    return Outgoing(**(defaults | values))


def _buttons(count: int, title: str = "Lựa chọn") -> tuple[Button, ...]:
    return tuple(Button(f"{title} {n}", f"#{n}.1f") for n in range(1, count + 1))


# What comes in


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_payload_is_signed_read_and_understood(file: Path, readers: dict[str, Channel]) -> None:
    case = next(case for case in CASES if case.name == file.parent.name)
    sample, raw = json.loads(file.read_text()), case.raw(file.stem)
    channel = readers[case.name]
    assert channel.verify(raw, case.sign(raw, case.secret))
    assert not channel.verify(raw + b" ", case.sign(raw, case.secret))
    parsed = channel.parse(raw)
    assert [_seen(event) for event in parsed.events] == sample["events"]
    assert (list(parsed.ignored), parsed.status) == (sample["ignored"], sample.get("status", 200))


def _seen(event: Any) -> dict[str, Any]:
    seen = {"kind": event.kind, "user_id": event.user_id, "external_id": event.external_id, "text": event.text}
    seen |= {"referral": event.referral, "standby": event.standby}
    seen |= {"payload": event.payload, "location": event.location, "attachments": list(event.attachments)}
    return {key: value for key, value in seen.items() if value} | {"sent_at": event.sent_at.isoformat()}


def test_there_are_samples_for_every_channel() -> None:
    assert {case.name: sum(file.parent.name == case.name for file in FILES) for case in CASES} == {
        "zalo": 55,
        "messenger": 47,
    }


VECTORS = [
    (
        "zalo",
        '{"app_id":"1847362950174826395","event_name":"user_send_text","message":{"msg_id":"abc123","text":"Đèn đường '
        'hỏng ở phường Ninh Kiều"},"recipient":{"id":"2750918364027519384"},"sender":{"id":"6093184725501938472"},'
        '"timestamp":"1795392000000"}',
        "cc04902bfa6cf0ff82cf596e4c11bbe595194fdf5dbbdc1c9086f463758cf9a5",
        "4362c0d999c26e5af801a897b2f3152b90d92c22d18ba280a8de672585f3e29d",
    ),
    (
        "messenger",
        '{"object":"page","entry":[{"id":"104882019374655","time":1795392000000,"messaging":[{"sender":{"id":'
        '"7719203846550192"},"recipient":{"id":"104882019374655"},"timestamp":1795392000000,"message":{"mid":"m_demo",'
        '"text":"Đèn đường hỏng"}}]}]}',
        "3bc3467681e899ec5caa9773a00ee96a6de5c9657f6be81bf8ecd50a136a7d24",
        "4234e357fe84dcb49b888f7f7a0a6b68bb7d5001e17dbc95a545b8ca1357569a",
    ),
]


@pytest.mark.parametrize(("name", "text", "mac", "escaped_mac"), VECTORS, ids=["zalo", "messenger"])
def test_signature_is_over_the_bytes_as_received(
    name: str, text: str, mac: str, escaped_mac: str, config: Config, database: Database
) -> None:
    assert config.zalo is not None
    assert config.messenger is not None
    config = replace(
        config,
        zalo=replace(config.zalo, oa_secret_keys=("oa-secret-demo",)),
        messenger=replace(config.messenger, app_secrets=("app-secret-demo",)),
    )
    channel = build_channels(config, database, Vault(config.data_keys))[name]
    raw, escaped = text.encode(), json.dumps(json.loads(text), separators=(",", ":")).encode()
    header, prefix = ("X-ZEvent-Signature", "mac=") if name == "zalo" else ("X-Hub-Signature-256", "sha256=")
    assert channel.verify(raw, {header: prefix + mac})
    assert channel.verify(escaped, {header.lower(): prefix + escaped_mac})
    assert not channel.verify(escaped, {header: prefix + mac})
    assert not channel.verify(raw, {header: prefix + escaped_mac})
    assert channel.verify(raw, {header: mac}) is (name == "zalo")
    hmac_of_zalo_a = "4768c20dcb560867df5b15b036a49c646563c3897b8809ead502584ecca59831"
    assert not channel.verify(raw, {header: prefix + hmac_of_zalo_a})


@pytest.mark.parametrize("value", [None, "", "mac=", "sha256=", "sha256=đ", "\udcff" * 64, "é" * 64, "0" * 64, "a,b"])
def test_a_forged_header_is_refused_without_an_error(
    case: Case, value: str | None, readers: dict[str, Channel]
) -> None:
    headers = {} if value is None else {case.signature: value}
    assert readers[case.name].verify(case.raw(), headers) is False


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"a":NaN}', b"[" * 100_000, b'{"timestamp":{}}']
)
def test_nonsense_is_neither_verified_nor_parsed_with_an_error(
    case: Case, raw: bytes, readers: dict[str, Channel]
) -> None:
    assert readers[case.name].verify(raw, {case.signature: "mac=" + "0" * 64}) is False
    parsed = readers[case.name].parse(raw)
    assert (parsed.events, len(parsed.ignored)) == ((), 1)


def test_a_body_too_deep_or_too_large_is_ignored(case: Case, readers: dict[str, Channel]) -> None:
    body = json.loads(case.raw())
    deep: Any = "x"
    for _ in range(MAX_DEPTH):
        deep = [deep]
    for extra in (deep, "x" * MAX_BODY):
        assert readers[case.name].parse(json.dumps(body | {"extra": extra}).encode()).ignored == ("not_json",)


def test_any_of_several_secrets_verifies_so_that_they_can_be_rotated(
    case: Case, config: Config, database: Database
) -> None:
    assert config.zalo is not None
    assert config.messenger is not None
    both = ("the-new-secret", case.secret)
    config = replace(
        config,
        zalo=replace(config.zalo, oa_secret_keys=both),
        messenger=replace(config.messenger, app_secrets=both),
    )
    channel = build_channels(config, database, Vault(config.data_keys))[case.name]
    raw = case.raw()
    assert all(channel.verify(raw, case.sign(raw, secret)) for secret in both)
    assert not channel.verify(raw, case.sign(raw, "a-third-secret"))


def test_zalo_events_of_another_app_are_refused(readers: dict[str, Channel]) -> None:
    body = json.loads(CASES[0].raw()) | {"app_id": "99"}
    raw = json.dumps(body).encode()
    assert not readers["zalo"].verify(raw, sign_zalo(raw, CASES[0].secret, "99"))
    assert not readers["zalo"].verify(raw, sign_zalo(raw, CASES[0].secret, APP_ID))


def test_our_own_words_never_come_back_as_a_citizens(readers: dict[str, Channel]) -> None:
    zalo = json.loads(CASES[0].raw())
    zalo["sender"]["id"] = "2750918364027519384"
    assert readers["zalo"].parse(json.dumps(zalo).encode()).ignored == ("own_message",)
    messenger = json.loads(CASES[1].raw())
    messenger["entry"][0]["messaging"][0]["sender"]["id"] = "104882019374655"
    assert readers["messenger"].parse(json.dumps(messenger).encode()).ignored == ("own_message",)


def test_one_bad_entry_of_a_batch_does_not_stop_the_others(readers: dict[str, Channel]) -> None:
    good = json.loads(CASES[1].raw("batch_two_entries"))["entry"]
    other_page = copy.deepcopy(good[0]) | {"id": "1"}
    bad: list[Any] = [
        None,
        {},
        {"id": "104882019374655", "messaging": [None, {"sender": 3, "message": "x"}]},
        other_page,
    ]
    parsed = readers["messenger"].parse(json.dumps({"object": "page", "entry": [*bad, *good]}).encode())
    assert [event.text for event in parsed.events] == ["tin thứ nhất", "tin của người khác"]
    assert parsed.ignored == ("bad_entry", "bad_entry", "empty_item", "no_sender", "other_page")


JUNK: tuple[Any, ...] = (None, 0, -1, 1e308, 10**30, True, "", "x", "\x00\ud800", "9" * 3000, [], {}, [[]], {"id": {}})


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_payload_broken_anywhere_yields_storable_events_or_a_reason(file: Path, readers: dict[str, Channel]) -> None:
    body = json.loads(file.read_text())["body"]
    for path in _paths(body):
        for junk in JUNK:
            parsed = readers[file.parent.name].parse(json.dumps(_with(body, path, junk)).encode())
            assert parsed.events or parsed.ignored or path[-1] in {"messaging", "standby"}
            for event in parsed.events:
                _assert_storable(event)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield (*path, key)
        yield from _paths(child, (*path, key))


def _with(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    broken = copy.deepcopy(body)
    parent = broken
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return broken


def _assert_storable(event: Any) -> None:
    assert event.kind in KINDS | SIGNALS
    assert 0 < len(event.user_id) <= 128 or event.kind in SIGNALS
    assert 0 < len(event.external_id) <= 200
    assert event.sent_at.tzinfo is not None
    assert event.sent_at <= NOW + timedelta(minutes=10)
    assert isinstance(event.text, str)
    words = [event.user_id, event.external_id, event.text, event.referral, event.payload or ""]
    words += map(str, event.attachments)
    assert "\x00" not in "".join(words)
    "".join(words).encode()
    assert all(item["url"].startswith("http") and item["type"] for item in event.attachments)
    assert event.location is None or all(isinstance(value, float) for value in event.location.values())


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("1795392000000", "2026-11-23T00:00:00+00:00"),
        (1795392000500, "2026-11-23T00:00:00.500000+00:00"),
        ("1999999999999", NOW.isoformat()),  # in the far future
        ("1795392000", NOW.isoformat()),  # seconds: 1970 cannot be true
        ("hôm qua", NOW.isoformat()),
        ("²³", NOW.isoformat()),
        (None, NOW.isoformat()),
        (True, NOW.isoformat()),
    ],
)
def test_the_platforms_time_is_taken_unless_it_cannot_be_true(
    case: Case, stamp: Any, expected: str, readers: dict[str, Channel]
) -> None:
    body = json.loads(case.raw())
    item = body if case.name == "zalo" else body["entry"][0]["messaging"][0]
    item["timestamp"] = stamp
    (event,) = readers[case.name].parse(json.dumps(body).encode()).events
    assert event.sent_at.isoformat() == expected


@pytest.mark.parametrize(
    ("lat", "lon"), [("91", "0"), ("abc", "105"), ("nan", "105"), (None, None), (True, 1), ("21.0", "181")]
)
def test_a_pin_that_is_nowhere_is_ignored_with_a_reason(
    case: Case, lat: Any, lon: Any, readers: dict[str, Channel]
) -> None:
    name = "user_send_location" if case.name == "zalo" else "message_location_legacy"
    body = json.loads(case.raw(name))
    item = body if case.name == "zalo" else body["entry"][0]["messaging"][0]
    keys = ("latitude", "longitude") if case.name == "zalo" else ("lat", "long")
    item["message"]["attachments"][0]["payload"]["coordinates"] = dict(zip(keys, (lat, lon), strict=True))
    parsed = readers[case.name].parse(json.dumps(body).encode())
    assert (parsed.events, parsed.ignored) == ((), ("bad_location",))


def test_very_long_text_is_bounded_and_a_nul_does_not_reach_the_database(
    case: Case, readers: dict[str, Channel]
) -> None:
    body = json.loads(case.raw())
    item = body if case.name == "zalo" else body["entry"][0]["messaging"][0]
    item["message"]["text"] = "a\x00\ud83db" + "x" * 300_000
    (event,) = readers[case.name].parse(json.dumps(body).encode()).events
    assert event.text.startswith("a\ufffd\ufffdbx")
    assert len(event.text) == MAX_TEXT


def test_an_event_without_an_id_gets_the_same_one_each_time(case: Case, readers: dict[str, Channel]) -> None:
    body = json.loads(case.raw("follow" if case.name == "zalo" else "postback_button"))
    if case.name == "messenger":
        del body["entry"][0]["messaging"][0]["postback"]["mid"]
    first, again = (readers[case.name].parse(json.dumps(body).encode()).events[0] for _ in range(2))
    assert first.external_id == again.external_id
    assert len(first.external_id) == 64


@pytest.mark.parametrize(
    ("args", "answer"),
    [
        ({}, "1158201444"),
        ({"hub.verify_token": "wrong"}, None),
        ({"hub.verify_token": "đ\udcff"}, None),
        ({"hub.mode": "unsubscribe"}, None),
        ({"hub.challenge": "<script>"}, None),
        ({"hub.challenge": ""}, None),
        ({"hub.challenge": "²"}, None),
    ],
)
def test_only_the_handshake_of_facebook_is_answered(
    args: dict[str, str], answer: str | None, readers: dict[str, Channel]
) -> None:
    good = {
        "hub.mode": "subscribe",
        "hub.verify_token": "demo-messenger-verify-token",
        "hub.challenge": "1158201444",
    }
    assert readers["messenger"].challenge(good | args) == answer
    assert readers["zalo"].challenge(good | args) is None


# What goes out


def test_a_message_is_sent_and_its_id_returned(
    case: Case, channels: dict[str, Channel], platform: FakePlatform
) -> None:
    sent = channels[case.name].send(_message())
    (call,) = platform.calls_to(case.send_path)
    assert sent is not None
    assert sent.startswith("sent-")
    assert call.json["message"]["text"] == SECRET_TEXT
    assert call.json["recipient"] in ({"user_id": CITIZEN}, {"id": CITIZEN})
    if case.name == "zalo":
        assert call.headers["access_token"] == "access-1"
        assert call.json == {"recipient": {"user_id": CITIZEN}, "message": {"text": SECRET_TEXT}}
    else:
        assert call.headers["Authorization"] == "Bearer demo-messenger-page-token"
        assert call.json["messaging_type"] == "RESPONSE"


FAULTS: list[tuple[str, Reply, type[ChannelError], str]] = [
    ("a time-out", Reply({}, delay=0.6), ChannelUnavailable, "timeout"),
    ("a cut connection", Reply({}, cut=True), ChannelUnavailable, "connection"),
    ("429", Reply(b"slow down", 429), ChannelBusy, "http_429"),
    ("500", Reply(b"<html>", 500), ChannelUnavailable, "http_500"),
    ("503 with JSON", Reply({}, 503), ChannelUnavailable, "http_503"),
    ("400", Reply(b"no", 400), MessageRefused, "http_400"),
    ("404", Reply({}, 404), MessageRefused, "http_404"),
    ("a redirect", Reply(b"", 302), ChannelUnavailable, "http_302"),
    ("no JSON in a 200", Reply(b"OK"), ChannelUnavailable, "bad_json"),
    ("a list in a 200", Reply([]), ChannelUnavailable, "bad_json"),
]


@pytest.mark.parametrize(("reply", "kind", "code"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_a_fault_of_the_platform_says_itself_whether_to_try_again(
    case: Case, reply: Reply, kind: type[ChannelError], code: str, channels: dict[str, Channel], platform: FakePlatform
) -> None:
    platform.script(case.send_path, reply)
    with pytest.raises(ChannelError) as caught:
        channels[case.name].send(_message())
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert len(platform.calls_to(case.send_path)) == 1


def test_a_redirect_does_not_carry_the_message_elsewhere(
    case: Case, channels: dict[str, Channel], platform: FakePlatform
) -> None:
    platform.script(case.send_path, Reply(b"", 307, location=f"{platform.url}/elsewhere"))
    with pytest.raises(ChannelUnavailable, match="http_307"):
        channels[case.name].send(_message())
    assert platform.calls_to("/elsewhere") == []


def test_the_platforms_own_error_codes_have_the_same_meaning_everywhere(
    case: Case, channels: dict[str, Channel], platform: FakePlatform
) -> None:
    for reply, kind, retry in (
        (case.rate_limit, ChannelBusy, True),
        (case.refused, MessageRefused, False),
        (case.unreachable, RecipientUnreachable, False),
    ):
        platform.script(case.send_path, reply)
        with pytest.raises(kind) as caught:
            channels[case.name].send(_message())
        assert caught.value.retry is retry


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (-32, ChannelBusy),
        (-200, ChannelUnavailable),
        (-204, ChannelMisconfigured),
        (-210, MessageRefused),
        (-213, Blocked),
        (-224, ChannelMisconfigured),
        (-227, RecipientUnreachable),
        (-232, WindowClosed),
        (-244, Blocked),
        (-9999, MessageRefused),
        ("-230", WindowClosed),
    ],
)
def test_an_error_inside_a_200_of_zalo_is_an_error(
    code: Any, kind: type[ChannelError], channels: dict[str, Channel], platform: FakePlatform
) -> None:
    platform.script("/message/cs", Reply({"error": code, "message": "số điện thoại 0912345678"}))
    with pytest.raises(ChannelError) as caught:
        channels["zalo"].send(_message())
    assert (type(caught.value), caught.value.code) == (kind, f"zalo_{code}")


@pytest.mark.parametrize(
    ("status", "code", "subcode", "kind"),
    [
        (400, 4, None, ChannelBusy),
        (400, 32, None, ChannelBusy),
        (400, 80006, None, ChannelBusy),
        (500, 1, None, ChannelUnavailable),
        (500, 2, None, ChannelUnavailable),
        (500, 1200, None, ChannelUnavailable),
        (500, 1, 1357046, MessageRefused),
        (401, 190, 463, TokenRejected),
        (400, 10, 2018278, WindowClosed),
        (400, 10, None, ChannelMisconfigured),
        (400, 100, 2018001, RecipientUnreachable),
        (400, 100, None, MessageRefused),
        (400, 200, 1545041, RecipientUnreachable),
        (400, 200, None, ChannelMisconfigured),
        (500, 9999, None, ChannelUnavailable),
        (400, 9999, None, MessageRefused),
    ],
)
def test_messenger_errors_are_read_as_integers(
    status: int,
    code: int,
    subcode: int | None,
    kind: type[ChannelError],
    channels: dict[str, Channel],
    platform: FakePlatform,
) -> None:
    error = {"message": "(#10) 100 190", "code": code} | ({} if subcode is None else {"error_subcode": subcode})
    platform.script("/messages", Reply({"error": error}, status))
    with pytest.raises(ChannelError) as caught:
        channels["messenger"].send(_message())
    assert type(caught.value) is kind


def test_long_text_goes_in_parts_with_the_buttons_on_the_last(
    case: Case, channels: dict[str, Channel], platform: FakePlatform
) -> None:
    sentence = "Đoạn đường này ngập đã ba ngày nay. "
    sent = channels[case.name].send(_message(sentence * 120, buttons=_buttons(2)))
    calls = [call.json["message"] for call in platform.calls_to(case.send_path)]
    assert len(calls) > 1
    assert all(len(call["text"]) <= 1900 and call["text"].endswith("nay.") for call in calls)
    assert " ".join(call["text"] for call in calls) == (sentence * 120).strip()
    assert ["attachment" in call or "quick_replies" in call for call in calls] == [False] * (len(calls) - 1) + [True]
    assert sent == f"sent-{len(platform.calls)}"


def test_zalo_buttons_are_hidden_queries(channels: dict[str, Channel], platform: FakePlatform) -> None:
    channels["zalo"].send(_message(buttons=(Button("Gửi", "#1.k3f9a"), Button("Sửa lại", "#2.k3f9a"))))
    (call,) = platform.calls_to("/message/cs")
    assert call.json["message"]["attachment"] == {
        "type": "template",
        "payload": {
            "buttons": [
                {"title": "Gửi", "type": "oa.query.hide", "payload": "#1.k3f9a"},
                {"title": "Sửa lại", "type": "oa.query.hide", "payload": "#2.k3f9a"},
            ]
        },
    }


@pytest.mark.parametrize("code", [-201, -233])
def test_where_zalo_takes_no_buttons_the_choice_is_numbered(
    code: int, channels: dict[str, Channel], platform: FakePlatform
) -> None:
    platform.script("/message/cs", Reply({"error": code, "message": "buttons is invalid"}))
    assert channels["zalo"].send(_message("Gửi chưa?", buttons=(Button("Gửi", "#1.a"), Button("Sửa lại", "#2.a"))))
    last = platform.calls_to("/message/cs")[-1].json["message"]
    assert last == {"text": "Gửi chưa?\n\n1. Gửi\n2. Sửa lại"}


def test_a_wrong_zalo_user_is_refused_with_or_without_buttons(
    channels: dict[str, Channel], platform: FakePlatform
) -> None:
    refused = Reply({"error": -201, "message": "user_id is invalid"})
    platform.script("/message/cs", refused, refused)
    with pytest.raises(MessageRefused):
        channels["zalo"].send(_message(buttons=_buttons(2)))


@pytest.mark.parametrize(
    ("name", "buttons"),
    [
        ("zalo", _buttons(6)),
        ("zalo", _buttons(2, "x" * 100)),
        ("messenger", _buttons(14)),
        ("messenger", (Button("A", "p" * 1001),)),
    ],
)
def test_buttons_that_do_not_fit_become_numbered_lines(
    name: str, buttons: tuple[Button, ...], channels: dict[str, Channel], platform: FakePlatform
) -> None:
    channels[name].send(_message("Chọn:", buttons=buttons))
    message = platform.calls[-1].json["message"]
    assert message["text"] == numbered("Chọn:", buttons)
    assert "attachment" not in message
    assert "quick_replies" not in message


LINK = Button("Mẫu đơn tố cáo", "https://tiepdan.example/letters/don-to-cao.docx")


def test_a_link_is_opened_and_not_answered_on_each_platform(
    channels: dict[str, Channel], platform: FakePlatform
) -> None:
    for name in ("zalo", "messenger"):
        channels[name].send(_message("Đơn", buttons=(LINK, Button("Gửi", "#1.a"))))
    zalo, messenger = (call.json["message"] for call in platform.calls[-2:])
    assert zalo["attachment"]["payload"]["buttons"] == [
        {"title": LINK.title, "type": "oa.open.url", "payload": {"url": LINK.payload}},
        {"title": "Gửi", "type": "oa.query.hide", "payload": "#1.a"},
    ]
    assert messenger["attachment"]["payload"] == {
        "template_type": "button",
        "text": "Đơn",
        "buttons": [{"type": "web_url", "url": LINK.payload, "title": LINK.title}],
    }
    assert [reply["payload"] for reply in messenger["quick_replies"]] == ["#1.a"]
    shown = zalo_rules.read_content({"message": zalo}, lambda _: None).buttons
    assert [(button.kind, button.value) for button in shown] == [("url", LINK.payload), ("query_hide", "#1.a")]
    assert graph_rules.read_content({"message": messenger}, {}).buttons[0].value == LINK.payload


def test_where_no_link_can_be_shown_its_address_is_written_out() -> None:
    buttons = (LINK, Button("Gửi", "#1.a"), Button("Sửa", "#2.a"))
    assert numbered("Đơn", buttons) == f"Đơn\n\n{LINK.title}: {LINK.payload}\n1. Gửi\n2. Sửa"


def test_messenger_titles_are_cut_after_composition(channels: dict[str, Channel], platform: FakePlatform) -> None:
    decomposed = "Co\u0302\u0309ng di\u0323ch vu\u0323 co\u0302ng"  # 17 code points when composed
    channels["messenger"].send(
        _message(buttons=(Button(decomposed, "#1.a"), Button("Thoát nước, ngập úng và cống", "#2.a")))
    )
    replies = platform.calls[-1].json["message"]["quick_replies"]
    assert [reply["title"] for reply in replies] == ["Cổng dịch vụ công", "Thoát nước, ngập ún…"]
    assert [reply["payload"] for reply in replies] == ["#1.a", "#2.a"]
    assert all(len(reply["title"]) <= 20 for reply in replies)


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (Route.REPLY, {"messaging_type": "RESPONSE"}),
        (Route.HUMAN_AGENT, {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}),
    ],
)
def test_messenger_is_told_the_permission_that_was_planned(
    route: Route, expected: dict[str, str], channels: dict[str, Channel], platform: FakePlatform
) -> None:
    """When which permission holds is tests/test_windows.py; the channel decides nothing again."""
    channels["messenger"].send(_message(author="officer", route=route))
    sent = platform.calls[-1].json
    assert {name: sent[name] for name in ("messaging_type", "tag") if name in sent} == expected


def test_neither_secrets_nor_text_reach_logs_or_errors(
    case: Case, channels: dict[str, Channel], platform: FakePlatform, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    faults = [Reply({"error": {"code": 190, "message": SECRET_TEXT}, "message": SECRET_TEXT}, 400), case.refused]
    platform.script(case.send_path, *faults, Reply(SECRET_TEXT.encode(), 500), Reply({}, cut=True))
    said = repr(_message(buttons=_buttons(2, SECRET_TEXT)))
    for _ in range(5):
        try:
            channels[case.name].send(_message())
        except ChannelError as error:
            said += repr(error) + repr(error.__context__ if not error.__suppress_context__ else None)
    channels[case.name].verify(case.raw(), {case.signature: "sha256=" + case.secret})
    said += "".join(str(record.__dict__) for record in caplog.records)
    for secret in (SECRET_TEXT, "0912345678", case.secret, "access-1", "refresh-1", "demo-messenger-page-token"):
        assert secret not in said


# Zalo's tokens


def _store(config: Config, database: Database, patience: float = 5.0) -> TokenStore:
    assert config.zalo is not None
    http = Http(config.zalo.oauth_url, 1.0)
    return TokenStore(database, Vault(config.data_keys), config.zalo, http, lambda: NOW, patience)


def test_the_first_refresh_token_comes_from_the_settings_and_the_next_from_the_answer(
    config: Config, database: Database, platform: FakePlatform
) -> None:
    store = _store(config, database)
    assert store.current() == store.current() == "access-1"
    store.reject("access-1")
    assert store.current() == "access-2"
    first, second = platform.calls
    assert first.raw == b"refresh_token=demo-zalo-refresh-token&app_id=1847362950174826395&grant_type=refresh_token"
    assert first.headers["secret_key"] == "demo-zalo-app-secret"
    assert second.raw.startswith(b"refresh_token=refresh-1&")


def test_tokens_are_kept_encrypted(config: Config, database: Database) -> None:
    _store(config, database).current()
    with transaction(database) as session:
        row = session.get_one(ChannelToken, "zalo")
        assert row.access_token is not None
        assert row.refresh_token is not None
        assert b"access-1" not in row.access_token
        assert Vault(config.data_keys).unseal(row.refresh_token) == "refresh-1"
        assert (row.expires_at, row.refreshing_until) == (NOW + timedelta(hours=25), None)


def test_a_token_is_renewed_two_hours_before_it_ends(
    config: Config, database: Database, platform: FakePlatform
) -> None:
    store = _store(config, database)
    store.current()
    with transaction(database) as session:
        session.get_one(ChannelToken, "zalo").expires_at = NOW + timedelta(hours=1, minutes=59)
    assert store.current() == "access-2"
    assert len(platform.calls) == 2


def test_a_token_said_to_live_shortly_is_not_renewed_at_every_call(
    config: Config, database: Database, platform: FakePlatform
) -> None:
    platform.script("/access_token", Reply({"access_token": "a", "refresh_token": "r", "expires_in": "3600"}))
    store = _store(config, database)
    assert [store.current() for _ in range(3)] == ["a"] * 3
    assert len(platform.calls) == 1


@pytest.mark.parametrize("code", [-216, -220, -124])
def test_an_expired_token_is_renewed_once_and_the_message_sent(
    code: int, channels: dict[str, Channel], platform: FakePlatform
) -> None:
    platform.script("/message/cs", Reply({"error": code, "message": "access token is invalid"}))
    assert channels["zalo"].send(_message()) == "sent-4"
    assert [call.headers["access_token"] for call in platform.calls_to("/cs")] == ["access-1", "access-3"]
    assert len(platform.calls_to("/access_token")) == 2


def test_a_token_refused_twice_is_left_for_a_later_try(channels: dict[str, Channel], platform: FakePlatform) -> None:
    platform.script("/message/cs", *[Reply({"error": -216, "message": "access token is invalid"})] * 2)
    with pytest.raises(TokenRejected) as caught:
        channels["zalo"].send(_message())
    assert caught.value.retry
    assert len(platform.calls_to("/cs")) == 2


def test_many_workers_spend_one_refresh_token(config: Config, database: Database, platform: FakePlatform) -> None:
    answer = {"access_token": "shared", "refresh_token": "next", "expires_in": "90000"}
    platform.script("/access_token", Reply(answer, delay=0.2))
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(_store(config, database).current())) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["shared"] * 5
    assert len(platform.calls) == 1


def test_a_late_rejection_does_not_throw_away_the_new_token(
    config: Config, database: Database, platform: FakePlatform
) -> None:
    store = _store(config, database)
    store.current()
    store.reject("an-older-token")
    assert store.current() == "access-1"
    assert len(platform.calls) == 1


def test_waiting_for_another_worker_ends(config: Config, database: Database, platform: FakePlatform) -> None:
    with transaction(database) as session:
        session.add(ChannelToken(channel="zalo", refreshing_until=NOW + timedelta(seconds=20)))
    with pytest.raises(ChannelUnavailable, match="token_renewal_pending"):
        _store(config, database, patience=0.2).current()
    assert platform.calls == []


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (Reply({"error": -14014, "error_name": "Invalid refresh token"}), TokenRejected, "oauth_-14014"),
        (Reply({"error": "x" * 500}), TokenRejected, "oauth_refused"),
        (Reply({"error": -32}), ChannelBusy, "oauth_-32"),
        (Reply(b"", 500), ChannelUnavailable, "http_500"),
        (Reply(b"ok"), ChannelUnavailable, "bad_json"),
        (Reply({}, cut=True), ChannelUnavailable, "connection"),
    ],
)
def test_a_renewal_that_fails_may_be_tried_again_at_once(
    reply: Reply, kind: type[ChannelError], code: str, config: Config, database: Database, platform: FakePlatform
) -> None:
    platform.script("/access_token", reply)
    store = _store(config, database)
    with pytest.raises(ChannelError) as caught:
        store.current()
    assert (type(caught.value), caught.value.code, caught.value.retry) == (kind, code, True)
    assert store.current() == "access-2"


def test_a_broken_line_of_tokens_is_mended_by_a_new_one_in_the_settings(
    config: Config, database: Database, platform: FakePlatform
) -> None:
    store = _store(config, database)
    store.current()
    store.reject("access-1")
    platform.script("/access_token", Reply({"error": -14014}))
    assert store.current() == "access-3"
    assert [call.raw.split(b"&")[0] for call in platform.calls[1:]] == [
        b"refresh_token=refresh-1",
        b"refresh_token=demo-zalo-refresh-token",
    ]


def test_a_pair_that_could_not_be_stored_is_not_lost(
    config: Config, database: Database, platform: FakePlatform, tmp_path: Path
) -> None:
    """The database goes away while Zalo answers: the old refresh token is spent, the new one exists only here."""
    folder = tmp_path / "gone"
    folder.mkdir()
    fragile = open_database(f"sqlite:///{folder}/test.db")
    Base.metadata.create_all(fragile.engine)
    store = _store(config, fragile)
    platform.script("/access_token", Reply({"access_token": "a", "refresh_token": "r"}, delay=0.4))
    errors: list[BaseException] = []

    def renew() -> None:
        try:
            store.current()
        except ChannelError as error:
            errors.append(error)

    thread = threading.Thread(target=renew)
    thread.start()
    while not platform.calls:
        thread.join(0.01)
    folder.rename(tmp_path / "away")
    thread.join()
    assert [error.code for error in errors if isinstance(error, ChannelUnavailable)] == ["token_not_stored"]
    (tmp_path / "away").rename(folder)
    assert store.current() == "a"
    assert len(platform.calls) == 1
    fragile.engine.dispose()


# Cutting


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        ("", 10, []),
        ("  \n ", 10, []),
        ("ngắn", 10, ["ngắn"]),
        ("Một hai. Ba bốn.", 10, ["Một hai.", "Ba bốn."]),
        ("một hai ba bốn", 8, ["một hai", "ba bốn"]),
        ("x" * 25, 10, ["x" * 10, "x" * 10, "x" * 5]),
        ("A. " + "x" * 8, 10, ["A. " + "x" * 7, "x"]),
    ],
)
def test_text_is_cut_at_the_end_of_a_sentence_or_word(text: str, limit: int, parts: list[str]) -> None:
    assert split(text, limit) == parts
