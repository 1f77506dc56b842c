"""Recordings keep the shape of what platforms send and nothing of the people; they can be fed to a gateway again."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.config import Config, ConfigError, load_config
from core.db import Database, reading
from core.model import Conversation, Inbound
from core.spool import Spool
from core.vault import Vault
from tests.pages import served
from tests.support import ROOT
from webhook.app import create_app
from webhook.channels import build_channels
from webhook.recorder import KINDS, OUR_WORDS, PLACES, Shape, own_ids
from webhook.replay import replay, sign

PAYLOADS = sorted((ROOT / "tests/payloads").glob("*/*.json"))
NOWHERE = Path("/nonexistent")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load_config({"TIEPDAN_DEMO": "1", "VAR_DIR": str(tmp_path)}, NOWHERE)


@contextmanager
def gateway(config: Config, database: Database) -> Iterator[str]:
    vault = Vault(config.data_keys)
    app = create_app(config, database, build_channels(config, database, vault), Spool(config.var_dir / "spool", vault))
    with served(app) as url:
        yield url


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _leaves(child, key)
    elif isinstance(value, list):
        for child in value:
            yield from _leaves(child, name)
    else:
        yield name, value


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_name_phone_id_word_or_place_survives_in_any_payload(path: Path, config: Config) -> None:
    body = json.loads(path.read_text("utf-8"))["body"]
    recorded = json.dumps(Shape(own_ids(config)).of(body), ensure_ascii=False)
    kinds = {value for name, value in _leaves(body) if name in KINDS}
    known = {*own_ids(config), *OUR_WORDS, *kinds, "https", "example"}
    for name, value in _leaves(body):
        if name in KINDS or isinstance(value, bool) or value is None:
            continue
        assert name not in PLACES or str(value) not in recorded
        for part in re.findall(r"\w{4,}", str(value)):
            assert part in known or not re.search(rf"\b{re.escape(part)}\b", recorded), (name, part)
    assert not re.search(r"[^\x00-\x7f]", recorded)


def test_the_shape_stays(config: Config) -> None:
    shape = Shape(own_ids(config))
    body = {
        "event_name": "user_send_text",
        "sender": {"id": "6093184725501938472"},
        "recipient": {"id": "2750918364027519384"},
        "message": {"text": "Gọi 0912 345 678 nhé!", "msg_id": "ab12cd34"},
        "timestamp": "1795392000000",
    }
    found, again = shape.of(body), shape.of({**body, "timestamp": "1795392005000"})
    assert found["event_name"] == "user_send_text" and found["recipient"]["id"] == "{oa_id}"
    assert found["message"]["text"] == "Xxx 0000 000 000 xxx."
    assert re.fullmatch(r"[a-z]{2}\d\d[a-z]{2}\d\d", found["message"]["msg_id"])
    assert re.fullmatch(r"\d{19}", found["sender"]["id"]) and found["sender"] == again["sender"]
    assert int(again["timestamp"]) - int(found["timestamp"]) == 5000
    assert Shape({}).of(body)["sender"] != found["sender"]


def test_what_a_gateway_recorded_can_be_fed_to_it_again(config: Config, database: Database, tmp_path: Path) -> None:
    """Words are gone, the rest comes in as it came before: as many people, as many messages of each kind."""
    record = tmp_path / "recorded.jsonl"
    lines = [json.dumps({"channel": p.parent.name, "body": json.loads(p.read_text("utf-8"))["body"]}) for p in PAYLOADS]
    with gateway(replace(config, record_file=record), database) as url:
        assert replay(config, lines, url).keys() <= {200, 404}
    first = _kinds(database)
    recorded = record.read_text("utf-8").splitlines()
    assert len(recorded) == len(lines)
    with gateway(config, database) as url:
        assert replay(config, recorded, url).keys() <= {200, 404}
    second = _kinds(database)
    assert {kind: 2 * count for kind, count in first.items()} == second


def _kinds(database: Database) -> dict[str, int]:
    found: dict[str, int] = {}
    with reading(database) as session:
        for kind, channel in session.execute(select(Inbound.kind, Conversation.channel).join(Conversation)):
            found[f"{channel}:{kind}"] = found.get(f"{channel}:{kind}", 0) + 1
    return found


def test_a_record_that_cannot_be_written_is_no_reason_to_refuse_a_message(config: Config, database: Database) -> None:
    with gateway(replace(config, record_file=Path("/nonexistent/file")), database) as url:
        body = json.loads((ROOT / "tests/payloads/zalo/user_send_text.json").read_text("utf-8"))["body"]
        assert replay(config, [json.dumps({"channel": "zalo", "body": body})], url) == {200: 1}
    assert sum(_kinds(database).values()) == 1


@pytest.mark.parametrize("line", ["nonsense", "[]", '{"channel": "zalo"}', '{"channel": "viber", "body": {}}'])
def test_a_file_that_is_no_recording_is_said_so(line: str, config: Config) -> None:
    with pytest.raises(ConfigError):
        replay(config, [line], "http://127.0.0.1:1")


def test_nothing_is_signed_for_a_channel_that_is_not_configured(config: Config) -> None:
    with pytest.raises(ConfigError):
        sign(replace(config, messenger=None), "messenger", b"{}")
