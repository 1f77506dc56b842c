"""Answers to common questions, each with its source and the dates it holds for. Called by actions.guidance."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CATALOGUE = Path(__file__).with_name("catalogue")


class Certainty(StrEnum):
    """How well an answer was checked: against texts or two sources, in part, or hardly."""

    HIGH = "cao"
    MEDIUM = "vua"
    LOW = "thap"


@dataclass(frozen=True, slots=True)
class Entry:
    """One topic or guide of faq.yml; both ends of its validity are included."""

    answer: str
    source: str
    valid_from: date
    valid_to: date | None
    review_by: date
    certainty: Certainty
    follow_up: str | None

    def holds_on(self, today: date) -> bool:
        return self.valid_from <= today and (self.valid_to is None or today <= self.valid_to)


@dataclass(frozen=True, slots=True)
class FaqAnswer:
    """`valid` is False when the text only says that there is no checked answer; it then has no source or follow-up."""

    text: str
    source: str
    review_by: date
    stale: bool
    valid: bool
    certainty: Certainty
    follow_up: str | None


@dataclass(frozen=True, slots=True)
class Faq:
    """The whole catalogue; asking for a topic or guide it does not hold is a KeyError."""

    topics: Mapping[str, Entry]
    guides: Mapping[str, Entry]
    texts: Mapping[str, str]
    titles: Mapping[str, str]  # of every topic, short enough for a button

    def answer(self, topic: str, today: date) -> FaqAnswer:
        """What to say about a topic on this day (Hà Nội's date)."""
        return self._answer(self.topics[topic], today)

    def guide(self, name: str, today: date) -> FaqAnswer:
        """The lawful way of `denounce` or `complain_decision`."""
        return self._answer(self.guides[name], today)

    def _answer(self, entry: Entry, today: date) -> FaqAnswer:
        valid = entry.holds_on(today)
        return FaqAnswer(
            text=entry.answer if valid else self.texts["not_valid"],
            source=entry.source if valid else "",
            review_by=entry.review_by,
            stale=today > entry.review_by,
            valid=valid,
            certainty=entry.certainty,
            follow_up=entry.follow_up if valid else None,
        )


def format_answer(faq: Faq, answer: FaqAnswer) -> str:
    """The chat text: the answer and, on a line of its own, its source and review date."""
    if not answer.valid:
        return answer.text
    line = faq.texts["stale_line" if answer.stale else "source_line"]
    return f"{answer.text}\n{line.format(source=answer.source, review_by=f'{answer.review_by:%d/%m/%Y}')}"


@cache
def load_faq(folder: Path | None = None) -> Faq:
    """Read faq.yml; a missing or unknown field is a TypeError, which stops the start."""
    content = yaml.safe_load(((folder or CATALOGUE) / "faq.yml").read_text("utf-8"))
    return Faq(_entries(content["topics"]), _entries(content["guides"]), content["texts"], content["titles"])


def _entries(section: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Entry]:
    return {name: Entry(**{**fields, "certainty": Certainty(fields["certainty"])}) for name, fields in section.items()}
