"""Loads the Vietnamese names and places the simulator offers (static/catalogue.json); called by `app`."""

import json
from dataclasses import dataclass
from pathlib import Path

PATH = Path(__file__).with_name("static") / "catalogue.json"


@dataclass(frozen=True)
class Catalogue:
    """Names of the two pages and of made-up citizens."""

    oa_name: str
    page_name: str
    people: tuple[str, ...]


def read_catalogue() -> Catalogue:
    """Reads the file beside the page's script, which shows the rest of it."""
    data = json.loads(PATH.read_text())
    return Catalogue(data["oa_name"], data["page_name"], tuple(data["people"]))
