"""Zalo's access token: 25 hours long, renewed by a refresh token that works exactly once; called by the Zalo channel.

Two workers that renew together, or one that loses the answer, cut the account off until its owner authorises again.
So one claims the renewal in the database, calls Zalo with no session open, and stores both tokens before use. In the
worker that one is a process of its own (`renewal`), which outlives a worker that is killed in the middle. If even that
is lost, the stored refresh token is tried again, and when Zalo refuses it an administrator is told to connect anew.
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

from core import connections
from core.config import ZaloConfig
from core.db import ROW_LOCK, Database, insert_once, reading, transaction
from core.model import ChannelConnection, ChannelToken
from core.vault import Vault
from webhook.channels.base import ChannelBusy, ChannelError, ChannelUnavailable, TokenRejected
from webhook.channels.body import text_of
from webhook.channels.http import Answer, Http, status_error

log = logging.getLogger(__name__)

CHANNEL = "zalo"
TOKEN_PATH = "/v4/oa/access_token"  # noqa: S105 - an address
RENEW_BEFORE = timedelta(hours=2)
CLAIM = timedelta(seconds=30)  # longer than a renewal with its timeouts
PATIENCE = 15.0  # seconds to wait for another worker's renewal
POLL = 0.1
PAUSE = 60.0  # seconds
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
        renew_elsewhere: Callable[[], None] | None = None,
    ) -> None:
        self._database = database
        self._vault = vault
        self._config = config
        self._http = http
        self._clock = clock
        self._patience = patience
        self._renew_elsewhere = renew_elsewhere
        self._lock = threading.Lock()
        self._unstored: Pair | None = None
        self._not_before = 0.0  # when `keep` tries again after a failure

    def current(self) -> str:
        """A token that is good for now, renewed first when needed; ChannelUnavailable or TokenRejected otherwise."""
        self.store_left_over()
        with reading(self._database) as session:
            token = self._good(session.get(ChannelToken, CHANNEL))
        return self._renewed() if token is None else token

    def _renewed(self) -> str:
        deadline, sent = time.monotonic() + self._patience, False
        while True:
            token, refresh_tokens = self._claim()
            if token is not None:
                return token
            if refresh_tokens and self._renew_elsewhere is None:
                return self.renew(refresh_tokens)
            if refresh_tokens and sent:  # the other process has been there and gave the claim back
                self._give_back("renewal_failed")
                raise ChannelUnavailable("token_not_renewed")
            if refresh_tokens:
                self._send_for_renewal()
                sent = True
            if time.monotonic() >= deadline:
                raise ChannelUnavailable("token_renewal_pending")
            time.sleep(POLL)

    def _send_for_renewal(self) -> None:
        if self._renew_elsewhere is None:
            return
        try:
            self._renew_elsewhere()
        except OSError:
            self._give_back("no_process")
            raise ChannelUnavailable("token_no_process") from None

    def keep(self) -> None:
        """Look after the account: spend a code that an administrator brought, renew before the end. Never raises
        a ChannelError: what failed is noted in the row and tried again."""
        self.store_left_over()
        try:
            self._connect()
            with reading(self._database) as session:
                row = session.get(ChannelToken, CHANNEL)
                known = row is not None or bool(self._config.refresh_token)
            if known and time.monotonic() >= self._not_before:
                self.current()
        except ChannelError as error:
            self._not_before = time.monotonic() + PAUSE
            log.error("zalo token not kept", extra={"channel": CHANNEL, "reason": error.code})

    def _connect(self) -> None:
        now = self._clock()
        with transaction(self._database) as session:
            found = connections.take_code(session, CHANNEL, now)
            if found is None or found.code is None:
                return
            state, code = found.state, self._vault.unseal(found.code)
            verifier = self._vault.unseal(found.verifier)
        fields = {"code": code, "app_id": self._config.app_id, "grant_type": "authorization_code"}
        try:
            pair = self._ask({**fields, "code_verifier": verifier})
        except ChannelError as error:
            self._connected(state, error.code)
            raise
        self._keep_pair(pair)
        self._connected(state, "connected")
        log.info("zalo account connected", extra={"channel": CHANNEL, "outcome": "connected"})

    def _connected(self, state: str, outcome: str) -> None:
        with transaction(self._database) as session:
            session.get_one(ChannelConnection, state).outcome = outcome[:60]

    def claimed_tokens(self) -> tuple[str, ...]:
        """The refresh tokens to spend, for the process that renews on behalf of whoever holds the claim."""
        with reading(self._database) as session:
            row = session.get(ChannelToken, CHANNEL)
            return self._refresh_tokens(row) if row is not None else ()

    def _refresh_tokens(self, row: ChannelToken) -> tuple[str, ...]:
        """The configured one is the first of the line, or what an operator put there after the line broke."""
        stored = self._vault.unseal(row.refresh_token) if row.refresh_token else ""
        return tuple(dict.fromkeys(token for token in (stored, self._config.refresh_token) if token))

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
            if row.spending_since is not None:
                log.warning("an earlier renewal has no known end", extra={"channel": CHANNEL, "outcome": "tried_again"})
            row.spending_since = now
            tokens = self._refresh_tokens(row)
        if not tokens:
            self._give_back("no_refresh_token")
            raise TokenRejected("no_refresh_token")
        return None, tokens

    def renew(self, refresh_tokens: tuple[str, ...]) -> str:
        """Spend the first of these that works; stores the new pair before it is used."""
        try:
            pair = self._exchange_first(refresh_tokens)
        except (ChannelUnavailable, ChannelBusy, TokenRejected) as error:
            self._give_back(error.code, unknown=error.code == "timeout")
            log.error("zalo token not renewed", extra={"channel": CHANNEL, "reason": error.code})
            raise
        self._keep_pair(pair)
        log.info("zalo token renewed", extra={"channel": CHANNEL, "outcome": "renewed"})
        return pair.access

    def _keep_pair(self, pair: Pair) -> None:
        with self._lock:
            self._unstored = pair
        try:
            self.store_left_over()
        except (SQLAlchemyError, OSError):
            # The pair stays in this process and is stored at the next call: losing it would lose the account.
            log.error("zalo token renewed but not stored", extra={"channel": CHANNEL, "outcome": "kept_in_memory"})
            raise ChannelUnavailable("token_not_stored") from None

    def store_left_over(self) -> None:
        """Bring a pair that could not be stored into the database."""
        with self._lock:
            pair = self._unstored
            if pair is None:
                return
            with transaction(self._database) as session:
                row = _locked(session)
                row.access_token = self._vault.seal(pair.access)
                row.refresh_token = self._vault.seal(pair.refresh)
                row.expires_at = pair.expires_at
                row.refreshing_until = row.spending_since = row.failing_since = row.failure = None
                row.version += 1
            self._unstored = None

    def _give_back(self, failure: str, *, unknown: bool = False) -> None:
        """`unknown` when Zalo may have taken the refresh token although no answer came."""
        now = self._clock()
        with transaction(self._database) as session:
            row = _locked(session)
            row.refreshing_until = None
            row.spending_since = row.spending_since if unknown else None
            row.failing_since = row.failing_since or now
            row.failure = failure[:60]

    def _exchange_first(self, refresh_tokens: tuple[str, ...]) -> Pair:
        for refresh_token in refresh_tokens[:-1]:
            try:
                return self._exchange(refresh_token)
            except TokenRejected:
                continue
        return self._exchange(refresh_tokens[-1])

    def _exchange(self, refresh_token: str) -> Pair:
        app_id = self._config.app_id
        return self._ask({"refresh_token": refresh_token, "app_id": app_id, "grant_type": "refresh_token"})

    def _ask(self, fields: dict[str, str]) -> Pair:
        """With the newest app secret, then with older ones: Zalo may not know the new one yet."""
        for secret in self._config.app_secrets[:-1]:
            try:
                return self._ask_with(secret, fields)
            except TokenRejected:
                continue
        return self._ask_with(self._config.app_secrets[-1], fields)

    def _ask_with(self, secret: str, fields: dict[str, str]) -> Pair:
        return self._read(self._http.post(TOKEN_PATH, {"secret_key": secret}, form=fields))

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
