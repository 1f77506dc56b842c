"""Issues and checks Zalo tokens: single-use refresh tokens, one valid access token; called by `zalo_server`.

A token carries its serial number and a mark made with the app secret, so a simulator that lost its state file still
knows the gateway's newest refresh token as its own.
"""

import base64
import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass

from simulator.disk import StateFile
from simulator.settings import Settings

ACCESS_SECONDS = 90_000
CODE_SECONDS = 600


class TokenRefused(Exception):
    """The refresh token or authorisation code is wrong, used or expired; the owner must authorise again."""


@dataclass(frozen=True)
class TokenPair:
    """One answer of the token endpoint."""

    access: str
    refresh: str


class ZaloTokens:
    """The one line of tokens between the official account and the app."""

    def __init__(self, settings: Settings, disk: StateFile, now: Callable[[], int]) -> None:
        self._settings = settings
        self._disk = disk
        self._now = now
        self._lock = threading.Lock()
        self._codes: dict[str, tuple[str, int]] = {}

    @property
    def refreshes(self) -> int:
        """How many pairs were issued since the line began."""
        return int(self._disk.get("zalo_serial", 0))

    def refresh(self, token: str) -> TokenPair:
        """Spends a refresh token for a new pair; the old pair is dead afterwards."""
        with self._lock:
            current = self.refreshes
            serial = self._serial("refresh", token)
            first = current == 0 and hmac.compare_digest(token.encode(), self._settings.zalo_refresh_token.encode())
            if not first and (serial is None or serial < max(current, 1)):
                raise TokenRefused
            return self._issue(max(current, serial or 0) + 1)

    def authorise(self, code_challenge: str) -> str:
        """A single-use authorisation code, as the permission page hands out."""
        code = secrets.token_urlsafe(24)
        with self._lock:
            self._codes[code] = (code_challenge, self._now() + CODE_SECONDS * 1000)
        return code

    def exchange(self, code: str, code_verifier: str) -> TokenPair:
        """Spends an authorisation code; checks PKCE when the code was asked for with a challenge."""
        with self._lock:
            challenge, expiry = self._codes.pop(code, ("", 0))
            if self._now() > expiry or (challenge and challenge != _challenge(code_verifier)):
                raise TokenRefused
            return self._issue(self.refreshes + 1)

    def accepts(self, access_token: str) -> bool:
        """True for the newest access token, until it expires or is revoked."""
        serial = self._serial("access", access_token)
        expiry = int(self._disk.get("zalo_access_expiry", 0))
        return serial is not None and serial == self.refreshes and self._now() < expiry

    def revoke(self) -> None:
        """Kills the current access token before its time."""
        with self._lock:
            self._disk.put("zalo_access_expiry", 0)

    def restart(self) -> None:
        """Starts a new line: the first refresh token of the settings is good again."""
        with self._lock:
            self._disk.put("zalo_serial", 0)
            self._disk.put("zalo_access_expiry", 0)

    def _issue(self, serial: int) -> TokenPair:
        self._disk.put("zalo_serial", serial)
        self._disk.put("zalo_access_expiry", self._now() + ACCESS_SECONDS * 1000)
        return TokenPair(self._write("access", serial), self._write("refresh", serial))

    def _write(self, use: str, serial: int) -> str:
        return f"sim-{use}-{serial}-{self._mark(use, serial)}"

    def _mark(self, use: str, serial: int) -> str:
        text = f"{use}:{serial}".encode()
        return hmac.new(self._settings.zalo_app_secrets[0].encode(), text, hashlib.sha256).hexdigest()[:40]

    def _serial(self, use: str, token: str) -> int | None:
        parts = token.split("-")
        if len(parts) != 4 or parts[:2] != ["sim", use] or not parts[2].isascii() or not parts[2].isdecimal():
            return None
        serial = int(parts[2])
        return serial if hmac.compare_digest(self._write(use, serial).encode(), token.encode()) else None


def _challenge(code_verifier: str) -> str:
    digest = hashlib.sha256(code_verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
