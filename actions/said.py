"""What the citizen said this turn, read once from Rasa's tracker; called by every action."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rasa_sdk import Tracker

from actions.wishes import is_english
from cases.answers import NO, STOP, UNKNOWN, YES, plain, stops, yes_and_more


@dataclass(frozen=True)
class Matter:
    """One of several things that a message tells of; `categories` best first, the first with `confidence`."""

    text: str
    categories: tuple[str, ...]
    confidence: float


@dataclass(frozen=True)
class Said:
    """One turn of a citizen as Rasa understood it; `pin` is (lat, lon) in degrees, `media` counts photos and files."""

    text: str
    intent: str
    confidence: float
    category: str | None
    category_confidence: float
    categories: tuple[str, ...]  # best first
    matters: tuple[Matter, ...]  # two or more when the message tells of several things, else empty
    announces: bool  # only says that a report follows ("tôi muốn kiến nghị một việc")
    runner_up: tuple[str, float]  # the intent that came second, and its confidence
    entities: Mapping[str, str]
    turn_id: int
    conversation_id: int
    tapped: bool
    stale: bool
    interrupted: bool  # an officer spoke last: a mere yes or no is not for the bot
    sticker: bool
    resumed: bool  # the draft was left alone for a while
    fresh: bool  # this citizen filed a case minutes ago: a photo without words belongs to it
    missed: int  # how many turns before this one were not understood
    resolved: bool  # a case of this citizen was reported as dealt with not long ago
    media: int
    pin: tuple[float, float] | None
    asks: str | None = None  # the topic that a report also asks about ("faq_birth_registration")

    @property
    def english(self) -> bool:
        return not self.tapped and is_english(self.text)

    @property
    def plain(self) -> str:
        """The text as matched against short answers."""
        return plain(self.text)

    @property
    def says_yes(self) -> bool:
        return self.intent == "affirm" or (not self.tapped and self.plain in YES)

    @property
    def more_than_yes(self) -> str | None:
        """The words after a yes ("đúng ạ, mong xử lý kín đáo"); None when the text is no yes."""
        return None if self.tapped else yes_and_more(self.text)

    @property
    def says_no(self) -> bool:
        return not self.says_stop and (self.intent == "deny" or (not self.tapped and self.plain in NO))

    @property
    def says_stop(self) -> bool:
        return self.intent == "cancel" or (not self.tapped and (self.plain in STOP or stops(self.text)))

    @property
    def says_unknown(self) -> bool:
        return "skip" in self.entities or (not self.tapped and self.plain in UNKNOWN)


def read_said(tracker: Tracker) -> Said:
    """Raises KeyError when our gateway's metadata is missing: the turn fails and is retried, nothing is guessed."""
    message = tracker.latest_message
    metadata = message["metadata"]
    pin = metadata.get("location")
    tapped = bool(metadata.get("tapped"))
    category = message.get("category") or {}
    return Said(
        text="" if tapped or metadata.get("wordless") else str(message.get("text") or ""),
        intent=_intent(message),
        confidence=float((message.get("intent") or {}).get("confidence") or 0.0),
        category=category.get("name"),
        category_confidence=float(category.get("confidence") or 0.0),
        categories=tuple(entry["name"] for entry in message.get("category_ranking") or ()),
        matters=tuple(_matter(entry) for entry in message.get("matters") or ()),
        asks=message.get("asks") or None,
        announces=bool(message.get("announces")),
        runner_up=_runner_up(message),
        entities={entry["entity"]: str(entry["value"]) for entry in message.get("entities") or ()},
        turn_id=int(metadata["turn_id"]),
        conversation_id=int(metadata["conversation_id"]),
        tapped=tapped,
        stale=bool(metadata.get("stale")),
        interrupted=bool(metadata.get("interrupted")),
        sticker=bool(metadata.get("sticker")),
        resumed=bool(metadata.get("resumed")),
        fresh=bool(metadata.get("fresh")),
        missed=int(metadata.get("missed") or 0),
        resolved=bool(metadata.get("resolved")),
        media=int(metadata.get("media") or 0),
        pin=(float(pin["lat"]), float(pin["lon"])) if pin else None,
    )


def _matter(entry: Mapping[str, Any]) -> Matter:
    ranking = entry["category_ranking"]
    return Matter(str(entry["text"]), tuple(str(name) for name, _ in ranking), float(ranking[0][1]))


def _runner_up(message: Mapping[str, Any]) -> tuple[str, float]:
    others = [entry for entry in message.get("intent_ranking") or () if entry["name"] != _intent(message)]
    return (str(others[0]["name"]), float(others[0]["confidence"])) if others else ("", 0.0)


def _intent(message: Mapping[str, Any]) -> str:
    return str((message.get("intent") or {}).get("name") or "nlu_fallback")
