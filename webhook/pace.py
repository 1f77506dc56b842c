"""How fast one process may speak to one platform, and that it pauses when the platform asks; used by `deliver`."""

import threading
import time


class Pace:
    """At most `per_second` calls, evenly spread, for all threads of a process together."""

    def __init__(self, per_second: float) -> None:
        self._gap = 1.0 / per_second
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        """Come back when it is this caller's turn."""
        with self._lock:
            at = max(self._next, time.monotonic())
            self._next = at + self._gap
        time.sleep(max(0.0, at - time.monotonic()))

    def pause(self, seconds: float) -> None:
        """The platform takes no more just now: nobody calls before this has passed."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)
