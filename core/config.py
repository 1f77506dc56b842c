"""Settings: one frozen object read once from the environment and `.env`; every process calls `load_config()` first."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
DATABASES = ("sqlite:///", "postgresql://", "postgresql+psycopg://", "postgres://")
PAGE_INBOX = "26390203743090"  # the app id under which a person in the Page's own inbox writes
DEMO_SECRET_KEY = "demo-secret-key-only-for-the-simulator"  # noqa: S105 - public on purpose, refused elsewhere
DEMO_DATA_KEY = "demo-data-key-only-for-the-simulator"
# What the gateway and the simulator agree on when nothing real is configured (TIEPDAN_DEMO=1, set by `make run`).
DEMO_SETTINGS: Mapping[str, str] = {
    "SECRET_KEY": DEMO_SECRET_KEY,
    "DATA_KEY": DEMO_DATA_KEY,
    "ZALO_APP_ID": "1847362950174826395",
    "ZALO_APP_SECRET": "demo-zalo-app-secret",
    "ZALO_OA_ID": "2750918364027519384",
    "ZALO_OA_SECRET_KEY": "demo-zalo-oa-secret-key",
    "ZALO_REFRESH_TOKEN": "demo-zalo-refresh-token",
    "MESSENGER_PAGE_ID": "104882019374655",
    "MESSENGER_APP_SECRET": "demo-messenger-app-secret",
    "MESSENGER_VERIFY_TOKEN": "demo-messenger-verify-token",
    "MESSENGER_PAGE_TOKEN": "demo-messenger-page-token",
}


class ConfigError(Exception):
    """A setting is missing or wrong; the message is one sentence for the administrator. Never worth a retry."""


@dataclass(frozen=True)
class ZaloConfig:
    """Settings of the Zalo channel; `oa_secret_keys` and `app_secrets` sign first with the first (rotation)."""

    app_id: str
    oa_id: str
    app_secrets: tuple[str, ...]
    oa_secret_keys: tuple[str, ...]
    refresh_token: str
    api_url: str
    oauth_url: str
    anonymous: bool = True  # answer people who are not signed in
    zbs_template_id: str = ""  # an approved template with the parameters ma_ho_so and lien_ket
    contact_picture: str = ""  # https address of the picture on the form that asks for a phone number
    billed_a_day: int = 1000  # most messages a day that Zalo bills
    per_second: int = 30  # most calls of one worker process


@dataclass(frozen=True)
class MessengerConfig:
    """Settings of the Messenger channel."""

    page_id: str
    app_secrets: tuple[str, ...]
    verify_tokens: tuple[str, ...]
    page_token: str
    api_url: str
    api_version: str
    app_id: str = ""
    inbox_app_ids: tuple[str, ...] = (PAGE_INBOX,)
    human_agent: bool = True  # the permission Human Agent is granted
    utility_template: str = ""  # an approved template whose body has two places: code and link
    utility_language: str = "vi"
    per_second: int = 50


@dataclass(frozen=True)
class SmsConfig:
    """A gateway that takes {"to","text"} as JSON with a bearer token and answers 2xx."""

    url: str
    token: str
    per_second: int = 5


@dataclass(frozen=True)
class Config:
    """All settings of one process. A channel that is not configured is None and its webhook does not exist."""

    database_url: str
    rasa_urls: tuple[str, ...]
    actions_port: int
    webhook_port: int
    desk_port: int
    portal_port: int
    simulator_port: int
    metrics_port: int
    var_dir: Path
    secret_keys: tuple[str, ...] = field(repr=False)
    data_keys: tuple[str, ...] = field(repr=False)
    public_url: str
    demo: bool
    zalo: ZaloConfig | None = field(default=None, repr=False)
    messenger: MessengerConfig | None = field(default=None, repr=False)
    sms: SmsConfig | None = field(default=None, repr=False)
    workers: int = 1  # worker processes that `make run` starts
    start_rasa: bool = True  # whether `make run` starts the Rasa processes whose address is on this machine
    turn_threads: int = 2
    send_threads: int = 2
    desk_url: str = ""  # where officers reach the desk, when that is not the address they typed
    silence_minutes: int = 30  # how long the bot is silent after a person wrote in the platform's own inbox
    settle_seconds: float = 1.5  # free words wait this long for more of the same thought
    rasa_timeout: float = 20.0
    send_timeout: float = 10.0

    @property
    def public_is_https(self) -> bool:
        """Whether session cookies may carry the Secure flag."""
        return self.public_url.startswith("https://")

    @property
    def simulated(self) -> bool:
        """True when no configured channel talks to a real platform."""
        urls = [c.api_url for c in (self.zalo, self.messenger) if c is not None]
        return all(is_loopback(url) for url in urls)


def is_loopback(url: str) -> bool:
    return (urlsplit(url).hostname or "") in LOOPBACK


def load_config(environ: Mapping[str, str] | None = None, env_file: Path | None = None) -> Config:
    """Read the environment over `.env`; raises ConfigError with one sentence when something is missing or wrong."""
    values = settings_in_force(environ, env_file)
    config = _build(values, values.get("TIEPDAN_DEMO") == "1")
    _check(config)
    return config


def settings_in_force(environ: Mapping[str, str] | None = None, env_file: Path | None = None) -> dict[str, str]:
    """Environment over `.env` over, in a demo, what gateway and simulator agree on; empty values count as absent."""
    values = {k: v for k, v in dotenv_values(env_file or Path(".env")).items() if v}
    values.update({k: v for k, v in (os.environ if environ is None else environ).items() if v})
    if values.get("TIEPDAN_DEMO") == "1":
        return {**DEMO_SETTINGS, **_demo_urls(values), **values}
    return values


def has_real_channels(environ: Mapping[str, str] | None = None, env_file: Path | None = None) -> bool:
    """Whether somebody configured a channel against a real platform (then there is no demo)."""
    values = settings_in_force(environ, env_file)
    if values.get("TIEPDAN_DEMO") == "1":
        return False
    zalo = "ZALO_OA_SECRET_KEY" in values or "ZALO_REFRESH_TOKEN" in values
    messenger = "MESSENGER_APP_SECRET" in values or "MESSENGER_PAGE_TOKEN" in values
    return (zalo and not is_loopback(values.get("ZALO_API_URL", "https://openapi.zalo.me"))) or (
        messenger and not is_loopback(values.get("MESSENGER_API_URL", "https://graph.facebook.com"))
    )


def _demo_urls(values: Mapping[str, str]) -> dict[str, str]:
    simulator = f"http://127.0.0.1:{values.get('SIMULATOR_PORT', '8090')}"
    return {
        "ZALO_API_URL": simulator,
        "ZALO_OAUTH_URL": simulator,
        "MESSENGER_API_URL": simulator,
        "PUBLIC_URL": f"http://127.0.0.1:{values.get('PORTAL_PORT', '8070')}",
    }


def _build(values: Mapping[str, str], demo: bool) -> Config:
    portal_port = _port(values, "PORTAL_PORT", 8070)
    return Config(
        database_url=_database_url(values),
        rasa_urls=_rasa_urls(values),
        actions_port=_port(values, "ACTIONS_PORT", 5055),
        webhook_port=_port(values, "WEBHOOK_PORT", 8000),
        desk_port=_port(values, "DESK_PORT", 8080),
        portal_port=portal_port,
        simulator_port=_port(values, "SIMULATOR_PORT", 8090),
        metrics_port=_port(values, "METRICS_PORT", 8060),
        var_dir=Path(values.get("VAR_DIR", "var")),
        secret_keys=_list(values, "SECRET_KEY"),
        data_keys=_list(values, "DATA_KEY"),
        public_url=values.get("PUBLIC_URL", f"http://127.0.0.1:{portal_port}").rstrip("/"),
        demo=demo,
        zalo=_zalo(values),
        messenger=_messenger(values),
        sms=_sms(values),
        workers=_positive(values, "WORKERS", 1),
        start_rasa=values.get("START_RASA", "1") != "0",
        turn_threads=_positive(values, "TURN_THREADS", 2),
        send_threads=_positive(values, "SEND_THREADS", 2),
        settle_seconds=_seconds(values, "SETTLE_SECONDS", 1.5),
        desk_url=_url(values, "DESK_URL", "") if "DESK_URL" in values else "",
        silence_minutes=_positive(values, "SILENCE_MINUTES", 30),
    )


def _zalo(values: Mapping[str, str]) -> ZaloConfig | None:
    if not any(k in values for k in ("ZALO_APP_ID", "ZALO_OA_SECRET_KEY", "ZALO_REFRESH_TOKEN")):
        return None
    return ZaloConfig(
        app_id=_required(values, "ZALO_APP_ID"),
        oa_id=_required(values, "ZALO_OA_ID"),
        app_secrets=_list(values, "ZALO_APP_SECRET"),
        oa_secret_keys=_list(values, "ZALO_OA_SECRET_KEY"),
        refresh_token=values.get("ZALO_REFRESH_TOKEN", ""),
        api_url=_url(values, "ZALO_API_URL", "https://openapi.zalo.me"),
        oauth_url=_url(values, "ZALO_OAUTH_URL", "https://oauth.zaloapp.com"),
        anonymous=_switch(values, "ZALO_ANONYMOUS", True),
        zbs_template_id=values.get("ZALO_ZBS_TEMPLATE_ID", ""),
        contact_picture=values.get("ZALO_CONTACT_PICTURE", ""),
        billed_a_day=_whole(values, "ZALO_BILLED_A_DAY", 1000),
        per_second=_positive(values, "ZALO_PER_SECOND", 30),
    )


def _messenger(values: Mapping[str, str]) -> MessengerConfig | None:
    if not any(k in values for k in ("MESSENGER_PAGE_ID", "MESSENGER_APP_SECRET", "MESSENGER_PAGE_TOKEN")):
        return None
    return MessengerConfig(
        page_id=_required(values, "MESSENGER_PAGE_ID"),
        app_secrets=_list(values, "MESSENGER_APP_SECRET"),
        verify_tokens=_list(values, "MESSENGER_VERIFY_TOKEN"),
        page_token=_required(values, "MESSENGER_PAGE_TOKEN"),
        api_url=_url(values, "MESSENGER_API_URL", "https://graph.facebook.com"),
        api_version=values.get("MESSENGER_API_VERSION", "v25.0"),
        app_id=values.get("MESSENGER_APP_ID", ""),
        inbox_app_ids=_list({"MESSENGER_INBOX_APP_IDS": PAGE_INBOX, **values}, "MESSENGER_INBOX_APP_IDS"),
        human_agent=_switch(values, "MESSENGER_HUMAN_AGENT", True),
        utility_template=values.get("MESSENGER_UTILITY_TEMPLATE", ""),
        utility_language=values.get("MESSENGER_UTILITY_LANGUAGE", "vi"),
        per_second=_positive(values, "MESSENGER_PER_SECOND", 50),
    )


def _sms(values: Mapping[str, str]) -> SmsConfig | None:
    if "SMS_URL" not in values:
        return None
    url = _url(values, "SMS_URL", "")
    return SmsConfig(url, _required(values, "SMS_TOKEN"), _positive(values, "SMS_PER_SECOND", 5))


def _check(config: Config) -> None:
    demo_keys = {DEMO_SECRET_KEY, DEMO_DATA_KEY} & {*config.secret_keys, *config.data_keys}
    if not config.simulated and (config.demo or demo_keys):
        raise ConfigError(
            "A real channel is configured together with demo settings: unset TIEPDAN_DEMO and set SECRET_KEY and "
            "DATA_KEY to secrets of your own."
        )
    demo_secrets = set(DEMO_SETTINGS.values()) - {DEMO_SETTINGS["ZALO_APP_ID"], DEMO_SETTINGS["ZALO_OA_ID"]}
    zalo, messenger = config.zalo, config.messenger
    used = {*(zalo.oa_secret_keys if zalo else ()), *(zalo.app_secrets if zalo else ())}
    used |= {*messenger.app_secrets, *messenger.verify_tokens, messenger.page_token} if messenger else set()
    if not config.simulated and used & demo_secrets:
        raise ConfigError("A channel uses a demo secret against a real platform: set its own secret.")


def _required(values: Mapping[str, str], name: str) -> str:
    if not values.get(name):
        raise ConfigError(f"{name} is not set: put it into the environment or into .env (see .env.example).")
    return values[name]


def _list(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in _required(values, name).split(",") if part.strip())
    if not parts:
        raise ConfigError(f"{name} holds commas only: it needs at least one value.")
    return parts


def _database_url(values: Mapping[str, str]) -> str:
    url = values.get("DATABASE_URL", "sqlite:///var/tiepdan.db")
    if not url.startswith(DATABASES) or url.endswith(":memory:") or url == "sqlite:///":
        raise ConfigError("DATABASE_URL must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE.")
    return url


def _rasa_urls(values: Mapping[str, str]) -> tuple[str, ...]:
    listed = _list({"RASA_URL": "http://127.0.0.1:5005", **values}, "RASA_URL")
    return tuple(_url({"RASA_URL": url}, "RASA_URL", "") for url in listed)


def _port(values: Mapping[str, str], name: str, default: int) -> int:
    port = _positive(values, name, default)
    if port > 65535:
        raise ConfigError(f"{name} must be a port number up to 65535.")
    return port


def _positive(values: Mapping[str, str], name: str, default: int) -> int:
    text = values.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"{name} must be a whole number above 0, not {text!r}.")
    return int(text)


def _whole(values: Mapping[str, str], name: str, default: int) -> int:
    return 0 if values.get(name) == "0" else _positive(values, name, default)


def _switch(values: Mapping[str, str], name: str, default: bool) -> bool:
    text = values.get(name, "1" if default else "0")
    if text not in {"0", "1"}:
        raise ConfigError(f"{name} must be 0 or 1, not {text!r}.")
    return text == "1"


def _seconds(values: Mapping[str, str], name: str, default: float) -> float:
    text = values.get(name, str(default))
    if not re.fullmatch(r"\d{1,3}(\.\d+)?", text):
        raise ConfigError(f"{name} must be a number of seconds, 0 or more, not {text!r}.")
    return float(text)


def _url(values: Mapping[str, str], name: str, default: str) -> str:
    url = values.get(name, default).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(f"{name} must be an http(s) address.")
    if parts.scheme == "http" and not is_loopback(url):
        raise ConfigError(f"{name} must use https outside this machine.")
    return url
