"""Reads untrusted JSON within bounds, piece by piece, without ever raising; called by the channels."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

MAX_BODY = 1024 * 1024  # bytes
MAX_DEPTH = 24
MAX_TEXT = 100_000  # code points
MAX_IDENTIFIER = 128
MAX_EXTERNAL_ID = 200
MAX_URL = 4000
CLOCK_SKEW = timedelta(minutes=10)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)

# PostgreSQL keeps no NUL and UTF-8 no lone surrogate; everything else is kept exactly as written.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


def load_object(raw: bytes) -> dict[str, Any] | None:
    """The JSON object these bytes are, or None: too large, too deep, not JSON, not an object."""
    if len(raw) > MAX_BODY:
        return None
    try:
        value = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and _is_shallow(value) else None


def header(headers: Mapping[str, str], name: str) -> bytes:
    """A header's value as bytes, whatever the case of its name; empty when it is missing."""
    wanted = name.lower()
    found = next((value for key, value in headers.items() if key.lower() == wanted), "")
    return found.strip().encode("utf-8", "replace")


def as_dict(value: object) -> dict[str, Any]:
    """The value when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """The value when it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text_of(value: object, limit: int = MAX_TEXT) -> str:
    """A string as written, with what no database can hold replaced by U+FFFD; empty for anything else."""
    return _UNSTORABLE.sub("\ufffd", value[:limit]) if isinstance(value, str) else ""


def identifier(value: object) -> str | None:
    """A platform's id as a string (numbers too), None when it is missing or absurd."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else text_of(value, MAX_IDENTIFIER + 1)
    return text if 0 < len(text) <= MAX_IDENTIFIER else None


def external_id(value: object, *parts: object) -> str:
    """The platform's id of an event; a digest of `parts` when there is none, of the id when it is too long."""
    text = text_of(value, MAX_BODY)
    if text and len(text) <= MAX_EXTERNAL_ID:
        return text
    unique = [text] if text else parts
    return hashlib.sha256(json.dumps(unique, sort_keys=True, default=str).encode()).hexdigest()


def moment(value: object, now: datetime) -> datetime:
    """Milliseconds since 1970, as number or string; `now` when it is neither or cannot be true."""
    text = "" if isinstance(value, bool) or not isinstance(value, int | str) else str(value)[:15]
    if not (text.isascii() and text.isdecimal()) or len(text) > 14:
        return now
    at = EPOCH + timedelta(milliseconds=int(text))
    return at if EARLIEST <= at <= now + CLOCK_SKEW else now


def pin(latitude: object, longitude: object) -> dict[str, float] | None:
    """A place on earth in degrees, from numbers or strings; None when it is not one."""
    lat, lon = _degrees(latitude, 90), _degrees(longitude, 180)
    return None if lat is None or lon is None else {"lat": lat, "lon": lon}


def media(kind: str, payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """An attachment to fetch: its type, url and, when told, name and size in bytes; None without a usable address."""
    url = text_of(payload.get("url"), MAX_URL + 1)
    if not url.startswith(("http://", "https://")) or len(url) > MAX_URL:
        return None
    found: dict[str, Any] = {"type": kind, "url": url}
    name, size = text_of(payload.get("name"), 200), str(payload.get("size", ""))[:13]
    if name:
        found["name"] = name
    if size.isascii() and size.isdecimal() and len(size) < 13:
        found["size"] = int(size)
    return found


def kind_of(text: str, attachments: object, place: object, sticker: bool) -> str:
    """The kind of an inbound message by the most useful thing in it."""
    if attachments:
        return "media"
    if place:
        return "location"
    if text.strip():
        return "text"
    return "sticker" if sticker else "other"


def reason(name: object) -> str:
    """An event's name as a reason that is safe to log."""
    return _UNSAFE.sub("_", str(name)[:60]) if isinstance(name, str) and name else "unnamed"


def _refuse(constant: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _is_shallow(value: dict[str, Any]) -> bool:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in _children(node)]
        if not level:
            return True
    return False


def _children(node: object) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def _degrees(value: object, limit: int) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) <= limit else None
