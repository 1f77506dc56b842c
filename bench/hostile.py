"""Mutated and hostile webhooks against a real gateway: `python -m bench.hostile`.

Every recorded payload is broken in every way we know: types, depth, length, encodings, headers, signatures. The gateway
may refuse, and never answers 5xx; what no platform signed never becomes a row; its memory stays flat.
"""

import argparse
import asyncio
import copy
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from bench.ack import gateway
from bench.figures import Figure, Number, line, row
from bench.load import Webhook
from bench.processes import ROOT
from core.config import DEMO_SETTINGS
from core.db import open_database, reading
from core.model import Conversation, Inbound
from simulator.signing import messenger_signature, zalo_signature

_PAYLOADS = ROOT / "tests/payloads"
_AT_ONCE = 16
_TIMEOUT = 20.0  # seconds
_ODD_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**400, 1e308, "", " ", "0", "\x00", "\ud83d", "A" * 5000, "٣٤٥", "-1e9999", [], {}, [[]],
    [None], {"": None}, "2026-13-45", "<script>", "'; DROP TABLE inbounds; --", "../../etc/passwd", "\u202e",
    "http://169.254.169.254/latest", "file:///etc/passwd", 9**30, ["x"] * 300, {str(n): n for n in range(300)},
)  # fmt: skip
_ODD_SIGNATURES = (
    "",
    "mac=",
    "sha256=",
    "mac=" + "0" * 64,
    "sha256=" + "f" * 64,
    "é" * 40,
    "a" * 7000,
    "null",
    "mac=\t",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what was answered, what was stored without a signature, and how the memory of the gateway grew."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = _measured(Path(folder), options.count)
    print("\n".join([*map(row, found), *map(line, found)]))
    broken = ("hostile.answers_5xx", "hostile.no_answer", "hostile.forged_rows")
    return int(any(figure.value for figure in found if figure.name in broken))


def _measured(folder: Path, count: int) -> list[Figure]:
    """The forged half first, while the database must stay empty; then the half that is signed."""
    url, chance = f"sqlite:///{folder}/hostile.db", random.Random(2026)
    with gateway(folder, url) as (address, pid):
        statuses = asyncio.run(_send(address, forged(chance, count // 10)))
        before = memory(pid)
        statuses += asyncio.run(_send(address, forged(chance, count // 2 - count // 10)))
        forged_rows = _rows(url)
        statuses += asyncio.run(_send(address, signed(chance, count - count // 2)))
        grown = memory(pid) - before
    return [
        Number("hostile.n", sum(statuses.values())),
        *(Number(f"hostile.answers_{status}", statuses[status]) for status in sorted(statuses) if status),
        Number("hostile.answers_5xx", sum(n for status, n in statuses.items() if status >= 500)),
        Number("hostile.no_answer", statuses[0]),
        Number("hostile.forged_rows", forged_rows),
        Number("hostile.rows_of_signed", _rows(url)),
        Number("hostile.memory_before_mb", before),
        Number("hostile.memory_grown_mb", grown),
    ]


def forged(chance: random.Random, count: int) -> Iterator[Webhook]:
    """Bodies of every kind, with a signature that does not fit, or none."""
    for _ in range(count):
        channel, body = broken_body(chance)
        headers = {_header_of(channel): chance.choice(_ODD_SIGNATURES)} if chance.random() < 0.8 else {}
        if chance.random() < 0.2:  # signed for other bytes, or for the other platform
            headers = dict(sign(chance.choice(("zalo", "messenger")), body + b" ").headers)
        yield Webhook(f"/webhooks/{channel}", body, {**headers, **_odd_headers(chance)})


def signed(chance: random.Random, count: int) -> Iterator[Webhook]:
    """The same bodies as if a platform had gone mad, or its secret were known: signed all right."""
    for _ in range(count):
        channel, body = broken_body(chance)
        yield sign(channel, body)


def sign(channel: str, body: bytes) -> Webhook:
    """A body as the platform would send it, with the signature of the demo secret."""
    if channel == "messenger":
        mark = messenger_signature(body, DEMO_SETTINGS["MESSENGER_APP_SECRET"])
    else:
        stamp = _stamp(body)
        mark = zalo_signature(DEMO_SETTINGS["ZALO_APP_ID"], body, stamp, DEMO_SETTINGS["ZALO_OA_SECRET_KEY"])
    return Webhook(f"/webhooks/{channel}", body, {_header_of(channel): mark})


def broken_body(chance: random.Random) -> tuple[str, bytes]:
    """One of the recorded bodies, broken once or several times; its channel with it."""
    channel, recorded = chance.choice(_recorded())
    event = copy.deepcopy(recorded)
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        _break_value(chance, event)
    body = json.dumps(event, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    return channel, chance.choice(_BYTES)(chance, body)


def _break_value(chance: random.Random, event: Any) -> None:
    """Somewhere in the tree something odd, something gone, or something twice."""
    places = list(_places(event))
    if not places:
        return
    parent, key = chance.choice(places)
    act = chance.random()
    if act < 0.7:
        parent[key] = copy.deepcopy(chance.choice(_ODD_VALUES))
    elif act < 0.85:
        del parent[key]
    else:
        parent[key] = [parent[key]] * chance.choice((2, 40))


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in list(items):
        yield node, key
        yield from _places(child)


def _cut(chance: random.Random, body: bytes) -> bytes:
    return body[: chance.randrange(len(body) + 1)]


def _flip(chance: random.Random, body: bytes) -> bytes:
    flipped = bytearray(body or b" ")
    for _ in range(chance.choice((1, 3, 20))):
        flipped[chance.randrange(len(flipped))] = chance.randrange(256)
    return bytes(flipped)


_BYTES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    *(lambda _, body: body,) * 8,
    _cut,
    _flip,
    lambda _, body: b"\xef\xbb\xbf" + body,
    lambda _, body: body.decode("utf-8", "replace").encode("utf-16"),
    lambda _, body: b"[" * 3000 + body + b"]" * 3000,
    lambda _, body: b'{"a":' * 2000 + b"1" + b"}" * 2000,
    lambda _, body: body[:-1] + b',"x":' + b"9" * 5000 + b"}",
    lambda _, body: body[:-1] + b',"timestamp":NaN,"entry":Infinity}',
    lambda _, body: body + body,
    lambda chance, _: chance.randbytes(chance.choice((0, 1, 100, 3000))),
    lambda _, body: body[:-1] + b',"pad":"' + b"x" * 1_200_000 + b'"}',
)


def _odd_headers(chance: random.Random) -> dict[str, str]:
    return chance.choice(
        (
            {}, {}, {},
            {"Content-Type": "text/html"},
            {"Content-Encoding": "gzip"},
            {"X-Forwarded-For": "127.0.0.1, ::1", "X-Forwarded-Host": "evil.example"},
            {"Expect": "100-continue"},
            {"X-Odd": "\u00ff" * 50},
            {"X-Many": "y" * 4000},
            {"X-HTTP-Method-Override": "DELETE"},
        )
    )  # fmt: skip


def _header_of(channel: str) -> str:
    return "X-ZEvent-Signature" if channel == "zalo" else "X-Hub-Signature-256"


def _stamp(body: bytes) -> str:
    """As the gateway reads it: without one nothing can be signed for Zalo."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    stamp = found.get("timestamp", "") if isinstance(found, dict) else ""
    return str(stamp).encode("utf-8", "replace").decode()


def _recorded(kept: list[tuple[str, Any]] = []) -> list[tuple[str, Any]]:  # noqa: B006 - read once
    if not kept:
        for path in sorted(_PAYLOADS.glob("*/*.json")):
            kept.append((path.parent.name, json.loads(path.read_text("utf-8"))["body"]))
    return kept


async def _send(address: str, webhooks: Iterator[Webhook]) -> Counter[int]:
    """Each on a connection of its own, a few at a time; 0 stands for no answer at all."""
    host, port = address.removeprefix("http://").split(":")
    statuses: Counter[int] = Counter()

    async def work() -> None:
        for webhook in webhooks:
            try:
                statuses[await asyncio.wait_for(_ask(host, int(port), webhook), _TIMEOUT)] += 1
            except (OSError, TimeoutError):
                statuses[0] += 1

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return statuses


async def _ask(host: str, port: int, webhook: Webhook) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    headers = {"Host": host, "Content-Length": str(len(webhook.body)), "Connection": "close", **webhook.headers}
    head = "\r\n".join([f"POST {webhook.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())])
    try:
        writer.write(head.encode("latin-1", "replace") + b"\r\n\r\n" + webhook.body)
        while (answer := (await reader.readline()).split()) and answer[1] == b"100":  # the answer to Expect
            await reader.readuntil(b"\r\n")
        return int(answer[1]) if len(answer) > 1 else 0
    finally:
        writer.close()


def memory(pid: int) -> float:
    """Resident megabytes of a process and its children."""
    children = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if _parent(path) == pid]
    return sum(_resident(each) for each in (pid, *children))


def _parent(path: Path) -> int:
    try:
        return int(path.read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def _resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6


def _rows(url: str) -> int:
    database = open_database(url)
    with reading(database) as session:
        count = sum(session.scalar(select(func.count(table.id))) or 0 for table in (Inbound, Conversation))
    database.engine.dispose()
    return count


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.hostile", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
