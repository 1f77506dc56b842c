"""Settings: one frozen object read once from the environment and `.env`; every process calls `load_config()` first."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

from core.setting import ConfigError as ConfigError
from core.setting import address, listed, port, positive, required, seconds, switch, whole
from core.setting import is_loopback as is_loopback

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


@dataclass(frozen=True)
class ZaloConfig:
    """Settings of the Zalo channel; `oa_secret_keys` and `app_secrets` sign with the first and verify with all."""

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
    """Settings of the Messenger channel; `app_secrets` sign with the first and verify with all (rotation)."""

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
    per_second: int = 50  # most calls of one worker process


@dataclass(frozen=True)
class SmsConfig:
    """A gateway that takes {"to","text"} as JSON with a bearer token and answers 2xx."""

    url: str
    token: str
    per_second: int = 5  # most messages of one worker process


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
    turn_threads: int = 2  # turns a worker process works on at the same time
    send_threads: int = 2  # messages a worker process sends at the same time
    desk_url: str = ""  # where officers reach the desk, when that is not the address they typed
    silence_minutes: int = 30  # how long the bot is silent after a person wrote in the platform's own inbox
    settle_seconds: float = 1.5  # free words wait this long for more of the same thought
    clamd: str = ""  # HOST:PORT or socket of a ClamAV daemon that looks at every file, if there is one
    record_file: Path | None = None  # where the gateway writes the shape of what it gets, without words and ids
    rasa_timeout: float = 20.0  # seconds
    send_timeout: float = 10.0  # seconds

    @property
    def public_is_https(self) -> bool:
        """Whether session cookies may carry the Secure flag."""
        return self.public_url.startswith("https://")

    @property
    def simulated(self) -> bool:
        """True when no configured channel talks to a real platform."""
        urls = [c.api_url for c in (self.zalo, self.messenger) if c is not None]
        return all(is_loopback(url) for url in urls)


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
    portal_port = port(values, "PORTAL_PORT", 8070)
    return Config(
        database_url=_database_url(values),
        rasa_urls=_rasa_urls(values),
        actions_port=port(values, "ACTIONS_PORT", 5055),
        webhook_port=port(values, "WEBHOOK_PORT", 8000),
        desk_port=port(values, "DESK_PORT", 8080),
        portal_port=portal_port,
        simulator_port=port(values, "SIMULATOR_PORT", 8090),
        metrics_port=port(values, "METRICS_PORT", 8060),
        var_dir=Path(values.get("VAR_DIR", "var")),
        secret_keys=listed(values, "SECRET_KEY"),
        data_keys=listed(values, "DATA_KEY"),
        public_url=values.get("PUBLIC_URL", f"http://127.0.0.1:{portal_port}").rstrip("/"),
        demo=demo,
        zalo=_zalo(values),
        messenger=_messenger(values),
        sms=_sms(values),
        workers=positive(values, "WORKERS", 1),
        clamd=_clamd(values),
        record_file=Path(values["RECORD_FILE"]) if "RECORD_FILE" in values else None,
        start_rasa=switch(values, "START_RASA", True),
        turn_threads=positive(values, "TURN_THREADS", 2),
        send_threads=positive(values, "SEND_THREADS", 2),
        settle_seconds=seconds(values, "SETTLE_SECONDS", 1.5),
        desk_url=address(values, "DESK_URL", "") if "DESK_URL" in values else "",
        silence_minutes=positive(values, "SILENCE_MINUTES", 30),
    )


def _zalo(values: Mapping[str, str]) -> ZaloConfig | None:
    if not any(k in values for k in ("ZALO_APP_ID", "ZALO_OA_SECRET_KEY", "ZALO_REFRESH_TOKEN")):
        return None
    return ZaloConfig(
        app_id=required(values, "ZALO_APP_ID"),
        oa_id=required(values, "ZALO_OA_ID"),
        app_secrets=listed(values, "ZALO_APP_SECRET"),
        oa_secret_keys=listed(values, "ZALO_OA_SECRET_KEY"),
        refresh_token=values.get("ZALO_REFRESH_TOKEN", ""),
        api_url=address(values, "ZALO_API_URL", "https://openapi.zalo.me"),
        oauth_url=address(values, "ZALO_OAUTH_URL", "https://oauth.zaloapp.com"),
        anonymous=switch(values, "ZALO_ANONYMOUS", True),
        zbs_template_id=values.get("ZALO_ZBS_TEMPLATE_ID", ""),
        contact_picture=values.get("ZALO_CONTACT_PICTURE", ""),
        billed_a_day=whole(values, "ZALO_BILLED_A_DAY", 1000),
        per_second=positive(values, "ZALO_PER_SECOND", 30),
    )


def _messenger(values: Mapping[str, str]) -> MessengerConfig | None:
    if not any(k in values for k in ("MESSENGER_PAGE_ID", "MESSENGER_APP_SECRET", "MESSENGER_PAGE_TOKEN")):
        return None
    return MessengerConfig(
        page_id=required(values, "MESSENGER_PAGE_ID"),
        app_secrets=listed(values, "MESSENGER_APP_SECRET"),
        verify_tokens=listed(values, "MESSENGER_VERIFY_TOKEN"),
        page_token=required(values, "MESSENGER_PAGE_TOKEN"),
        api_url=address(values, "MESSENGER_API_URL", "https://graph.facebook.com"),
        api_version=values.get("MESSENGER_API_VERSION", "v25.0"),
        app_id=values.get("MESSENGER_APP_ID", ""),
        inbox_app_ids=listed({"MESSENGER_INBOX_APP_IDS": PAGE_INBOX, **values}, "MESSENGER_INBOX_APP_IDS"),
        human_agent=switch(values, "MESSENGER_HUMAN_AGENT", True),
        utility_template=values.get("MESSENGER_UTILITY_TEMPLATE", ""),
        utility_language=values.get("MESSENGER_UTILITY_LANGUAGE", "vi"),
        per_second=positive(values, "MESSENGER_PER_SECOND", 50),
    )


def _sms(values: Mapping[str, str]) -> SmsConfig | None:
    if "SMS_URL" not in values:
        return None
    url = address(values, "SMS_URL", "")
    return SmsConfig(url, required(values, "SMS_TOKEN"), positive(values, "SMS_PER_SECOND", 5))


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


def _database_url(values: Mapping[str, str]) -> str:
    url = values.get("DATABASE_URL", "sqlite:///var/tiepdan.db")
    if not url.startswith(DATABASES) or url.endswith(":memory:") or url == "sqlite:///":
        raise ConfigError("DATABASE_URL must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE.")
    return url


def _rasa_urls(values: Mapping[str, str]) -> tuple[str, ...]:
    urls = listed({"RASA_URL": "http://127.0.0.1:5005", **values}, "RASA_URL")
    return tuple(address({"RASA_URL": url}, "RASA_URL", "") for url in urls)


def _clamd(values: Mapping[str, str]) -> str:
    found = values.get("CLAMD", "")
    if found and not found.startswith("/") and not found.rpartition(":")[2].isdecimal():
        raise ConfigError("CLAMD must be HOST:PORT or the path of a socket.")
    return found
