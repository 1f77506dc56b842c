"""Runs every process of the project under one supervisor until Ctrl-C; called by `manage.py run`.

supervisord restarts what dies and stops whole process groups; this module writes its configuration, waits until all
are healthy, prints where to go, and passes the stop signal on.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

from core.config import Config, is_loopback, settings_in_force

BOT_PYTHON = ".venv-bot/bin/python"
RASA_ENVIRONMENT = {"RASA_TELEMETRY_ENABLED": "false", "PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}
NO_PROXY = {"http": "", "https": ""}  # all of it is on this machine
WAIT_FOR_HEALTH = 180.0  # seconds
ALIVE_WITHIN = 30.0  # seconds
METRICS = Path("run/metrics")  # under VAR_DIR: what the processes count


class NotHealthyError(Exception):
    """Something did not become healthy in time; the message names it and its log."""


@dataclass(frozen=True)
class Process:
    """One process: its command, the health address (or the file a worker touches) that shows it works."""

    name: str
    command: Sequence[str]
    health: str = ""
    alive: str = ""
    stop_wait: int = 15  # seconds before it is killed


def processes(config: Config) -> list[Process]:
    """All processes of one machine; the simulator only when no real platform is configured."""
    python, sqlite = sys.executable, config.database_url.startswith("sqlite")
    local_rasa = [url for url in config.rasa_urls if config.start_rasa and is_loopback(url)]
    found = [
        *(_rasa(number, url, config.actions_port) for number, url in enumerate(local_rasa, 1)),
        Process("actions", (python, "-m", "actions.server"), _local(config.actions_port, "/health")),
        # SQLite takes one writer at a time: a second process would only queue behind the first.
        _web(python, "gateway", "webhook.app:application()", config.webhook_port, 16, 1 if sqlite else 2),
        *(_worker(python, number) for number in range(config.workers)),
        _web(python, "desk", "desk.app:application()", config.desk_port, 4),
        _web(python, "portal", "portal.app:application()", config.portal_port, 2),
        Process("metrics", (python, "-m", "webhook.metrics"), _local(config.metrics_port, "/metrics"), stop_wait=5),
    ]
    if config.simulated:
        found.append(
            Process("simulator", (python, "-m", "simulator"), _local(config.simulator_port, "/healthz"), stop_wait=5)
        )
    return found


def run(config: Config, environ: Mapping[str, str], greeting: str) -> int:
    """Start everything, say when it is ready, stay until stopped; returns the exit status."""
    wanted = processes(config)
    taken = [process.name for process in wanted if process.health and _answers(process.health)]
    if taken:
        sys.stderr.write(
            f"Already running, or its port is taken: {', '.join(taken)}. "
            f"Stop it first: Ctrl-C there, or kill $(cat {config.var_dir}/run/supervisor.pid)\n"
        )
        return 1
    _empty(config.var_dir / METRICS)
    path = _write(config, wanted)
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and file
        [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(path)],
        env=dict(environ),
        start_new_session=True,
    )
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: child.send_signal(signal.SIGTERM))
    try:
        _wait(config, wanted, child)
    except NotHealthyError as error:
        sys.stderr.write(f"{error}\n")
        child.terminate()
        child.wait()
        return 1
    sys.stdout.write(greeting)
    sys.stdout.flush()
    child.wait()
    return 0


def _rasa(number: int, url: str, actions_port: int) -> Process:
    name = "rasa" if number == 1 else f"rasa-{number}"
    # Rasa's world is past its end of life: it gets no secret and no database address, not even in its environment.
    passed = [f"{key}={os.environ[key]}" for key in ("PATH", "HOME", "LANG") if key in os.environ]
    clean = ("env", "-i", *passed, *(f"{key}={value}" for key, value in RASA_ENVIRONMENT.items()))
    command = (
        *clean,
        f"ACTIONS_PORT={actions_port}",
        BOT_PYTHON,
        "-m",
        "bot.server",
        "--port",
        str(urlsplit(url).port or 5005),
    )
    return Process(name, command, f"{url}/webhooks/turn/")


def _worker(python: str, number: int) -> Process:
    name = "worker" if number == 0 else f"worker-{number + 1}"
    return Process(name, (python, "-m", "webhook.worker"), alive=f"run/worker-{number}.alive", stop_wait=60)


def _web(python: str, name: str, app: str, port: int, threads: int, workers: int = 1) -> Process:
    command = (
        python, "-m", "gunicorn", app, "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread",
        "--workers", str(workers), "--threads", str(threads), "--graceful-timeout", "10",
        "--log-level", "warning", "--no-control-socket",
    )  # fmt: skip
    return Process(name, command, _local(port, "/healthz"))


def _local(port: int, path: str) -> str:
    return f"http://127.0.0.1:{port}{path}"


def _write(config: Config, wanted: Sequence[Process]) -> Path:
    run_folder = (config.var_dir / "run").resolve()
    log_folder = (config.var_dir / "log").resolve()
    run_folder.mkdir(parents=True, exist_ok=True)
    log_folder.mkdir(parents=True, exist_ok=True)
    lines = [
        "[supervisord]",
        *(["user=root"] if os.getuid() == 0 else []),
        "silent=true",
        f"logfile={log_folder}/supervisor.log",
        f"pidfile={run_folder}/supervisor.pid",
        "[unix_http_server]",
        f"file={run_folder}/supervisor.sock",
        "chmod=0600",
        "[supervisorctl]",
        f"serverurl=unix://{run_folder}/supervisor.sock",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
    ]
    for process in wanted:
        lines += [
            f"[program:{process.name}]",
            "command=" + " ".join(shlex.quote(word) for word in process.command).replace("%", "%%"),
            "autorestart=true",
            "startretries=1000000",
            "startsecs=1",
            "stopasgroup=true",
            "killasgroup=true",
            f"stopwaitsecs={process.stop_wait}",
            "redirect_stderr=true",
            f"stdout_logfile={log_folder}/{process.name}.log",
            "stdout_logfile_maxbytes=20MB",
            "stdout_logfile_backups=3",
        ]
    path = run_folder / "supervisord.conf"
    path.write_text("\n".join(lines) + "\n")
    return path


def _wait(config: Config, wanted: Sequence[Process], child: subprocess.Popen[bytes]) -> None:
    """Until all are healthy; raises NotHealthyError naming those that are not."""
    started = time.time()
    missing = list(wanted)
    while missing:
        if child.poll() is not None:
            raise NotHealthyError("The supervisor stopped; see log/supervisor.log.")
        if time.time() - started > WAIT_FOR_HEALTH:
            names = ", ".join(process.name for process in missing)
            raise NotHealthyError(f"Not healthy after {WAIT_FOR_HEALTH:.0f} s: {names}. See {config.var_dir}/log/.")
        time.sleep(0.3)
        missing = [process for process in missing if not _healthy(config, process, started)]


def _healthy(config: Config, process: Process, started: float) -> bool:
    if process.alive:
        path = config.var_dir / process.alive
        return path.exists() and path.stat().st_mtime > started - ALIVE_WITHIN
    return _answers(process.health)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2, proxies=NO_PROXY).ok
    except requests.RequestException:
        return False


def environment(config: Config) -> dict[str, str]:
    """What the processes inherit: every setting in force, so that gateway and simulator agree without reading files."""
    counted = {"PROMETHEUS_MULTIPROC_DIR": str((config.var_dir / METRICS).resolve())}
    return {**settings_in_force(), **counted, "VAR_DIR": str(config.var_dir)}


def _empty(folder: Path) -> None:
    """What earlier processes counted is over with them: a counter may begin at 0 again."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
