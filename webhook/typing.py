"""Shows the citizen that an answer is on its way when it takes longer than usual; used by converse."""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from webhook.channels.base import Channel, ChannelError

log = logging.getLogger(__name__)

SLOW = 0.7  # seconds


@dataclass(frozen=True)
class Typing:
    """A wish, not a duty: a platform that refuses costs nothing but a line in the log."""

    channels: Mapping[str, Channel]
    slow: float = SLOW

    @contextmanager
    def while_slow(self, channel: str, user_id: str) -> Iterator[None]:
        found = self.channels.get(channel)
        timer = threading.Timer(self.slow, _show, (found, user_id)) if found is not None else None
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()


def _show(channel: Channel, user_id: str) -> None:
    try:
        channel.typing(user_id)
    except ChannelError as error:
        log.info("typing not shown", extra={"channel": channel.name, "reason": error.code})
