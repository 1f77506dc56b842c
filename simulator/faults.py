"""Keeps the faults a test has ordered and plays those that are the same on every endpoint; called by the servers."""

import contextlib
import random
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from flask import Response, request

ENDPOINTS = ("zalo_send", "zalo_template", "zalo_token", "zalo_upload", "messenger_send", "media")
PLAIN_KINDS = (
    "status500", "http429", "slow", "slow_bytes", "timeout", "reset", "lost_answer", "not_json", "expired_token",
)  # fmt: skip
# What a platform's own code says of one message or of our token (zalo.md section 9, messenger.md section 6).
NAMED_KINDS = {
    ("zalo_send", "window_closed"): (-230, None),
    ("zalo_send", "user_blocked"): (-213, None),
    ("zalo_send", "revoked_token"): (-220, None),
    ("messenger_send", "window_closed"): (10, 2018278),
    ("messenger_send", "user_blocked"): (551, 1545041),
    ("messenger_send", "revoked_token"): (190, 460),
}
CODE_KIND = re.compile(r"(?:zalo|graph|error_in_200):?(-?\d+)(?:/(\d+))?")
MAX_SECONDS = 120.0
DEFAULT_SECONDS = {"slow": 3.0, "slow_bytes": 3.0, "timeout": 30.0}
CHANCE_SEED = 2026
DRIPS = 20


@dataclass(frozen=True)
class Fault:
    """One misbehaviour; `code` (and `subcode`) is set for platform error codes."""

    kind: str
    seconds: float = 0.0
    code: int | None = None
    subcode: int | None = None


def parse_fault(endpoint: str, kind: str, seconds: float | None) -> Fault:
    """Reads a kind such as status500, zalo-32, error_in_200:-201 or graph:10/2018278; ValueError when unknown."""
    if kind in PLAIN_KINDS:
        wait = DEFAULT_SECONDS.get(kind, 0.0) if seconds is None else seconds
        return Fault(kind, min(max(wait, 0.0), MAX_SECONDS))
    if (endpoint, kind) in NAMED_KINDS:
        code, subcode = NAMED_KINDS[endpoint, kind]
        return Fault(kind, code=code, subcode=subcode)
    match = CODE_KIND.fullmatch(kind)
    if match is None:
        raise ValueError(kind)
    return Fault("code", code=int(match[1]), subcode=int(match[2]) if match[2] else None)


class Faults:
    """Queues of ordered faults, one per endpoint, and shares of all calls that go wrong by chance."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chance = random.Random(CHANCE_SEED)  # noqa: S311 - the same misfortunes in every run
        self._shares: dict[str, tuple[float, tuple[Fault, ...]]] = {}
        self._queues: dict[str, deque[Fault]] = {endpoint: deque() for endpoint in ENDPOINTS}

    def order(self, endpoint: str, fault: Fault, count: int) -> None:
        """The next `count` calls misbehave; they queue behind what was ordered before."""
        with self._lock:
            self._queues[endpoint].extend([fault] * count)

    def take(self, endpoint: str) -> Fault | None:
        """The fault for this call, used up."""
        with self._lock:
            waiting = self._queues[endpoint]
            if waiting:
                return waiting.popleft()
            share, kinds = self._shares.get(endpoint, (0.0, ()))
            return self._chance.choice(kinds) if self._chance.random() < share else None

    def by_chance(self, endpoint: str, share: float, kinds: tuple[Fault, ...]) -> None:
        """From now on this share of the calls misbehaves, in one of these ways; 0 ends it."""
        with self._lock:
            self._shares[endpoint] = share, kinds

    def waiting(self) -> dict[str, int]:
        """How many faults are still to come."""
        with self._lock:
            return {endpoint: len(faults) for endpoint, faults in self._queues.items()}

    def clear(self, endpoint: str | None = None) -> None:
        """Cancels what is still to come, for one endpoint or for all."""
        with self._lock:
            for name, waiting in self._queues.items():
                if endpoint in (None, name):
                    waiting.clear()
                    self._shares.pop(name, None)


def play_before(fault: Fault | None) -> Response | None:
    """Acts before the call is looked at; the answer to give instead of the real one, or None to go on."""
    if fault is None:
        return None
    if fault.kind in ("slow", "timeout"):
        time.sleep(fault.seconds)
    if fault.kind in ("timeout", "reset"):
        return hang_up()
    if fault.kind == "status500":
        return Response("Internal Server Error", 500, mimetype="text/plain")
    if fault.kind == "http429":
        return Response("Too Many Requests", 429, {"Retry-After": "2"}, mimetype="text/plain")
    if fault.kind == "not_json":
        return Response("<html>Bad gateway</html>", 200, mimetype="text/html")
    return None


def drip(answer: Response, seconds: float) -> Response:
    """The same answer in small pieces, so that it takes this long although something always comes."""
    data = answer.get_data()
    step = max(len(data) // DRIPS, 1)
    pieces = [data[start : start + step] for start in range(0, len(data), step)]

    def slowly() -> Iterator[bytes]:
        for piece in pieces:
            time.sleep(seconds / len(pieces))
            yield piece

    return Response(slowly(), answer.status_code, {"Content-Length": str(len(data))}, mimetype=answer.mimetype)


def hang_up() -> Response:
    """Cuts the caller's connection; the response returned is only for the server's own bookkeeping."""
    connection = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    return Response("", 500)
