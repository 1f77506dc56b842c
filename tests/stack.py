"""The whole project as real processes on free ports, for journeys: started by `manage.py run`, spoken to by HTTP."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from cases.transcript import transcript
from core.config import DEMO_SETTINGS, load_config
from core.db import Database, open_database, reading
from core.vault import Vault
from tests.fakes import sign_zalo

ROOT = Path(__file__).parent.parent
READY = "Tiếp Dân is running"
START_TIMEOUT = 240.0  # seconds
ANSWER_TIMEOUT = 90.0  # seconds; a killed Rasa needs up to 25 s to start again on a busy machine
PASSWORD = "tiep-dan-demo"


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports


def until(true: Callable[[], Any], what: str, timeout: float = ANSWER_TIMEOUT) -> Any:
    """Poll until something holds and return it; fails naming what did not happen."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = true()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"did not happen within {timeout:.0f} s: {what}")


@dataclass
class Stack:
    """One running project. `extra` adds settings; `rasa` and `workers` say how many of each."""

    var: Path
    extra: dict[str, str] = field(default_factory=dict)
    rasa: int = 1
    workers: int = 1
    ports: dict[str, int] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    output: list[str] = field(default_factory=list)
    database: Database | None = None
    more_gateways: list[str] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        names = ["WEBHOOK_PORT", "DESK_PORT", "PORTAL_PORT", "SIMULATOR_PORT", "ACTIONS_PORT", "METRICS_PORT"]
        if not self.ports:
            rasa = [f"RASA_{number}" for number in range(self.rasa)]
            self.ports = dict(zip([*names, *rasa], free_ports(len(names) + self.rasa), strict=True))
        urls = [f"http://127.0.0.1:{self.ports[f'RASA_{number}']}" for number in range(self.rasa)]
        inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        return {
            **inherited,
            **{name: str(self.ports[name]) for name in names},
            "RASA_URL": ",".join(urls),
            "WORKERS": str(self.workers),
            "VAR_DIR": str(self.var),
            "DATABASE_URL": f"sqlite:///{self.var}/tiepdan.db",
            "TIEPDAN_DEMO": "1",
            **self.extra,
        }

    def start(self) -> None:
        """Start everything and wait for the greeting; raises with the output when it does not come."""
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "run"],
            cwd=ROOT,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        until(self._ready_or_dead, "manage.py run greets", START_TIMEOUT)
        if self.process.poll() is not None:
            raise AssertionError("manage.py run ended: " + "".join(self.output[-20:]))

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=90)
        if self.database is not None:
            self.database.engine.dispose()

    def kill(self, name: str) -> None:
        """SIGKILL one supervised process, its children included when it has any."""
        pid = self.pid(name)
        if pid:
            os.killpg(pid, signal.SIGKILL)

    def pid(self, name: str) -> int:
        """The process id that the supervisor knows, 0 while it is not running."""
        answer = self.control("pid", name)
        return int(answer) if answer.isdecimal() else 0

    def control(self, *words: str) -> str:
        """Tell the supervisor something and return what it says."""
        command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(self.var / "run/supervisord.conf")]
        return subprocess.run([*command, *words], capture_output=True, text=True, check=False).stdout.strip()

    def manage(self, *arguments: str, stdin: str = "") -> str:
        """Run a manage.py command against this stack's store and return what it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def url(self, port: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.ports[port]}{path}"

    def simulator(self, path: str, **body: Any) -> Any:
        """POST to the simulator's API; an AssertionError carries its refusal."""
        answer = requests.post(self.url("SIMULATOR_PORT", path), json=body, timeout=30)
        assert answer.ok, f"{path}: {answer.status_code} {answer.text[:200]}"
        return answer.json()

    @property
    def vault(self) -> Vault:
        return Vault(load_config(self.environment(), Path("/nonexistent")).data_keys)

    def conversation(self, channel: str, user: str) -> dict[str, Any]:
        """The transcript from the real store, as `manage.py conversation --json` prints it."""
        if self.database is None:
            self.database = open_database(self.environment()["DATABASE_URL"])
        with reading(self.database) as session:
            return transcript(session, channel, user, self.vault)

    def seen(self, channel: str, user: str) -> list[dict[str, Any]]:
        """What the citizen has on the screen, both ways, in order."""
        answer = requests.get(self.url("SIMULATOR_PORT", f"/api/conversations/{channel}/{user}"), timeout=30)
        return list(answer.json()["messages"])

    def citizen(self, channel: str) -> "Citizen":
        return Citizen(self, channel, f"u{uuid.uuid4().hex[:12]}")

    def officer(self, username: str, password: str = PASSWORD) -> "Desk":
        return Desk(self, username, password)

    def _ready_or_dead(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None or any(READY in line for line in self.output)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as stream:
            for line in stream:
                self.output.append(line)


@dataclass
class Citizen:
    """A person with a phone on one channel."""

    stack: Stack
    channel: str
    user: str

    def send(self, **what: Any) -> None:
        """Send without waiting for an answer."""
        self.stack.simulator("/api/messages", channel=self.channel, user=self.user, **what)

    def post_to(self, gateway: str, text: str) -> bool:
        """Send a signed Zalo webhook to this gateway; says whether it was taken. A repeat is the same message."""
        body = {
            "app_id": DEMO_SETTINGS["ZALO_APP_ID"],
            "event_name": "user_send_text",
            "sender": {"id": self.user},
            "recipient": {"id": DEMO_SETTINGS["ZALO_OA_ID"]},
            "message": {"msg_id": f"{self.user}-{text}", "text": text},
            "timestamp": str(time.time_ns() // 1_000_000),
        }
        raw = json.dumps(body, ensure_ascii=False).encode()
        secret, app_id = DEMO_SETTINGS["ZALO_OA_SECRET_KEY"], DEMO_SETTINGS["ZALO_APP_ID"]
        headers = {"Content-Type": "application/json", **sign_zalo(raw, secret, app_id)}
        try:
            return requests.post(f"{gateway}/webhooks/zalo", data=raw, headers=headers, timeout=10).ok
        except requests.RequestException:
            return False

    def say(self, text: str | None = None, **what: Any) -> list[str]:
        """Send and wait for the next messages of the page; returns their texts once no more follow."""
        before = len(self.received())
        self.send(**({"text": text} if text is not None else {}), **what)
        return self.await_answer(before)

    def tap(self, title: str) -> list[str]:
        return self.say(tap=title)

    def await_answer(self, before: int) -> list[str]:
        until(lambda: len(self.received()) > before, f"an answer for {self.channel}")
        settled = len(self.received())
        while True:
            time.sleep(0.4)
            now = len(self.received())
            if now == settled:
                return [message["text"] for message in self.received()[before:]]
            settled = now

    def received(self) -> list[dict[str, Any]]:
        return [message for message in self.stack.seen(self.channel, self.user) if message["sender"] == "page"]

    def transcript(self) -> dict[str, Any]:
        return self.stack.conversation(self.channel, self.user)

    def told_code(self) -> str:
        """The first case code in what the citizen was told."""
        texts = "\n".join(message["text"] for message in self.received())
        found = re.search(r"PA-\d{3}-\d{3}-\d{3}", texts)
        assert found, "no code was told"
        return found[0]


class Desk:
    """An officer's browser: keeps cookies, sends the CSRF token of the page it has read."""

    def __init__(self, stack: Stack, username: str, password: str) -> None:
        self._base = stack.url("DESK_PORT")
        self._session = requests.Session()
        page = self._session.get(f"{self._base}/login", timeout=30).text
        form = {"username": username, "password": password, "csrf_token": _csrf(page)}
        answer = self._session.post(f"{self._base}/login", data=form, timeout=30)
        assert answer.ok and "/login" not in answer.url, "the desk refused the login"

    def get(self, path: str) -> requests.Response:
        return self._session.get(f"{self._base}{path}", timeout=30)

    def post(self, page: str, path: str, **form: str) -> requests.Response:
        """Submit a form as the page at `page` would, with its hidden fields."""
        html = self.get(page).text
        hidden = {"csrf_token": _csrf(html), "version": _hidden(html, "version")}
        return self._session.post(f"{self._base}{path}", data={**hidden, **form}, timeout=30)


def _csrf(html: str) -> str:
    return _hidden(html, "csrf_token")


def _hidden(html: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', html)
    return found[1] if found else ""
