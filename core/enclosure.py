"""What goes out with a message besides words: a picture or document on disk, or a form that asks for a phone."""

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

# What both platforms take, by the first bytes; the ending is what they look at.
KINDS = {
    "image/jpeg": (b"\xff\xd8\xff", ".jpg"),
    "image/png": (b"\x89PNG\r\n\x1a\n", ".png"),
    "application/pdf": (b"%PDF-", ".pdf"),
    "application/msword": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".doc"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (b"PK\x03\x04", ".docx"),
}
MAX_PICTURE = 1024 * 1024  # bytes; Zalo's limit, the smaller one
MAX_FILE = 5 * 1024 * 1024
_UNSAFE = re.compile(r"[^\w. -]")
_STORED = re.compile(r"[0-9a-f]{32}")


class EnclosureError(Exception):
    """This file cannot be sent: its `code` says why (kind, size). Not worth a retry."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def keep(folder: Path, data: bytes, title: str, name: str = "") -> dict[str, str]:
    """Check a file and put it on the disk; what is returned goes to `outbox.enqueue`. Raises EnclosureError.

    `name` (32 hex digits) is for what is sent again and again, and kept once.
    """
    mime = next((mime for mime, (start, _) in KINDS.items() if data.startswith(start)), None)
    if mime is None:
        raise EnclosureError("kind")
    if len(data) > (MAX_PICTURE if mime.startswith("image/") else MAX_FILE):
        raise EnclosureError("size")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = name or secrets.token_hex(16)
    partial = folder / f"{name}.{secrets.token_hex(4)}.partial"
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(folder / name)
    stem = _UNSAFE.sub("_", title.rpartition(".")[0] or title).strip(" .")[:80] or "tep"
    return {"kind": "file", "name": name, "title": stem + KINDS[mime][1], "mime": mime}


def load(folder: Path, attachment: Mapping[str, str]) -> bytes:
    """The bytes of a kept file; raises OSError when it is gone."""
    return _path(folder, attachment).read_bytes()


def remove(folder: Path, attachment: Mapping[str, str]) -> None:
    """It will not be sent, and nobody else sends it."""
    _path(folder, attachment).unlink(missing_ok=True)


def _path(folder: Path, attachment: Mapping[str, str]) -> Path:
    if not _STORED.fullmatch(attachment["name"]):
        raise FileNotFoundError(attachment["title"])
    return folder / attachment["name"]


def contact_request(title: str, subtitle: str) -> dict[str, str]:
    """A form of the platform in which the citizen gives name and phone number with one tap."""
    return {"kind": "contact", "title": title, "subtitle": subtitle}
