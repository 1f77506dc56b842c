"""Cuts long texts into parts a platform takes, and writes buttons as numbered lines; called by the channels."""

import re
from collections.abc import Sequence

from webhook.channels.base import Button

# The last of these within the limit is where a part ends: a paragraph, a sentence, a line, a word.
_ENDS = (re.compile(r"\n\s*\n"), re.compile(r"(?<=[.!?…])\s"), re.compile(r"\n"), re.compile(r"\s"))


def split(text: str, limit: int) -> list[str]:
    """The text in parts of at most `limit` code points, cut at sentence ends where there are any; never empty parts."""
    parts = []
    rest = text.strip()
    while len(rest) > limit:
        at = _end(rest, limit)
        parts.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    return [part for part in (*parts, rest) if part]


def _end(text: str, limit: int) -> int:
    for pattern in _ENDS:
        ends = [found.start() for found in pattern.finditer(text, 0, limit + 1)]
        if ends and ends[-1] > limit // 3:
            return ends[-1]
    return limit


def numbered(text: str, buttons: Sequence[Button]) -> str:
    """The text with its buttons as lines "1. …" to be answered by number, for where no button can be shown."""
    links = [f"{button.title}: {button.payload}" for button in buttons if button.is_link]
    choices = [button.title for button in buttons if not button.is_link]
    lines = [*links, *(f"{number}. {title}" for number, title in enumerate(choices, start=1))]
    return "\n\n".join(part for part in (text.strip(), "\n".join(lines)) if part)
