"""The 22 kinds of report: labels, who leads, how urgent a text is. Called by filing, actions and portal."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bot.normalise import fold, strip_accents
from cases.deadlines import Urgency

CATALOGUE = Path(__file__).with_name("catalogue")
# What "..." in an urgent word stands for.
_GAP = r"(?: \S+){0,4}"


class Lead(StrEnum):
    """Who works a case first; whoever it is, the ward's queue keeps the case."""

    WARD = "ward"
    POLICE = "police"
    DEPARTMENT = "department"
    COMPANY = "company"


@dataclass(frozen=True, slots=True)
class Category:
    """One entry of categories.yml; `label` fits a button (20 characters)."""

    code: str
    label: str
    description: str
    urgency: Urgency
    lead: Lead
    second: str
    sensitive: bool
    needs_photo: bool
    needs_exact_location: bool
    public_summary: bool
    joinable: bool
    ihanoi_code: str | None
    urgent_words: tuple[str, ...]
    urgent_pattern: re.Pattern[str]


Categories = Mapping[str, Category]


@cache
def load_categories(folder: Path | None = None) -> Categories:
    """All categories by code, in the order in which they are offered to people."""
    entries = yaml.safe_load(((folder or CATALOGUE) / "categories.yml").read_text("utf-8"))
    return {
        code: _category(code, entry, entries["shared_urgent_words"]) for code, entry in entries["categories"].items()
    }


def label(categories: Categories, code: str) -> str:
    """The short Vietnamese name of a category."""
    return categories[code].label


def urgency_of(categories: Categories, code: str, text: str) -> Urgency:
    """Urgent when the text names a danger of this category, else the category's own; accents count where typed."""
    category = categories[code]
    return Urgency.URGENT if category.urgent_pattern.search(_words(text)) else category.urgency


def _category(code: str, entry: Mapping[str, Any], shared: Sequence[str]) -> Category:
    words = (*entry["urgent_words"], *shared)
    return Category(
        **{**entry, "urgency": Urgency(entry["urgency"]), "lead": Lead(entry["lead"]), "urgent_words": words},
        code=code,
        urgent_pattern=_any_of(words),
    )


def _any_of(phrases: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\S)(?:{'|'.join(_pattern(phrase) for phrase in phrases)})(?!\S)")


def _pattern(phrase: str) -> str:
    """Each word as written or without any accent; a word with other accents is another word."""
    parts = (_words(part).split() for part in phrase.split("..."))
    return f"{_GAP} ".join(" ".join(f"(?:{word}|{strip_accents(word)})" for word in part) for part in parts)


def _words(text: str) -> str:
    return " ".join("".join(char if char.isalnum() else " " for char in fold(text)).split())
