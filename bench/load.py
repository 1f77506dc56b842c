"""Signed webhooks at a steady rate, each timed from the moment it was due: a slow server cannot slow the clock."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from core.config import DEMO_SETTINGS
from simulator.signing import messenger_body, messenger_signature, zalo_body, zalo_signature

_CONNECTIONS = 64
_TIMEOUT = 30.0  # seconds
_USERS = 500


@dataclass(frozen=True)
class Webhook:
    """One request of a platform."""

    path: str
    body: bytes
    headers: Mapping[str, str]


@dataclass
class Timed:
    """What came back: milliseconds of every answer, and how many of each status (0: none came)."""

    ms: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def good(self) -> int:
        return self.statuses[200]


def both_platforms(count: int) -> Iterator[Webhook]:
    """Messages of Zalo and Messenger in turn, each new, spread over many citizens."""
    run = uuid.uuid4().hex[:8]
    for number in range(count):
        make = zalo_text if number % 2 else messenger_text
        yield make(f"7{number % _USERS:018d}", f"{run}-{number}", f"ngõ {number} rác chất đống ba ngày nay")


def zalo_text(user: str, message_id: str, text: str) -> Webhook:
    """What Zalo sends when somebody writes, signed."""
    stamp = str(time.time_ns() // 1_000_000)
    body = zalo_body(
        {
            "app_id": DEMO_SETTINGS["ZALO_APP_ID"],
            "event_name": "user_send_text",
            "sender": {"id": user},
            "recipient": {"id": DEMO_SETTINGS["ZALO_OA_ID"]},
            "message": {"msg_id": message_id, "text": text},
            "timestamp": stamp,
        }
    )
    mac = zalo_signature(DEMO_SETTINGS["ZALO_APP_ID"], body, stamp, DEMO_SETTINGS["ZALO_OA_SECRET_KEY"])
    return Webhook("/webhooks/zalo", body, {"X-ZEvent-Signature": mac})


def messenger_text(user: str, message_id: str, text: str) -> Webhook:
    """What Facebook sends when somebody writes, signed."""
    page, stamp = DEMO_SETTINGS["MESSENGER_PAGE_ID"], time.time_ns() // 1_000_000
    event = {"sender": {"id": user}, "recipient": {"id": page}, "timestamp": stamp}
    event["message"] = {"mid": message_id, "text": text}
    body = messenger_body({"object": "page", "entry": [{"id": page, "time": stamp, "messaging": [event]}]})
    signature = messenger_signature(body, DEMO_SETTINGS["MESSENGER_APP_SECRET"])
    return Webhook("/webhooks/messenger", body, {"X-Hub-Signature-256": signature})


def at_rate(address: str, webhooks: Iterator[Webhook], rate: float) -> Timed:
    """Send them so many a second, whatever the answers do; returns when all are answered."""
    return asyncio.run(_at_rate(address, webhooks, rate))


async def _at_rate(address: str, webhooks: Iterator[Webhook], rate: float) -> Timed:
    due: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
    timed = Timed()
    parts = urlsplit(address)
    clients = [_client(parts.hostname or "", parts.port or 80, due, timed) for _ in range(_CONNECTIONS)]
    running = [asyncio.create_task(client) for client in clients]
    start = time.perf_counter()
    for number, webhook in enumerate(webhooks):
        moment = start + number / rate
        await asyncio.sleep(moment - time.perf_counter())
        due.put_nowait((moment, _request(webhook, parts.netloc)))
    for _ in running:
        due.put_nowait(None)
    await asyncio.gather(*running)
    return timed


def _request(webhook: Webhook, host: str) -> bytes:
    headers = {**webhook.headers, "Host": host, "Content-Length": str(len(webhook.body))}
    headers["Content-Type"] = "application/json"
    lines = [f"POST {webhook.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + webhook.body


async def _client(host: str, port: int, due: "asyncio.Queue[tuple[float, bytes] | None]", timed: Timed) -> None:
    """One kept connection, opened anew when the server closed it."""
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    while (found := await due.get()) is not None:
        moment, request = found
        try:
            streams = streams or await asyncio.open_connection(host, port)
            status, keep = await asyncio.wait_for(_exchange(*streams, request), _TIMEOUT)
        except (OSError, EOFError, ValueError, TimeoutError):
            status, keep = 0, False
        timed.ms.append(1000 * (time.perf_counter() - moment))
        timed.statuses[status] += 1
        if not keep and streams is not None:
            streams[1].close()
            streams = None
    if streams is not None:
        streams[1].close()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bool]:
    """The status, and whether the connection may be used again."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next((line.split(":")[1] for line in head.splitlines() if line.startswith("content-length:")), "0")
    await reader.readexactly(int(length))
    return int(head.split()[1]), "connection: close" not in head
