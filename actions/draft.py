"""The draft of one report: what is known so far and what is asked next; called by reader and report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from actions.place import Location, from_slot


@dataclass(frozen=True)
class Draft:
    """What is known of the report so far; `media` counts photos and files sent along."""

    description: str | None = None
    location: Location | None = None
    category: str | None = None
    confirm: bool | None = None
    media: int = 0
    asked_category: int = 0
    began: int | None = None  # the turn that opened the draft: its case is filed once, however often it is confirmed
    likely: tuple[str, ...] = ()  # categories the description may belong to, best first
    ordinal: int = 0  # which of the matters of one message this is
    later: tuple[dict[str, Any], ...] = ()  # the matters to file after this one: {"text", "categories", "confidence"}
    behalf: str | None = None  # for whom somebody else reports
    anonymous: bool = False
    editing: bool = False  # asked which part to change
    offered: str | None = None  # code of the open case of somebody else that was shown as the same matter
    alone: bool = False  # they do not want to join it: no case is shown beside the summary any more
    added: str | None = None  # code of the citizen's own case into which it went; they may want it filed all the same

    def next_question(self) -> str | None:
        """The slot to ask for; None when everything is known and confirmed."""
        if self.description is None:
            return "description"
        if self.location is None or not self.location.settled:
            return "location"
        if self.category is None:
            return "category"
        return None if self.confirm else "confirm"

    def to_slots(self) -> dict[str, Any]:
        return {
            "description": self.description,
            "location": self.location.to_slot() if self.location else None,
            "category": self.category,
            "confirm": self.confirm,
            "draft": {
                "media": self.media,
                "asked_category": self.asked_category,
                "began": self.began,
                "likely": list(self.likely),
                "ordinal": self.ordinal,
                "later": list(self.later),
                "behalf": self.behalf,
                "anonymous": self.anonymous,
                "editing": self.editing,
                "offered": self.offered,
                "alone": self.alone,
                "added": self.added,
            },
        }


@dataclass(frozen=True)
class Step:
    """What one turn does to a draft: the draft after it, what to say first, an interruption to answer, or the end."""

    draft: Draft
    say: tuple[str, ...] = ()
    detour: str | None = None
    over: bool = False
    silent: bool = False  # the question is already in what is said
    forget: bool = False  # what was typed is not kept
    keep: bool = False  # over, but the draft waits for the citizen's word whether to file it
    joins: bool = False  # the case that was offered is the citizen's matter as well: nothing is filed
    pending: Mapping[str, object] | None = None  # what is asked from now on about a case that exists; see `Answer`


EMPTY: Mapping[str, Any] = {"description": None, "location": None, "category": None, "confirm": None, "draft": None}


def from_slots(slots: Mapping[str, Any]) -> Draft:
    extra = slots.get("draft") or {}
    return Draft(
        description=slots.get("description"),
        location=from_slot(slots.get("location")),
        category=slots.get("category"),
        confirm=slots.get("confirm"),
        media=extra.get("media", 0),
        asked_category=extra.get("asked_category", 0),
        began=extra.get("began"),
        likely=tuple(extra.get("likely", ())),
        ordinal=extra.get("ordinal", 0),
        later=tuple(extra.get("later", ())),
        behalf=extra.get("behalf"),
        anonymous=extra.get("anonymous", False),
        editing=extra.get("editing", False),
        offered=extra.get("offered"),
        alone=extra.get("alone", False),
        added=extra.get("added"),
    )
