"""The words people read for codes of this service, from `catalogue/words.yml`; called by rulebook, actions, webhook."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Words:
    """Vietnamese words by code; every mapping is complete for its code set (a test says so)."""

    statuses: dict[str, str]
    urgencies: dict[str, str]
    roles: dict[str, str]
    events: dict[str, str]
    channels: dict[str, str]
    authors: dict[str, str]
    purposes: dict[str, str]
    wishes: dict[str, str]
    chat: dict[str, str]
    notices: dict[str, str]
    undelivered: dict[str, str]
    next_steps: dict[str, str]
    audits: dict[str, str]


def area_label(name: str) -> str:
    """ "Quận Đống Đa" as it is called since 1 July 2025, when districts ended: "khu vực Đống Đa"."""
    for word in ("Quận ", "Huyện ", "Thị xã "):
        if name.startswith(word):
            return f"khu vực {name.removeprefix(word)}"
    return name


def load_words(folder: Path | None = None) -> Words:
    """The words as delivered; raises TypeError when a list of them is missing."""
    path = (folder or Path(__file__).with_name("catalogue")) / "words.yml"
    values: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return Words(**values)
