"""Real processes to measure: Rasa on a free port of loopback, for as long as a `with` lasts."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

ROOT = Path(__file__).parent.parent
BOT_PYTHON = ROOT / ".venv-bot/bin/python"
_QUIET = {"RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
_START_SECONDS = 120
_STOP_SECONDS = 30


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def listener(port: int) -> int:
    """The process that was started to listen on a port: its command line names it."""
    wanted = f"127.0.0.1:{port}".encode()
    found = [int(p.parent.name) for p in Path("/proc").glob("[0-9]*/cmdline") if wanted in p.read_bytes().split(b"\0")]
    return min(found)


@contextmanager
def serving(
    command: Sequence[str | Path], port: int, settings: Mapping[str, str] | None = None, health: str = "/status"
) -> Iterator[str]:
    """Runs a server and gives its address once it answers; raises RuntimeError when it ends before or never does."""
    environment = {**_QUIET, "PATH": os.environ["PATH"], **(settings or {})}
    address = f"http://127.0.0.1:{port}"
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=nowhere, stderr=nowhere) as process:
        try:
            _wait(process, address + health)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=_STOP_SECONDS)


@contextmanager
def our_rasa(model: Path, actions_port: int = 5055) -> Iterator[str]:
    """Rasa as the project starts it, with this model (a file or a folder)."""
    port = free_port()
    command = [BOT_PYTHON, "-m", "bot.server", "--model", model, "--port", str(port)]
    with serving([str(part) for part in command], port, {"ACTIONS_PORT": str(actions_port)}) as address:
        yield address


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.2)
    raise RuntimeError("the server did not answer in time")


@contextmanager
def our_actions(folder: Path) -> Iterator[int]:
    """The action server with an empty database of its own in a folder; gives its port."""
    port = free_port()
    settings = {
        "ACTIONS_PORT": str(port),
        "VAR_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/bench.db",
        "TIEPDAN_DEMO": "1",
    }
    for command in ("migrate", "seed"):
        subprocess.run([sys.executable, "manage.py", command], cwd=ROOT, env={**os.environ, **settings}, check=True)
    with serving([sys.executable, "-m", "actions.server"], port, settings, "/health"):
        yield port
