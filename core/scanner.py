"""Asks ClamAV about a file before it is kept, where the city runs one (CLAMD); called by media and for uploads."""

import socket
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import PurePosixPath

CHUNK = 64 * 1024
TIMEOUT = 30.0  # seconds
MOST_ANSWER = 4096  # bytes

Scanner = Callable[[bytes], str]


class ScannerAwayError(Exception):
    """The scanner gave no verdict: the file is not kept, and asked about again later."""


def scanner(address: str, timeout: float = TIMEOUT) -> Scanner | None:
    """For "HOST:PORT" or the path of a socket; None when the city has none."""
    if not address:
        return None
    return lambda data: scan(address, data, timeout)


def scan(address: str, data: bytes, timeout: float = TIMEOUT) -> str:
    """ "clean" or "malware", by clamd's INSTREAM: pieces with their length before them, an empty one at the end."""
    try:
        with closing(_connect(address, timeout)) as line:
            line.sendall(b"zINSTREAM\0")
            for start in range(0, len(data), CHUNK):
                piece = data[start : start + CHUNK]
                line.sendall(struct.pack("!L", len(piece)) + piece)
            line.sendall(struct.pack("!L", 0))
            answer = _answer(line)
    except OSError as error:
        raise ScannerAwayError(type(error).__name__) from None
    if answer == "stream: OK":
        return "clean"
    if answer.startswith("stream: ") and answer.endswith(" FOUND"):
        return "malware"
    raise ScannerAwayError("no verdict")  # its own limits, a broken signature file


def _connect(address: str, timeout: float) -> socket.socket:
    if PurePosixPath(address).is_absolute():
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(timeout)
        line.connect(address)
        return line
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=timeout)


def _answer(line: socket.socket) -> str:
    answer = b""
    while len(answer) < MOST_ANSWER and (piece := line.recv(MOST_ANSWER)):
        answer += piece
    return answer.rstrip(b"\0\n").decode("ascii", "replace")
