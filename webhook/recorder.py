"""Writes down what platforms send, without what people are or say, for tests (RECORD_FILE); called by the gateway.

Names of fields, kinds of events, lengths, order and who is the same person stay; words, names, numbers, ids, addresses
and places do not. Ids become others by a key that is made at start and kept nowhere, so nobody can go back.
"""

import hashlib
import hmac
import json
import logging
import re
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.config import Config

log = logging.getLogger(__name__)

# Fields whose values are words of the platform, as long as they look like it.
KINDS = frozenset({"event_name", "type", "object", "template_type", "field", "source", "action", "reaction", "status"})
KIND = re.compile(r"[A-Za-z][A-Za-z_.]{0,39}")
FIELD = re.compile(r"[A-Za-z_]{1,40}")
OUR_WORDS = frozenset({"GET_STARTED"})  # what buttons of ours carry for everybody alike
TIMES = frozenset({"timestamp", "time", "watermark"})
PLACES = {"latitude": 21.0, "lat": 21.0, "longitude": 105.8, "long": 105.8}
IDENTIFIER = re.compile(r"[A-Za-z0-9_.:$-]{6,}")
FURTHEST_BACK = 730 * 24 * 3600 * 1000  # milliseconds
DIGITS, LOWER, UPPER = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Recorder:
    """One file, one line a delivery; it never stands in the way of the delivery itself."""

    def __init__(self, path: Path, config: Config) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._shape = Shape(own_ids(config))

    def record(self, channel: str, raw: bytes) -> None:
        try:
            line = json.dumps({"channel": channel, "body": self._shape.of(json.loads(raw))}, ensure_ascii=False)
            with self._lock, self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except (OSError, ValueError, RecursionError) as error:
            log.warning("not recorded", extra={"channel": channel, "error": type(error).__name__})


def own_ids(config: Config) -> dict[str, str]:
    """Our own ids, which are public, and the names they are recorded under: another installation has others."""
    zalo, messenger = config.zalo, config.messenger
    found = {zalo.oa_id: "{oa_id}", zalo.app_id: "{app_id}"} if zalo else {}
    return {**found, **({messenger.page_id: "{page_id}"} if messenger else {})}


class Shape:
    """Makes bodies anonymous; the same id becomes the same other id all along one recording."""

    def __init__(self, own: Mapping[str, str]) -> None:
        self._own = own
        self._key = secrets.token_bytes(32)
        self._back = int.from_bytes(self._mark("time"), "big") % FURTHEST_BACK

    def of(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {self._field(str(key)): self.of(child, str(key)) for key, child in value.items()}
        if isinstance(value, list):
            return [self.of(child, name) for child in value]
        if value is None or isinstance(value, bool):
            return value
        if name in PLACES:
            return PLACES[name] if isinstance(value, int | float) else str(PLACES[name])
        if isinstance(value, int):
            return int(self._text(str(value), name)) if value >= 0 else 0
        return 0.0 if isinstance(value, float) else self._text(str(value), name)

    def _field(self, name: str) -> str:
        return name if FIELD.fullmatch(name) else self._other(name)

    def _text(self, text: str, name: str) -> str:
        if text in self._own:
            return self._own[text]
        if name in TIMES and text.isdecimal() and len(text) == 13:
            return str(int(text) - self._back)
        if text in OUR_WORDS or (name in KINDS and KIND.fullmatch(text)):
            return text
        if text.startswith(("http://", "https://")):
            return f"https://example.invalid/{self._mark(text).hex()[:12]}"
        if IDENTIFIER.fullmatch(text) and any(sign.isdigit() for sign in text):
            return self._other(text)
        return "".join(map(_outline, text))

    def _other(self, text: str) -> str:
        """As long, digits where digits were and letters where letters were."""
        stream = (self._mark(text) * (len(text) // 32 + 1))[: len(text)]
        return "".join(_like(sign, byte) for sign, byte in zip(text, stream, strict=True))

    def _mark(self, text: str) -> bytes:
        return hmac.new(self._key, text.encode("utf-8", "replace"), hashlib.sha256).digest()


def _like(sign: str, byte: int) -> str:
    if sign.isdigit():
        return DIGITS[1 + byte % 9]
    if sign.isalpha():
        return (UPPER if sign.isupper() else LOWER)[byte % 26]
    return sign if sign.isascii() else "."


def _outline(sign: str) -> str:
    if sign.isspace():
        return " "
    if sign.isdigit():
        return "0"
    if sign.isalpha():
        return "X" if sign.isupper() else "x"
    return "."
