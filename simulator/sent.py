"""Remembers the calls the gateway made on send endpoints, tokens redacted; filled by `serving`, read by `api`."""

import threading
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

MAX_CALLS = 5000


@dataclass
class Call:
    """One call; `status` is None when the caller got no answer, `accepted` says whether the citizen got the message."""

    n: int
    at: int
    endpoint: str
    method: str
    path: str
    headers: dict[str, str | bool | None]
    body: Any
    status: int | None = None
    answer: Any = None
    accepted: bool = False
    fault: str | None = None


class SentLog:
    """Calls in the order they arrived, numbered from 1, bounded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[Call] = deque(maxlen=MAX_CALLS)
        self._count = 0

    def add(
        self, at: int, endpoint: str, method: str, path: str, headers: dict[str, str | bool | None], body: Any
    ) -> Call:
        """Notes a call at its arrival; the server completes the outcome."""
        with self._lock:
            self._count += 1
            call = Call(self._count, at, endpoint, method, path, headers, body)
            self._calls.append(call)
            return call

    def after(self, number: int) -> list[dict[str, Any]]:
        """The calls that came after a number."""
        with self._lock:
            return [asdict(call) for call in self._calls if call.n > number]

    def clear(self) -> None:
        """Forgets the calls and counts from 1 again."""
        with self._lock:
            self._calls.clear()
            self._count = 0


def redact(token: str) -> str:
    """A token's last four characters."""
    return f"…{token[-4:]}" if token else ""
