"""Writes webhook bodies as each platform puts them on the wire and signs those bytes; called by `world`."""

import hashlib
import hmac
import json
from typing import Any


def zalo_body(event: dict[str, Any]) -> bytes:
    """Raw UTF-8 JSON, as Zalo sends it."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def zalo_signature(app_id: str, body: bytes, timestamp: str, oa_secret_key: str) -> str:
    """Value of X-ZEvent-Signature: plain SHA-256 over app id, raw body, timestamp and the OA secret key."""
    digest = hashlib.sha256(app_id.encode() + body + timestamp.encode() + oa_secret_key.encode())
    return f"mac={digest.hexdigest()}"


def messenger_body(event: dict[str, Any]) -> bytes:
    r"""ASCII JSON with lowercase \uXXXX and escaped slashes, as Facebook sends it."""
    return json.dumps(event, ensure_ascii=True, separators=(",", ":")).replace("/", "\\/").encode()


def messenger_signature(body: bytes, app_secret: str) -> str:
    """Value of X-Hub-Signature-256: HMAC-SHA256 of the raw body with the app secret."""
    return f"sha256={hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()}"
