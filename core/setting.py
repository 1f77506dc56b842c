"""One setting read from text; ConfigError says in one sentence which is missing or wrong. Called by `config`."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class ConfigError(Exception):
    """A setting is missing or wrong; the message is one sentence for the administrator. Never worth a retry."""


def is_loopback(url: str) -> bool:
    """Whether the host of an address is this machine, by its name alone."""
    return (urlsplit(url).hostname or "") in LOOPBACK


def required(values: Mapping[str, str], name: str) -> str:
    """The text of a setting that has no default; raises ConfigError when it is absent."""
    if not values.get(name):
        raise ConfigError(f"{name} is not set: put it into the environment or into .env (see .env.example).")
    return values[name]


def listed(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The values of a comma list, in order, at least one."""
    parts = tuple(part.strip() for part in required(values, name).split(",") if part.strip())
    if not parts:
        raise ConfigError(f"{name} holds commas only: it needs at least one value.")
    return parts


def positive(values: Mapping[str, str], name: str, default: int) -> int:
    """A whole number, 1 or more."""
    text = values.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"{name} must be a whole number above 0, not {text!r}.")
    return int(text)


def whole(values: Mapping[str, str], name: str, default: int) -> int:
    """A whole number, 0 or more."""
    return 0 if values.get(name) == "0" else positive(values, name, default)


def port(values: Mapping[str, str], name: str, default: int) -> int:
    """A port number, 1 to 65535."""
    number = positive(values, name, default)
    if number > 65535:
        raise ConfigError(f"{name} must be a port number up to 65535.")
    return number


def switch(values: Mapping[str, str], name: str, default: bool) -> bool:
    """0 or 1 as False or True."""
    text = values.get(name, "1" if default else "0")
    if text not in {"0", "1"}:
        raise ConfigError(f"{name} must be 0 or 1, not {text!r}.")
    return text == "1"


def seconds(values: Mapping[str, str], name: str, default: float) -> float:
    """Seconds below 1000, with a fraction if need be."""
    text = values.get(name, str(default))
    if not re.fullmatch(r"\d{1,3}(\.\d+)?", text):
        raise ConfigError(f"{name} must be a number of seconds, 0 or more, not {text!r}.")
    return float(text)


def address(values: Mapping[str, str], name: str, default: str) -> str:
    """An http(s) address without the last slash; plain http only to this machine."""
    url = values.get(name, default).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(f"{name} must be an http(s) address.")
    if parts.scheme == "http" and not is_loopback(url):
        raise ConfigError(f"{name} must use https outside this machine.")
    return url
