"""What officers choose from (companies, refusals, templates ...), from catalogue/casework.yml; part of the rulebook."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Company:
    """A contractor or company that works for the city; `categories` are those for which it is offered first."""

    code: str
    name: str
    categories: tuple[str, ...]
    phone: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A legal reason to refuse; its text names the right body."""

    code: str
    label: str
    body: str
    text: str


@dataclass(frozen=True, slots=True)
class Template:
    """A text to begin with, for one move and some categories (none: all); blanks stand in [square brackets]."""

    code: str
    move: str
    categories: tuple[str, ...]
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Casebook:
    """All lists of the case page; immutable."""

    companies: Mapping[str, Company]
    systems: Mapping[str, str]
    refusals: Mapping[str, Refusal]
    templates: tuple[Template, ...]
    offices: tuple[str, ...]
    accusations: tuple[str, ...]

    def templates_for(self, move: str, category: str) -> list[Template]:
        """Those of this category first, then the general ones."""
        fitting = [
            one for one in self.templates if one.move == move and (not one.categories or category in one.categories)
        ]
        return sorted(fitting, key=lambda one: not one.categories)

    def companies_for(self, category: str) -> list[Company]:
        return sorted(self.companies.values(), key=lambda one: category not in one.categories)


@cache
def load_casebook(folder: Path | None = None) -> Casebook:
    """The lists as delivered; raises KeyError or TypeError for an entry that is incomplete."""
    path = (folder or Path(__file__).with_name("catalogue")) / "casework.yml"
    read: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return Casebook(
        companies={code: _company(code, entry) for code, entry in read["companies"].items()},
        systems=read["systems"],
        refusals={code: Refusal(code=code, **entry) for code, entry in read["refusals"].items()},
        templates=tuple(Template(**{**entry, "categories": tuple(entry["categories"])}) for entry in read["templates"]),
        offices=tuple(read["conflict"]["offices"]),
        accusations=tuple(read["conflict"]["accusations"]),
    )


def _company(code: str, entry: Mapping[str, Any]) -> Company:
    return Company(code, entry["name"], tuple(entry["categories"]), entry.get("phone", ""))
