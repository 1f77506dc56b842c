"""The contract every channel keeps over the platforms' own payloads: signed, read, understood, or refused."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.events import SIGNALS
from core.vault import Vault
from tests.channels import APP_ID, CASES, NOW, PAYLOADS, ChannelCase, config_of, never_opened
from tests.fakes import sign_zalo
from webhook.channels import build_channels
from webhook.channels.base import Channel
from webhook.channels.body import MAX_BODY, MAX_DEPTH, MAX_TEXT

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

FILES = sorted(PAYLOADS.glob("*/*.json"))
KINDS = {"text", "tap", "media", "location", "sticker", "other", "start"}


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
    name: str, text: str, mac: str, escaped_mac: str, tmp_path: Path
) -> None:
    config = config_of("http://127.0.0.1:9")
    assert config.zalo is not None
    assert config.messenger is not None
    config = replace(
        config,
        zalo=replace(config.zalo, oa_secret_keys=("oa-secret-demo",)),
        messenger=replace(config.messenger, app_secrets=("app-secret-demo",)),
    )
    channel = build_channels(config, never_opened(tmp_path), Vault(config.data_keys))[name]
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
    case: ChannelCase, value: str | None, readers: dict[str, Channel]
) -> None:
    headers = {} if value is None else {case.signature: value}
    assert readers[case.name].verify(case.raw(), headers) is False


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"a":NaN}', b"[" * 100_000, b'{"timestamp":{}}']
)
def test_nonsense_is_neither_verified_nor_parsed_with_an_error(
    case: ChannelCase, raw: bytes, readers: dict[str, Channel]
) -> None:
    assert readers[case.name].verify(raw, {case.signature: "mac=" + "0" * 64}) is False
    parsed = readers[case.name].parse(raw)
    assert (parsed.events, len(parsed.ignored)) == ((), 1)


def test_a_body_too_deep_or_too_large_is_ignored(case: ChannelCase, readers: dict[str, Channel]) -> None:
    body = json.loads(case.raw())
    deep: Any = "x"
    for _ in range(MAX_DEPTH):
        deep = [deep]
    for extra in (deep, "x" * MAX_BODY):
        assert readers[case.name].parse(json.dumps(body | {"extra": extra}).encode()).ignored == ("not_json",)


def test_any_of_several_secrets_verifies_so_that_they_can_be_rotated(case: ChannelCase, tmp_path: Path) -> None:
    config = config_of("http://127.0.0.1:9")
    assert config.zalo is not None
    assert config.messenger is not None
    both = ("the-new-secret", case.secret)
    config = replace(
        config,
        zalo=replace(config.zalo, oa_secret_keys=both),
        messenger=replace(config.messenger, app_secrets=both),
    )
    channel = build_channels(config, never_opened(tmp_path), Vault(config.data_keys))[case.name]
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
    case: ChannelCase, stamp: Any, expected: str, readers: dict[str, Channel]
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
    case: ChannelCase, lat: Any, lon: Any, readers: dict[str, Channel]
) -> None:
    name = "user_send_location" if case.name == "zalo" else "message_location_legacy"
    body = json.loads(case.raw(name))
    item = body if case.name == "zalo" else body["entry"][0]["messaging"][0]
    keys = ("latitude", "longitude") if case.name == "zalo" else ("lat", "long")
    item["message"]["attachments"][0]["payload"]["coordinates"] = dict(zip(keys, (lat, lon), strict=True))
    parsed = readers[case.name].parse(json.dumps(body).encode())
    assert (parsed.events, parsed.ignored) == ((), ("bad_location",))


def test_very_long_text_is_bounded_and_a_nul_does_not_reach_the_database(
    case: ChannelCase, readers: dict[str, Channel]
) -> None:
    body = json.loads(case.raw())
    item = body if case.name == "zalo" else body["entry"][0]["messaging"][0]
    item["message"]["text"] = "a\x00\ud83db" + "x" * 300_000
    (event,) = readers[case.name].parse(json.dumps(body).encode()).events
    assert event.text.startswith("a\ufffd\ufffdbx")
    assert len(event.text) == MAX_TEXT


def test_an_event_without_an_id_gets_the_same_one_each_time(case: ChannelCase, readers: dict[str, Channel]) -> None:
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
