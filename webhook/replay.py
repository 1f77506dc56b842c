"""Feeds recorded webhook bodies to a running gateway, signed with our own secrets; called by `manage.py replay`."""

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import requests

from core.config import Config, ConfigError
from webhook.recorder import own_ids

TIMEOUT = 30.0  # seconds
NOT_A_RECORD = "Every line must be an object with a channel (zalo, messenger) and a body."


def replay(config: Config, lines: Iterable[str], url: str) -> Counter[int]:
    """How many of each HTTP status; 0 stands for no answer. Raises ConfigError at the first line that is no record."""
    statuses: Counter[int] = Counter()
    names = {name: own for own, name in own_ids(config).items()}
    with requests.Session() as session:
        session.trust_env = False
        for line in filter(str.strip, lines):
            channel, body = _record(line)
            raw = _with_own_ids(json.dumps(body, ensure_ascii=False), names).encode("utf-8", "surrogatepass")
            headers = {"Content-Type": "application/json", **sign(config, channel, raw)}
            try:
                answer = session.post(f"{url}/webhooks/{channel}", data=raw, headers=headers, timeout=TIMEOUT)
                statuses[answer.status_code] += 1
            except requests.RequestException:
                statuses[0] += 1
    return statuses


def sign(config: Config, channel: str, raw: bytes) -> dict[str, str]:
    """The header with which the platform would sign these bytes."""
    if channel == "zalo" and config.zalo is not None:
        body = json.loads(raw)
        stamp = str(body.get("timestamp", "")) if isinstance(body, dict) else ""
        signed = config.zalo.app_id.encode() + raw + stamp.encode() + config.zalo.oa_secret_keys[0].encode()
        return {"X-ZEvent-Signature": f"mac={hashlib.sha256(signed).hexdigest()}"}
    if channel == "messenger" and config.messenger is not None:
        mark = hmac.new(config.messenger.app_secrets[0].encode(), raw, hashlib.sha256)
        return {"X-Hub-Signature-256": f"sha256={mark.hexdigest()}"}
    raise ConfigError(f"The channel {channel!r} is not configured here.")


def _record(line: str) -> tuple[str, Any]:
    try:
        found = json.loads(line)
        return str(found["channel"]), found["body"]
    except (ValueError, KeyError, TypeError):
        raise ConfigError(NOT_A_RECORD) from None


def _with_own_ids(text: str, names: dict[str, str]) -> str:
    for name, own in names.items():
        text = text.replace(name, own)
    return text
