"""Buttons as people answer them: by tapping, by number, by title with or without accents; called by converse.

On Zalo a tap arrives as plain text equal to the button's payload, so payloads are distinctive tokens: `#2.1f` is the
second button of the set offered by turn 0x1f. Only the set offered last is valid: an old "Gửi" never confirms a new
draft.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cases.codes import fold
from core.model import Conversation
from core.sealed import Words

# Doors that are always open, whatever was offered last.
MENU = {
    "#bat_dau": "/greet",
    "#gui_phan_anh": "/report",
    "#tra_cuu": "/track_case",
    "#huong_dan": "/help",
    "#gap_can_bo": "/ask_human",
}
DOOR_WORDS = {
    "gui phan anh": "/report",
    "tra cuu ho so": "/track_case",
    "huong dan": "/help",
    "gap can bo": "/ask_human",
}
LINKS = ("https://", "http://")
_DOOR = {payload: token for token, payload in MENU.items()}
_TOKEN = re.compile(r"#\d{1,2}\.[0-9a-f]{1,16}")
_NUMBER = re.compile(r"(?:(?:so|chon|chon so)\s+)?(\d{1,2})[.)]?")


@dataclass(frozen=True)
class Tap:
    """A choice: `payload` is the intent payload for Rasa, None when the button belongs to an older question."""

    payload: str | None
    title: str | None = None


def is_link(payload: str) -> bool:
    """Whether a button opens a page instead of saying something."""
    return payload.startswith(LINKS)


def offer(
    replies: Sequence[Mapping[str, Any]], turn_id: int
) -> tuple[list[list[dict[str, str]]], list[dict[str, str]]]:
    """For each reply the buttons as they go to the platform, and the options the next message may choose from."""
    wired: list[list[dict[str, str]]] = []
    options: list[dict[str, str]] = []
    for reply in replies:
        row = []
        for button in reply.get("buttons") or ():
            payload = str(button["payload"])
            if is_link(payload):
                row.append({"title": str(button["title"]), "payload": payload})
                continue
            token = _DOOR.get(payload) or f"#{len(options) + 1}.{turn_id:x}"
            row.append({"title": str(button["title"]), "payload": token})
            options.append(
                {"title": str(button["title"]), "payload": payload, "token": token, "label": option_label(payload)}
            )
        wired.append(row)
    return wired, options


def tap_of(conversation: Conversation, message: Words) -> Tap | None:
    """The choice a message makes among the options last offered; None when it is free words."""
    if message.kind not in {"text", "tap"}:
        return None
    sent = (message.payload or message.text).strip()
    for option in conversation.options:
        if sent == option["token"]:
            return Tap(option["payload"], option["title"])
    if sent in MENU:
        return Tap(MENU[sent])
    if _TOKEN.fullmatch(sent):
        return Tap(None)
    return _by_words(conversation.options, message.text) or _door(message.text)


def stands_alone(conversation: Conversation, message: Words) -> bool:
    """Whether a message must be a turn of its own: a tap or a start; free words waiting together are one thought."""
    return message.kind in {"tap", "start"} or tap_of(conversation, message) is not None


def option_label(payload: str) -> str:
    """The short name of a choice: the value it carries, or its intent ("affirm", "waste", "skip")."""
    intent, brace, rest = payload.lstrip("/").partition("{")
    if not brace:
        return intent
    entities: dict[str, str] = json.loads(brace + rest)
    return "skip" if "skip" in entities else next(iter(entities.values()), intent)


def _by_words(options: Sequence[Mapping[str, str]], text: str) -> Tap | None:
    if not options or len(text) > 120:
        return None
    said = fold(text).strip(" .!")
    number = _NUMBER.fullmatch(said)
    # With a single button a number is more likely part of an address than a choice.
    if number and len(options) > 1 and 1 <= int(number[1]) <= len(options):
        option = options[int(number[1]) - 1]
        return Tap(option["payload"], option["title"])
    for option in options:
        if said and said == fold(option["title"]).strip(" .!"):
            return Tap(option["payload"], option["title"])
    return None


def _door(text: str) -> Tap | None:
    """The words of a menu button open their door even when it was not offered last."""
    payload = DOOR_WORDS.get(fold(text).strip(" .!")) if len(text) < 40 else None
    return None if payload is None else Tap(payload, text.strip())
