"""Posts signed webhooks to the gateway, in order per lane, again when it cannot be reached; used by `world`."""

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import requests

from simulator.settings import Settings

SENDERS = 24

log = logging.getLogger(__name__)


@dataclass
class Parcel:
    """One webhook request; `lane` groups requests that must keep their order, `report` hears of every attempt.

    `report(state, status)`: state is sent, refused, retrying or failed; status is None when nobody answered.
    """

    lane: str
    path: str
    body: bytes
    headers: dict[str, str]
    report: Callable[[str, int | None], None]
    attempted: threading.Event = field(default_factory=threading.Event)
    state: str = "sending"
    status: int | None = None


class Delivery:
    """A few sender threads that serve many lanes, each lane by one thread at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lanes: dict[str, deque[Parcel]] = {}
        self._ready: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []

    def submit(self, parcel: Parcel) -> None:
        """Queues the parcel behind the others of its lane and returns."""
        with self._lock:
            if not self._threads:
                self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(SENDERS)]
                for thread in self._threads:
                    thread.start()
            lane = self._lanes.setdefault(parcel.lane, deque())
            lane.append(parcel)
            if len(lane) == 1:
                self._ready.put(parcel.lane)

    @property
    def waiting(self) -> int:
        """Webhooks not delivered yet."""
        with self._lock:
            return sum(len(lane) for lane in self._lanes.values())

    def close(self) -> None:
        """Stops the threads; what is still waiting is dropped."""
        self._closed.set()
        for _ in self._threads:
            self._ready.put(None)

    def _work(self) -> None:
        http: requests.Session | None = None
        while (name := self._ready.get()) is not None:
            http = http or requests.Session()
            self._serve(http, name)
        if http is not None:
            http.close()

    def _serve(self, http: requests.Session, name: str) -> None:
        parcel = self._lanes[name][0]
        try:
            self._deliver(http, parcel)
        except Exception:
            log.exception("webhook delivery broke lane=%s", name)
        parcel.attempted.set()
        with self._lock:
            lane = self._lanes[name]
            lane.popleft()
            if lane:
                self._ready.put(name)
            else:
                del self._lanes[name]

    def _deliver(self, http: requests.Session, parcel: Parcel) -> None:
        delays = self._settings.retry_delays
        for attempt in range(len(delays) + 1):
            status = self._post(http, parcel, attempt)
            parcel.status = status
            parcel.state = _state(status, last=attempt == len(delays))
            parcel.report(parcel.state, status)
            parcel.attempted.set()
            if parcel.state != "retrying" or self._closed.wait(delays[attempt]):
                return

    def _post(self, http: requests.Session, parcel: Parcel, attempt: int) -> int | None:
        retry = {"num_retry": str(attempt)} if attempt else {}
        try:
            answer = http.post(
                self._settings.webhook_url + parcel.path,
                data=parcel.body,
                headers=parcel.headers | retry,
                timeout=self._settings.webhook_timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            log.warning("webhook unreachable path=%s attempt=%d error=%s", parcel.path, attempt, type(error).__name__)
            return None
        return answer.status_code


def _state(status: int | None, *, last: bool) -> str:
    if status == 200:
        return "sent"
    if status is not None and status < 500:
        return "refused"
    return "failed" if last else "retrying"
