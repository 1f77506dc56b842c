"""Starts the simulator on the loopback address: `python -m simulator`."""

import logging
import os
import sys
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]  # gunicorn has no types

from simulator import log
from simulator.app import create_app
from simulator.settings import Settings, SettingsError, read_settings

THREADS = 96


class Server(BaseApplication):  # type: ignore[misc]
    """One gunicorn process with many threads; the state lives in its memory."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Loopback only; no file or command line of gunicorn is read."""
        options: dict[str, Any] = {
            "bind": f"127.0.0.1:{self._settings.port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "timeout": 0,
            "graceful_timeout": 2,
            "keepalive": 30,
            "loglevel": "warning",
            "header_map": "dangerous",  # Zalo's own headers access_token and secret_key have underscores
            "control_socket_disable": True,
            "proc_name": "simulator",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Called in the process that serves, so the sender threads start there."""
        return create_app(self._settings)


def main() -> None:
    """Reads the settings, says what is wrong with them or serves until stopped."""
    log.configure(logging.INFO)
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        sys.exit(f"simulator: {error}")
    logging.getLogger("simulator").info("listening on http://127.0.0.1:%d", settings.port)
    Server(settings).run()


if __name__ == "__main__":
    main()
