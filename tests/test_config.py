"""A missing or wrong setting stops the start with a sentence that names it; nothing real runs on demo secrets."""

import ast
import re
from pathlib import Path

import pytest

from core.config import (
    DEMO_DATA_KEY,
    DEMO_SECRET_KEY,
    DEMO_SETTINGS,
    ConfigError,
    has_real_channels,
    is_loopback,
    load_config,
)
from simulator.settings import read_settings
from tests.support import ROOT

NOWHERE = Path("/nonexistent")
KEYS = {"SECRET_KEY": "a-secret", "DATA_KEY": "another"}
ZALO = {
    "ZALO_APP_ID": "1", "ZALO_OA_ID": "2", "ZALO_APP_SECRET": "s", "ZALO_OA_SECRET_KEY": "k", "ZALO_REFRESH_TOKEN": "t",
}  # fmt: skip
MESSENGER = {
    "MESSENGER_PAGE_ID": "1", "MESSENGER_APP_SECRET": "s", "MESSENGER_VERIFY_TOKEN": "v", "MESSENGER_PAGE_TOKEN": "t",
}  # fmt: skip
REAL = {**KEYS, **ZALO, **MESSENGER}
DEMO = {"TIEPDAN_DEMO": "1"}
SETTING = re.compile(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", re.MULTILINE)


def without(values: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in values.items() if key != name}


def test_with_two_keys_and_nothing_else_everything_has_its_default() -> None:
    config = load_config(KEYS, NOWHERE)
    assert config.database_url == "sqlite:///var/tiepdan.db"
    assert config.rasa_urls == ("http://127.0.0.1:5005",)
    ports = (config.webhook_port, config.desk_port, config.portal_port, config.simulator_port, config.actions_port)
    assert ports == (8000, 8080, 8070, 8090, 5055)
    assert (config.zalo, config.messenger, config.demo, config.var_dir) == (None, None, False, Path("var"))


def test_real_channels_talk_to_the_real_platforms() -> None:
    config = load_config(REAL, NOWHERE)
    assert config.zalo is not None
    assert config.messenger is not None
    assert (config.zalo.api_url, config.zalo.oauth_url) == ("https://openapi.zalo.me", "https://oauth.zaloapp.com")
    assert config.messenger.api_url == "https://graph.facebook.com"
    assert not config.simulated


@pytest.mark.parametrize("name", [name for name in REAL if name not in {"ZALO_REFRESH_TOKEN"}])
def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name} is not set.*\.$"):
        load_config(without(REAL, name), NOWHERE)
    with pytest.raises(ConfigError, match=f"^{name} is not set"):
        load_config({**REAL, name: ""}, NOWHERE)


def test_the_first_refresh_token_of_zalo_is_needed_only_once() -> None:
    assert load_config(without(REAL, "ZALO_REFRESH_TOKEN"), NOWHERE).zalo is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("START_RASA", "no"), ("ZALO_ANONYMOUS", "true"), ("SETTLE_SECONDS", "-1"), ("CLAMD", "somewhere"),
        ("WEBHOOK_PORT", "abc"), ("DESK_PORT", "0"), ("PORTAL_PORT", "-1"), ("SIMULATOR_PORT", "65536"),
        ("ACTIONS_PORT", "1.5"), ("WORKERS", "0"), ("TURN_THREADS", "many"), ("SEND_THREADS", " "),
        ("ZALO_API_URL", "http://openapi.zalo.me"), ("ZALO_OAUTH_URL", "http://10.0.0.1"),
        ("MESSENGER_API_URL", "ftp://127.0.0.1"), ("MESSENGER_API_URL", "graph.facebook.com"),
        ("ZALO_API_URL", "http://127.0.0.1@example.com"), ("ZALO_API_URL", "http://localhost.example.com"),
        ("SECRET_KEY", ","), ("DATA_KEY", " , "), ("ZALO_OA_SECRET_KEY", ","), ("MESSENGER_APP_SECRET", ","),
        ("RASA_URL", "127.0.0.1:5005"), ("RASA_URL", ","), ("RASA_URL", "http://127.0.0.1:5005,http://"),
        ("DATABASE_URL", "tiepdan.db"), ("DATABASE_URL", "sqlite:///:memory:"), ("DATABASE_URL", "mysql://h/db"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_in_a_sentence(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name} .*\.$"):
        load_config({**REAL, name: value}, NOWHERE)


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATA_KEY", "ZALO_APP_SECRET", "MESSENGER_APP_SECRET"])
def test_no_error_and_no_repr_tells_a_secret(name: str) -> None:
    config = load_config({**REAL, name: "hush-hush"}, NOWHERE)
    assert "hush-hush" not in repr(config)


@pytest.mark.parametrize(
    "values",
    [
        {**DEMO, **ZALO, "ZALO_API_URL": "https://openapi.zalo.me"},
        {**DEMO, "MESSENGER_API_URL": "https://graph.facebook.com"},
        {**ZALO, "SECRET_KEY": DEMO_SECRET_KEY, "DATA_KEY": "own"},
        {**ZALO, "SECRET_KEY": "own", "DATA_KEY": f"own,{DEMO_DATA_KEY}"},
        {**KEYS, **ZALO, "ZALO_OA_SECRET_KEY": "own,demo-zalo-oa-secret-key"},
        {**KEYS, **MESSENGER, "MESSENGER_APP_SECRET": "demo-messenger-app-secret"},
        {**KEYS, **MESSENGER, "MESSENGER_VERIFY_TOKEN": "demo-messenger-verify-token"},
    ],
)
def test_demo_settings_are_refused_against_a_real_platform(values: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"demo.*\.$"):
        load_config(values, NOWHERE)


def test_a_demo_needs_nothing_and_stays_on_this_machine() -> None:
    config = load_config({**DEMO, "SIMULATOR_PORT": "8123", "PORTAL_PORT": "8124"}, NOWHERE)
    assert config.zalo is not None
    assert config.messenger is not None
    urls = {config.zalo.api_url, config.zalo.oauth_url, config.messenger.api_url}
    assert urls == {"http://127.0.0.1:8123"}
    assert config.public_url == "http://127.0.0.1:8124"
    assert config.simulated
    assert config.demo


def test_lists_are_split_trimmed_and_keep_their_order() -> None:
    lists = {"SECRET_KEY": "new, old ,", "RASA_URL": "http://127.0.0.1:1, http://127.0.0.1:2"}
    config = load_config({**REAL, **lists, "ZALO_OA_SECRET_KEY": "b,a"}, NOWHERE)
    assert config.secret_keys == ("new", "old")
    assert config.rasa_urls == ("http://127.0.0.1:1", "http://127.0.0.1:2")
    assert config.zalo is not None
    assert config.zalo.oa_secret_keys == ("b", "a")


def test_the_environment_goes_before_the_file_and_empty_is_absent(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("SECRET_KEY=from-file\nDATA_KEY=from-file\nDESK_PORT=1234\n")
    config = load_config({"SECRET_KEY": "from-environment", "DATA_KEY": ""}, file)
    assert (config.secret_keys, config.data_keys, config.desk_port) == (("from-environment",), ("from-file",), 1234)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:5005", True), ("http://localhost", True), ("http://[::1]:80/x", True),
        ("https://openapi.zalo.me", False), ("http://127.0.0.1.example.com", False),
        ("http://127.0.0.1@evil.vn", False),
        ("127.0.0.1", False), ("", False), ("http://0.0.0.0", False),
    ],
)  # fmt: skip
def test_loopback_is_recognised_by_host_alone(url: str, here: bool) -> None:
    assert is_loopback(url) is here


@pytest.mark.parametrize(
    ("values", "real"),
    [
        ({}, False), (KEYS, False), (DEMO, False), ({**DEMO, **ZALO}, False), (REAL, True), (ZALO, True),
        ({"MESSENGER_PAGE_TOKEN": "t"}, True), ({**ZALO, "ZALO_API_URL": "http://127.0.0.1:8090"}, False),
    ],
)  # fmt: skip
def test_a_bare_clone_becomes_a_demo_only_when_nothing_real_is_configured(values: dict[str, str], real: bool) -> None:
    assert has_real_channels(values, NOWHERE) is real


@pytest.mark.parametrize(("url", "secure"), [("https://tiepdan.example", True), ("http://127.0.0.1:8070", False)])
def test_cookies_are_secure_exactly_behind_https(url: str, secure: bool) -> None:
    config = load_config({**KEYS, "PUBLIC_URL": f"{url}/"}, NOWHERE)
    assert (config.public_url, config.public_is_https) == (url, secure)


def settings_asked_for(module: str) -> set[str]:
    """The names in capitals that a module which reads the environment holds in quotes."""
    parsed = ast.walk(ast.parse((ROOT / module).read_text("utf-8")))
    texts = {node.value for node in parsed if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in texts if re.fullmatch(r"[A-Z][A-Z0-9_]{3,}", text)}


def test_the_example_explains_every_setting_in_one_line_and_none_that_is_not_read() -> None:
    lines = (ROOT / ".env.example").read_text("utf-8").split("\n")
    named = {number: found[1] for number, line in enumerate(lines) if (found := SETTING.match(line))}
    assert set(named.values()) == settings_asked_for("core/config.py") | settings_asked_for("simulator/settings.py")
    for number, name in named.items():
        before, above = lines[number - 1], lines[number - 2]
        assert before.startswith("# ") and not above.startswith("# "), name


def test_the_example_shows_the_defaults() -> None:
    shown = dict(SETTING.findall((ROOT / ".env.example").read_text("utf-8")))
    defaults = {name: value for name, value in shown.items() if value}
    sms = {"SMS_URL": "https://sms.example.vn", "SMS_TOKEN": "t"}
    assert len(defaults) > 20
    assert load_config({**REAL, **sms, **defaults}, NOWHERE) == load_config({**REAL, **sms}, NOWHERE)
    assert read_settings({**DEMO_SETTINGS, **defaults}) == read_settings(DEMO_SETTINGS)
