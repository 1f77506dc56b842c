"""Zalo's access token: 25 hours long, renewed by a refresh token that works exactly once; called by the Zalo channel.

Two workers that renew together, or one that loses the answer, cut the account off until its owner authorises again.
So one claims the renewal in the database, calls Zalo with no session open, and stores both tokens before use.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from core.config import ZaloConfig
from core.db import ROW_LOCK, Database, insert_once, reading, transaction
from core.model import ChannelToken
from core.vault import Vault
from webhook.channels.base import ChannelBusy, ChannelUnavailable, TokenRejected
from webhook.channels.body import text_of
from webhook.channels.http import Answer, Http, status_error

log = logging.getLogger(__name__)

CHANNEL = "zalo"
TOKEN_PATH = "/v4/oa/access_token"  # noqa: S105 - an address
RENEW_BEFORE = timedelta(hours=2)
CLAIM = timedelta(seconds=30)  # longer than a renewal with its timeouts
PATIENCE = 15.0  # seconds to wait for another worker's renewal
POLL = 0.1
# Seconds. A shorter life would mean a renewal at every call; a token that ends earlier is rejected, and renewed then.
SHORTEST_LIFE = 3 * 3600
DEFAULT_LIFE = 25 * 3600


@dataclass(frozen=True)
class Pair:
    """One answer of the token endpoint."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: datetime


class TokenStore:
    """The one pair of tokens of the account, shared by all workers through the database."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        config: ZaloConfig,
        http: Http,
        clock: Callable[[], datetime],
        patience: float = PATIENCE,
    ) -> None:
        self._database = database
        self._vault = vault
        self._config = config
        self._http = http
        self._clock = clock
        self._patience = patience
        self._lock = threading.Lock()
        self._unstored: Pair | None = None

    def current(self) -> str:
        """A token that is good for now, renewed first when needed; ChannelUnavailable or TokenRejected otherwise."""
        self._store_left_over()
        with reading(self._database) as session:
            token = self._good(session.get(ChannelToken, CHANNEL))
        deadline = time.monotonic() + self._patience
        while token is None:
            token, refresh_tokens = self._claim()
            if refresh_tokens:
                token = self._renew(refresh_tokens)
            elif token is None and time.monotonic() >= deadline:
                raise ChannelUnavailable("token_renewal_pending")
            elif token is None:
                time.sleep(POLL)
        return token

    def reject(self, token: str) -> None:
        """The platform refused this token: forget it, unless another worker has replaced it already."""
        with transaction(self._database) as session:
            row = _locked(session)
            if row.access_token is not None and self._vault.unseal(row.access_token) == token:
                row.access_token = None

    def _good(self, row: ChannelToken | None) -> str | None:
        if row is None or row.access_token is None or row.expires_at is None:
            return None
        return self._vault.unseal(row.access_token) if row.expires_at - self._clock() > RENEW_BEFORE else None

    def _claim(self) -> tuple[str | None, tuple[str, ...]]:
        """A good token, or the refresh tokens to try if the renewal is ours, or neither: another worker is at it."""
        now = self._clock()
        with transaction(self._database) as session:
            row = _locked(session)
            token = self._good(row)
            if token is not None or (row.refreshing_until is not None and row.refreshing_until > now):
                return token, ()
            row.refreshing_until = now + CLAIM
            stored = self._vault.unseal(row.refresh_token) if row.refresh_token else ""
        # The configured one is the first of the line, or what an operator put there after the line broke.
        tokens = tuple(dict.fromkeys(token for token in (stored, self._config.refresh_token) if token))
        if not tokens:
            self._give_back()
            raise TokenRejected("no_refresh_token")
        return None, tokens

    def _renew(self, refresh_tokens: tuple[str, ...]) -> str:
        try:
            pair = self._exchange_first(refresh_tokens)
        except (ChannelUnavailable, ChannelBusy, TokenRejected) as error:
            self._give_back()
            log.warning("zalo token not renewed", extra={"channel": CHANNEL, "reason": error.code})
            raise
        with self._lock:
            self._unstored = pair
        try:
            self._store_left_over()
        except (SQLAlchemyError, OSError):
            # The pair stays in this process and is stored at the next call: losing it would lose the account.
            log.error("zalo token renewed but not stored", extra={"channel": CHANNEL, "outcome": "kept_in_memory"})
            raise ChannelUnavailable("token_not_stored") from None
        log.info("zalo token renewed", extra={"channel": CHANNEL, "outcome": "renewed"})
        return pair.access

    def _store_left_over(self) -> None:
        with self._lock:
            pair = self._unstored
            if pair is None:
                return
            with transaction(self._database) as session:
                row = _locked(session)
                row.access_token = self._vault.seal(pair.access)
                row.refresh_token = self._vault.seal(pair.refresh)
                row.expires_at = pair.expires_at
                row.refreshing_until = None
                row.version += 1
            self._unstored = None

    def _give_back(self) -> None:
        with transaction(self._database) as session:
            _locked(session).refreshing_until = None

    def _exchange_first(self, refresh_tokens: tuple[str, ...]) -> Pair:
        for refresh_token in refresh_tokens[:-1]:
            try:
                return self._exchange(refresh_token)
            except TokenRejected:
                continue
        return self._exchange(refresh_tokens[-1])

    def _exchange(self, refresh_token: str) -> Pair:
        """Spend a refresh token with the newest app secret."""
        fields = {
            "refresh_token": refresh_token,
            "app_id": self._config.app_id,
            "grant_type": "refresh_token",
        }
        answer = self._http.post(TOKEN_PATH, {"secret_key": self._config.app_secrets[0]}, form=fields)
        return self._read(answer)

    def _read(self, answer: Answer) -> Pair:
        body = answer.body or {}
        access, refresh = text_of(body.get("access_token")), text_of(body.get("refresh_token"))
        if answer.status == 200 and access and refresh:
            return Pair(access, refresh, self._clock() + timedelta(seconds=_life(body.get("expires_in"))))
        code = str(body.get("error"))[:12]
        if code == "-32":
            raise ChannelBusy("oauth_-32")
        if answer.status == 429 or answer.status >= 500 or answer.status < 200 or answer.body is None:
            raise status_error(answer.status) if answer.status != 200 else ChannelUnavailable("bad_json")
        # No code is documented for a spent or expired refresh token: any other refusal needs the account's owner.
        raise TokenRejected(f"oauth_{code}" if code.lstrip("-").isdecimal() else "oauth_refused")


def _locked(session: Session) -> ChannelToken:
    query = select(ChannelToken).where(ChannelToken.channel == CHANNEL).with_for_update(**ROW_LOCK)
    found = session.scalars(query).first()
    if found is not None:
        return found
    insert_once(session, ChannelToken, {"channel": CHANNEL, "version": 0})
    return session.scalars(query).one()


def _life(value: object) -> int:
    """Seconds, sent as a string ("90000")."""
    text = str(value)[:9]
    return max(int(text), SHORTEST_LIFE) if text.isascii() and text.isdecimal() else DEFAULT_LIFE
