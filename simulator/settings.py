"""Reads the simulator's settings from the environment; called once at start by `__main__`, built by hand in tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEMO_REFRESH_TOKEN = "demo-refresh-token"  # noqa: S105  # a demo value on purpose
SECOND = 1.0


class SettingsError(Exception):
    """A setting is missing or wrong; the text names it and says what is expected."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything the simulator must know; lists of secrets are ordered, the first one signs, all are accepted."""

    zalo_app_id: str
    zalo_app_secrets: tuple[str, ...]
    zalo_oa_id: str
    zalo_oa_secret_keys: tuple[str, ...]
    messenger_page_id: str
    messenger_app_secrets: tuple[str, ...]
    messenger_verify_token: str
    messenger_page_tokens: tuple[str, ...]
    webhook_url: str = "http://127.0.0.1:8000"
    zalo_refresh_token: str = DEMO_REFRESH_TOKEN
    messenger_api_version: str = "v25.0"
    port: int = 8090
    var_dir: Path = Path("var")
    echoes: bool = True
    receipts: bool = True
    retry_delays: tuple[float, ...] = (1 * SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 20 * SECOND)
    webhook_timeout: float = 5 * SECOND

    @property
    def public_url(self) -> str:
        """Address under which uploaded pictures are offered to the gateway."""
        return f"http://127.0.0.1:{self.port}"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Builds the settings or raises SettingsError with one sentence."""
    webhook_port = _port(environ, "WEBHOOK_PORT", "8000")
    return Settings(
        zalo_app_id=_required(environ, "ZALO_APP_ID"),
        zalo_app_secrets=_secrets(environ, "ZALO_APP_SECRET"),
        zalo_oa_id=_required(environ, "ZALO_OA_ID"),
        zalo_oa_secret_keys=_secrets(environ, "ZALO_OA_SECRET_KEY"),
        messenger_page_id=_required(environ, "MESSENGER_PAGE_ID"),
        messenger_app_secrets=_secrets(environ, "MESSENGER_APP_SECRET"),
        messenger_verify_token=_required(environ, "MESSENGER_VERIFY_TOKEN"),
        messenger_page_tokens=_secrets(environ, "MESSENGER_PAGE_TOKEN"),
        webhook_url=_address(environ, "WEBHOOK_URL", f"http://127.0.0.1:{webhook_port}"),
        zalo_refresh_token=_text(environ, "ZALO_REFRESH_TOKEN", DEMO_REFRESH_TOKEN),
        messenger_api_version=_version(environ),
        port=_port(environ, "SIMULATOR_PORT", "8090"),
        var_dir=Path(_text(environ, "VAR_DIR", "var")),
        echoes=_switch(environ, "SIMULATOR_ECHOES"),
        receipts=_switch(environ, "SIMULATOR_RECEIPTS"),
    )


def _text(environ: Mapping[str, str], name: str, default: str = "") -> str:
    return environ.get(name, "").strip() or default


def _required(environ: Mapping[str, str], name: str) -> str:
    value = _text(environ, name)
    if not value:
        raise SettingsError(f"{name} is missing: the simulator needs the same value as the gateway.")
    return value


def _secrets(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    values = tuple(part.strip() for part in _required(environ, name).split(",") if part.strip())
    if not values:
        raise SettingsError(f"{name} is empty: give one value, or several separated by commas.")
    return values


def _port(environ: Mapping[str, str], name: str, default: str) -> int:
    value = _text(environ, name, default)
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise SettingsError(f"{name} must be a port number between 1 and 65535, not {value!r}.")
    return int(value)


def _address(environ: Mapping[str, str], name: str, default: str) -> str:
    value = _text(environ, name, default).rstrip("/")
    if not value.startswith(("http://", "https://")):
        raise SettingsError(f"{name} must start with http:// or https://, not {value!r}.")
    return value


def _version(environ: Mapping[str, str]) -> str:
    value = _text(environ, "MESSENGER_API_VERSION", "v25.0")
    if not value.startswith("v") or not value[1:].replace(".", "", 1).isdecimal():
        raise SettingsError(f"MESSENGER_API_VERSION must look like v25.0, not {value!r}.")
    return value


def _switch(environ: Mapping[str, str], name: str) -> bool:
    value = _text(environ, name, "on")
    if value not in ("on", "off"):
        raise SettingsError(f"{name} must be on or off, not {value!r}.")
    return value == "on"
