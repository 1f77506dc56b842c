"""Cuts one message into the matters it tells of; called by bot.turn, which has each part read on its own.

"Rác chất đống ở ngõ 12, ngoài ra đèn đường cũng hỏng" is two matters, and two offices. Words that join ("ngoài ra",
"còn việc nữa", "thứ hai", "2.") make a second matter likely; the mere end of a sentence hardly ever does.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Callable, List, Text, Tuple

MOST_PARTS = 8
FEWEST_WORDS = 4  # of a part that can be a matter of its own
_LIKELY = 0.50  # confidence of a part's category after joining words
_CERTAIN = 0.80  # after nothing but the end of a sentence

_JOINS = "|".join(
    (
        r"ngoai ra|dong thoi|ben canh do|mat khac|nhan tien|tien the|tien day|voi lai|cung tien|chua ke|also\b",
        r"(?:va )?con (?:mot |1 )?(?:viec|chuyen|van de|cai|vu) (?:nua|khac)|con nua",
        r"them (?:mot |1 )?(?:viec|chuyen|van de|cai) (?:nua|khac)|them nua",
        r"viec (?:thu )?(?:hai|ba|2|3)|thu (?:hai|ba|2|3)\b|(?:mot|hai|ba) la",
        r"[23]\s*[.)/:]\s|[-+•*]\s",
    )
)
_CUT = re.compile(rf"(?:^|(?<=[\s,.;!?]))(?P<join>{_JOINS})|(?P<end>[.;!?]+\s+|\n+)")


@dataclass(frozen=True)
class Part:
    """A stretch of the message; `joined` when joining words begin it."""

    text: Text
    joined: bool


@dataclass(frozen=True)
class Matter:
    """What the message tells of one thing: its words and the categories they may mean, best first."""

    text: Text
    ranking: Tuple[Tuple[Text, float], ...]


Read = Callable[[Text], Tuple[Text, Tuple[Tuple[Text, float], ...]]]  # a part's intent and its categories, best first


def parts_of(text: Text) -> List[Part]:
    """The stretches between joining words and sentence ends, none empty."""
    plain = _without_marks(text)
    found: List[Part] = []
    start, joined = 0, False
    for match in _CUT.finditer(plain):
        if match.start() > start:
            _keep(found, text[start : match.start()], joined)
            start, joined = match.start(), False
        if match.group("join"):
            joined = True
        else:
            start = match.end()
    _keep(found, text[start:], joined)
    return found[:MOST_PARTS]


def matters_of(text: Text, read: Read) -> List[Matter]:
    """The matters of a message, in their order; fewer than two when it tells of one thing."""
    parts = parts_of(text)
    if sum(len(part.text.split()) >= FEWEST_WORDS for part in parts) < 2:
        return []
    matters: List[Matter] = []
    for part in parts:
        intent, ranking = read(part.text) if len(part.text.split()) >= FEWEST_WORDS else ("", ())
        if not matters or _is_new(matters, part, intent, ranking):
            matters.append(Matter(part.text, ranking))
        else:
            last = matters[-1]
            matters[-1] = Matter(f"{last.text}\n{part.text}", max(last.ranking, ranking, key=_best))
    return matters if len(matters) > 1 and all(_best(matter.ranking) >= _LIKELY for matter in matters) else []


def _is_new(matters: List[Matter], part: Part, intent: Text, ranking: Tuple[Tuple[Text, float], ...]) -> bool:
    if intent != "report" or not ranking or ranking[0][0] == "other":
        return False
    if any(ranking[0][0] in {name for name, _ in matter.ranking[:2]} for matter in matters):
        return False
    return _best(ranking) >= (_LIKELY if part.joined else _CERTAIN) and _best(matters[-1].ranking) >= _LIKELY


def _best(ranking: Tuple[Tuple[Text, float], ...]) -> float:
    return ranking[0][1] if ranking else 0.0


def _keep(found: List[Part], text: Text, joined: bool) -> None:
    words = text.strip(" ,.;!?\n")
    if words:
        found.append(Part(words, joined))


def _without_marks(text: Text) -> Text:
    """Lower case without diacritics, one character for one, so that places in it are places in the text."""
    return "".join(unicodedata.normalize("NFD", char)[0] for char in text.lower().replace("đ", "d"))
