"""Cuts one message into the matters it tells of; called by bot.turn, which has each part read on its own.

"Rác chất đống ở ngõ 12, ngoài ra đèn đường cũng hỏng" is two matters, and two offices. Only words that join ("ngoài
ra", "còn việc nữa", "thứ hai", "2.") or that announce two ("báo 2 việc: ...") cut: the end of a sentence is none.
"""

import re
from dataclasses import dataclass
from typing import Callable, List, Text, Tuple

from bot.normalise import without_marks

MOST_PARTS = 8
FEWEST_WORDS = 4  # of a part that can be a matter of its own
_LEAD_IN = 5  # words with which the first part may still be an announcement ("tôi xin gửi tiếp")
_LIKELY = 0.50  # confidence of a part's category

_BEGINS = r"(?:viec )?thu nhat\b|viec (?:mot|1)\b|mot la\b|\(?1\s*[.)/:]\s"
_JOINS = "|".join(
    (
        r"ngoai ra|dong thoi|ben canh do|mat khac|nhan tien|tien the|tien day|voi lai|cung tien|also\b",
        r"(?:va )?con (?:mot |1 )?(?:viec|chuyen|van de|cai|vu) (?:nua|khac)|con nua",
        r"them (?:mot |1 )?(?:viec|chuyen|van de|cai) (?:nua|khac)|them nua",
        # "Hôm thứ ba, tôi ..." is a Tuesday.
        r"viec thu (?:hai|nhi|ba|2|3)\b|(?<=[,.;:!?]\s)thu (?:hai|nhi|ba|2|3)(?=\s*[,:]|\s(?:la|thi)\b)",
        r"viec (?:hai|ba|2|3)\b|(?:hai|ba) la\b",
        r"\(?[23]\s*[.)/:]\s|(?:(?<=\n)|(?<=[.;:!?]\s))[-+•*]\s",  # "Văn Miếu - Quốc Tử Giám" is one name
    )
)
_ANNOUNCED = re.compile(r"\b(?:hai|ba|2|3) (?:viec|chuyen|van de|vu)\b[^:.\n]{0,40}[:.\n]")
# Behind a "thứ nhất" no "thứ nhì" is a day of the week, and who says "ghi hộ cả hai" tells of two things.
_LISTED = r"(?<=[,.;:!?]\s)thu (?:hai|nhi|ba|2|3)\b"
_BOTH = re.compile(
    r"\b(?:hai (?:noi|cho),? hai (?:viec|chuyen)|(?:ghi|bao|gui|xu ly)(?: \w+){0,2} ca hai|ca hai (?:viec|chuyen|vu))\b"
)
_BESIDES = r"chua ke|da the|roi con|lai con"
_CUT = re.compile(
    rf"(?:^|(?<=[\s,.;:!?]))(?:(?P<begin>{_BEGINS})|(?P<join>{_JOINS})|(?P<listed>{_LISTED})|(?P<besides>{_BESIDES})\b)"
)
_LOOSE_CUT = re.compile(r"(?:[,.;]\s*(?:va|con|roi)|[.;\n])\s+")

_ASKS = re.compile(r"\?|\b(?:o dau|lam sao|the nao|can (?:nhung )?gi|khi nao|bao gio|may gio|bao nhieu|bao lau)\b")
_BUT = re.compile(
    r"(?:^|(?<=[\s,.;!]))(?:nhung(?: ma)?|tuy nhien|co dieu|chi phai toi|moi toi|song|ngoai ra|nhan tien|tien the"
    r"|dong thoi"
    r"|(?:cung |nhan day )?(?:xin|cho (?:toi|em|chau|minh)|muon) (?:bao|phan anh))\b"
)


@dataclass(frozen=True)
class Matter:
    """What the message tells of one thing: its words and the categories they may mean, best first."""

    text: Text
    ranking: Tuple[Tuple[Text, float], ...]


Read = Callable[[Text], Tuple[Text, Tuple[Tuple[Text, float], ...]]]  # a part's intent and its categories, best first


def parts_of(text: Text) -> List[Text]:
    """The stretches from one joining word to the next; what comes before the first matter is part of it."""
    plain = without_marks(text)
    announced = _ANNOUNCED.search(plain)
    begins, first, both = announced.end() if announced else 0, False, _BOTH.search(plain) is not None
    cuts = []
    for match in _CUT.finditer(plain):
        if match["begin"]:
            begins, first = max(begins, match.end()), True
        elif match["join"] or (match["listed"] and first) or (match["besides"] and both):
            cuts.append(match.start())
    if announced and not cuts:
        cuts = [match.end() for match in _LOOSE_CUT.finditer(plain, begins)]
    starts = [0, *(cut for cut in cuts if cut > begins)][:MOST_PARTS]
    parts = [text[start:end].strip(" ,.;!?\n") for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    return [part for part in parts if part]


def matters_of(text: Text, read: Read) -> List[Matter]:
    """The matters of a message, in their order; fewer than two when it tells of one thing."""
    parts = parts_of(text)
    if len(parts) < 2:
        return []
    matters: List[Matter] = []
    for part in parts:
        intent, ranking = read(part) if len(part.split()) >= FEWEST_WORDS else ("", ())
        if not matters or _is_new(matters, intent, ranking):
            matters.append(Matter(part, ranking))
        else:
            matters[-1] = Matter(f"{matters[-1].text}\n{part}", max(matters[-1].ranking, ranking, key=_best))
    if len(matters) < 2 or _best(matters[0].ranking) < _LIKELY or len(matters[0].text.split()) < _LEAD_IN:
        return []
    return matters


def question_beside(text: Text, read: Read) -> Tuple[Text, Text]:
    """The topic that is asked about in a message which also tells of a matter, and the rest; both empty if none is."""
    parts = parts_of(text)
    for part in parts:
        intent, _ = read(part) if _ASKS.search(without_marks(part)) else ("", ())
        if intent.startswith("faq_") and len(parts) > 1:
            return intent, "\n".join(other for other in parts if other is not part)
    return "", ""


def complaint_beside(text: Text, read: Read) -> Tuple[Tuple[Text, float], ...]:
    """The categories of the matter praise goes on to ("khen cảnh sát, nhưng sân bóng hò hét tới 24 giờ"), if any."""
    match = _BUT.search(without_marks(text))
    return complaint_in(text[match.end() :] if match else "", read)


def complaint_in(rest: Text, read: Read) -> Tuple[Tuple[Text, float], ...]:
    """The categories of what is left of a message beside its praise or its question, if that is a complaint."""
    if len(rest.split()) < FEWEST_WORDS + 1:
        return ()
    intent, ranking = read(rest)
    return ranking if intent == "report" and _best(ranking) >= _LIKELY else ()


def _is_new(matters: List[Matter], intent: Text, ranking: Tuple[Tuple[Text, float], ...]) -> bool:
    known = {matter.ranking[0][0] for matter in matters if matter.ranking}
    return intent == "report" and _best(ranking) >= _LIKELY and ranking[0][0] not in known | {"other"}


def _best(ranking: Tuple[Tuple[Text, float], ...]) -> float:
    return ranking[0][1] if ranking else 0.0
