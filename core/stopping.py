"""How a process of ours is told to end: by SIGTERM or Ctrl-C, after what it has begun."""

import signal
import threading


def stop_event() -> threading.Event:
    """An event that is set once this process is told to end. Call it in the main thread."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
