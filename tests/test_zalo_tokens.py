"""Zalo's pair of tokens: renewed in time, spent once by many workers, encrypted, mended from the settings."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from core.config import Config
from core.db import Base, Database, open_database, transaction
from core.model import ChannelToken
from core.vault import Vault
from tests.channels import NOW, config_of, outgoing
from tests.fakes import FakePlatform, Reply
from webhook.channels.base import Channel, ChannelBusy, ChannelError, ChannelUnavailable, TokenRejected
from webhook.channels.http import Http
from webhook.channels.zalo_token import TokenStore

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


@pytest.fixture
def config(platform: FakePlatform) -> Config:
    return config_of(platform.url)


@pytest.fixture
def database(channel_database: Database) -> Database:
    return channel_database


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
    assert channels["zalo"].send(outgoing()) == "sent-4"
    assert [call.headers["access_token"] for call in platform.calls_to("/cs")] == ["access-1", "access-3"]
    assert len(platform.calls_to("/access_token")) == 2


def test_a_token_refused_twice_is_left_for_a_later_try(channels: dict[str, Channel], platform: FakePlatform) -> None:
    platform.script("/message/cs", *[Reply({"error": -216, "message": "access token is invalid"})] * 2)
    with pytest.raises(TokenRejected) as caught:
        channels["zalo"].send(outgoing())
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
