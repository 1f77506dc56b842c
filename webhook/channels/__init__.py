"""The registry of channels; gateway and worker call `build_channels`, and a new channel is one line here."""

from collections.abc import Callable
from datetime import datetime

from core.clock import local_now
from core.config import Config
from core.db import Database
from core.vault import Vault
from webhook.channels import renewal
from webhook.channels.base import Channel
from webhook.channels.http import Http
from webhook.channels.messenger import MessengerChannel
from webhook.channels.sms import SmsChannel
from webhook.channels.zalo import ZaloChannel
from webhook.channels.zalo_token import TokenStore
from webhook.pace import Pace

Clock = Callable[[], datetime]
TOKEN_TIMEOUT = 5.0  # seconds: a renewal and a call must end before the message's lease does


def build_channels(
    config: Config, database: Database, vault: Vault, clock: Clock = local_now, tokens: TokenStore | None = None
) -> dict[str, Channel]:
    """Every configured channel by its name; one that is not configured does not exist."""
    built = (
        _zalo(config, tokens or build_tokens(config, database, vault, clock), clock),
        _messenger(config, clock),
        _sms(config),
    )
    return {channel.name: channel for channel in built if channel is not None}


def build_tokens(
    config: Config, database: Database, vault: Vault, clock: Clock = local_now, *, detached: bool = False
) -> TokenStore | None:
    """Zalo's tokens; `detached` renews them in a process of its own, which needs the settings in the environment."""
    if config.zalo is None:
        return None
    oauth = Http(config.zalo.oauth_url, min(TOKEN_TIMEOUT, config.send_timeout))
    return TokenStore(database, vault, config.zalo, oauth, clock, renew_elsewhere=renewal.begin if detached else None)


def _zalo(config: Config, tokens: TokenStore | None, clock: Clock) -> Channel | None:
    if config.zalo is None or tokens is None:
        return None
    return ZaloChannel(config.zalo, tokens, Http(config.zalo.api_url, config.send_timeout), clock)


def _messenger(config: Config, clock: Clock) -> Channel | None:
    if config.messenger is None:
        return None
    return MessengerChannel(config.messenger, Http(config.messenger.api_url, config.send_timeout), clock)


def _sms(config: Config) -> Channel | None:
    return None if config.sms is None else SmsChannel(config.sms, Http(config.sms.url, config.send_timeout))


def build_paces(config: Config) -> dict[str, Pace]:
    """How fast this process may speak on each configured channel."""
    rates = {"zalo": config.zalo, "messenger": config.messenger, "sms": config.sms}
    return {name: Pace(settings.per_second) for name, settings in rates.items() if settings is not None}
