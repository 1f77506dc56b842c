"""What every page of the desk shares: the services of this process, the officer of this request, clean form text."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flask import abort, current_app, g, request

from cases.in_force import RulebookInForce
from cases.model import Officer
from cases.rulebook import Rulebook
from core.config import Config
from core.db import Database
from core.scanner import Scanner, scanner
from core.vault import Vault

LONGEST_TEXT = 1500
SCAN_SECONDS = 10.0  # an officer waits for it


@dataclass(frozen=True)
class Services:
    """What a page works with; made once by `create_app`."""

    config: Config
    database: Database
    in_force: RulebookInForce
    clock: Callable[[], datetime]

    @property
    def rulebook(self) -> Rulebook:
        """As the gate found it in force for this request; before the gate, as delivered."""
        found: Rulebook = g.get("rulebook", self.in_force.base)
        return found

    @property
    def vault(self) -> Vault:
        return Vault(self.config.data_keys)

    @property
    def scan(self) -> Scanner | None:
        """Looks at what is uploaded, where the city runs a scanner."""
        return scanner(self.config.clamd, SCAN_SECONDS)


def services() -> Services:
    """What this process works with."""
    found: Services = current_app.extensions["tiepdan"]
    return found


def now() -> datetime:
    """The desk's clock."""
    return services().clock()


def officer() -> Officer:
    """Who asks; the gate in `desk.auth` has put the officer there."""
    found: Officer = g.officer
    return found


def require(allowed: Callable[[Officer], bool]) -> None:
    """Stop with 403 unless the officer's role allows it."""
    if not allowed(officer()):
        abort(403)


def uploads(field: str) -> list[tuple[str, bytes]]:
    """The files of a form field, each with the name the officer's computer gives it."""
    found = []
    for file in request.files.getlist(field):
        with file.stream as stream:  # large ones are temporary files on the disk
            if file.filename:
                found.append((clean(file.filename), stream.read()))
    return found


def outgoing_folder() -> Path:
    """Where files lie that go to citizens."""
    return services().config.var_dir / "outgoing"


def is_htmx() -> bool:
    """Whether a part of a page is asked for."""
    return request.headers.get("HX-Request") == "true"


def clean(text: str) -> str:
    """What an officer typed, composed, with plain line ends and without control characters databases refuse."""
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(char for char in lines if char in "\n\t" or unicodedata.category(char) != "Cc").strip()


def whole_number(text: str, default: int) -> int:
    """A number of up to nine digits from an address, or the default."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else default


def text_problem(text: str) -> str:
    """Which problem, by its code in `words.html`, keeps this text from being sent; "" when none does."""
    if not text:
        return "text_empty"
    return "text_long" if len(text) > LONGEST_TEXT else ""
