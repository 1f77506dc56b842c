"""Renews Zalo's tokens in a process of its own, which lives on when the worker that began it is killed.

Between Zalo's answer and our database a refresh token exists nowhere else. `begin` is what the worker calls;
`python -m webhook.channels.renewal` is the process: it spends the claimed refresh token and stores the new pair,
again and again while the database is away.
"""

import logging
import subprocess
import sys
import time

from sqlalchemy.exc import SQLAlchemyError

from core.clock import local_now
from core.config import load_config
from core.db import open_database
from core.log import configure
from core.vault import Vault
from webhook.channels.base import ChannelError
from webhook.channels.http import Http
from webhook.channels.zalo_token import TokenStore

log = logging.getLogger(__name__)

TIMEOUT = 5.0  # seconds
STORING_GIVES_UP_AFTER = 3600.0  # seconds without a database


def begin() -> None:
    """Start the process, away from our terminal and our process group; raises OSError when there can be none."""
    command = [sys.executable, "-m", "webhook.channels.renewal"]
    process = subprocess.Popen(  # noqa: S603 - our own module
        command, start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    _children.append(process)
    _children[:] = [child for child in _children if child.poll() is None]  # reaps those that are done


_children: list[subprocess.Popen[bytes]] = []


def main() -> None:
    configure()
    config = load_config()
    if config.zalo is None:
        return
    database, vault = open_database(config.database_url), Vault(config.data_keys)
    store = TokenStore(database, vault, config.zalo, Http(config.zalo.oauth_url, TIMEOUT), local_now)
    try:
        store.renew(store.claimed_tokens())
    except ChannelError as error:
        log.error("renewal ended", extra={"channel": "zalo", "reason": error.code})
    _store_whatever_happens(store)


def _store_whatever_happens(store: TokenStore) -> None:
    deadline = time.monotonic() + STORING_GIVES_UP_AFTER
    while time.monotonic() < deadline:
        try:
            store.store_left_over()
        except (SQLAlchemyError, OSError):
            time.sleep(1.0)
        else:
            return


if __name__ == "__main__":
    main()
