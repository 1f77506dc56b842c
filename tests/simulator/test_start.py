"""The simulator's settings, and its real server."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from simulator.settings import SettingsError, read_settings
from tests.simulated import APP, ENVIRONMENT, wait_until
from tests.support import ROOT


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ZALO_APP_ID": ""}, "ZALO_APP_ID is missing"),
        ({"MESSENGER_PAGE_TOKEN": " , "}, "MESSENGER_PAGE_TOKEN is empty"),
        ({"SIMULATOR_PORT": "99999"}, "SIMULATOR_PORT must be a port"),
        ({"WEBHOOK_URL": "localhost:8000"}, "WEBHOOK_URL must start with"),
        ({"SIMULATOR_ECHOES": "maybe"}, "SIMULATOR_ECHOES must be on or off"),
    ],
)
def test_a_wrong_setting_stops_with_a_sentence(change: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        read_settings(ENVIRONMENT | change)


def test_the_webhook_address_follows_the_gateways_port() -> None:
    assert read_settings(ENVIRONMENT | {"WEBHOOK_PORT": "8123"}).webhook_url == "http://127.0.0.1:8123"


@pytest.mark.processes
def test_the_real_server_hears_zalos_headers_with_underscores(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = ENVIRONMENT | {"SIMULATOR_PORT": str(port), "VAR_DIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-m", "simulator"], env=environment, cwd=ROOT)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(url), seconds=15)
        form = {"grant_type": "refresh_token", "refresh_token": "demo-refresh-token", "app_id": APP}
        secret = {"secret_key": "app-secret"}
        pair = requests.post(f"{url}/v4/oa/access_token", data=form, headers=secret, timeout=5).json()
        access = {"access_token": pair["access_token"]}
        assert requests.get(f"{url}/v2.0/oa/getoa", headers=access, timeout=5).json()["error"] == 0
    finally:
        process.terminate()
        process.wait(timeout=10)


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=1).ok
    except requests.ConnectionError:
        return False
