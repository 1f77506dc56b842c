"""How alike two reports of one kind in one ward are; called by similar and joining.

The one measure of the house: by place and by words. A place weighs as much as all words together. Accents never matter,
for people leave them out. Addresses are compared as people write them: numbered parts (house, alley, block) and the
name of the street.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from cases.codes import fold
from cases.place_types import METRES_PER_DEGREE

# Of a place: the same house, alley or landmark; the same street or the same alley; within sight; not known; another.
SAME_SPOT, SAME_STREET, WITHIN_SIGHT, UNKNOWN, ELSEWHERE = 1.0, 0.8, 0.7, 0.25, 0.0
SPOT_METRES, SIGHT_METRES, FAR_METRES = 30, 150, 500
# Above it one may speak to a citizen of "the same": the same spot with a word in common, the same street with a third.
OFFERED = 0.55
# Above it what the same citizen sends again is the same matter: the same spot with a third of the words in common.
# Where the place is not known no words are enough.
SAME = 0.65
RUN_WORDS = 6  # so many words in a row, one of them leading to a place, name the same place in two stories
TELLING_WORDS = 4
FEWEST_GRAMS = 4  # two short texts that share their only word are not alike yet

_PARTS = {"so": "so", "nha": "so", "sn": "so"} | {
    kind: kind for kind in "ngo ngach hem kiet to toa thon xom doi cum lo block khu tang".split()
}
_FIRM = frozenset("ngo ngach hem kiet to toa thon xom doi cum block".split())  # another one is another place
_LOCAL = _FIRM - frozenset("ngo ngach hem kiet".split())  # tells a place of a ward without a street
_UNITS = frozenset("phuong xa quan huyen tp".split())
_TWO_WORD_UNITS = frozenset({"thi tran", "thi xa", "thanh pho", "khu vuc", "ha noi"})
_LEADS = frozenset(
    "o tai gan canh doi dien truoc sau dau cuoi duoi tren trong ngoai ben giua doan goc cong duong pho dg cho"
    " kia".split()
)
_SURE_LEADS = _LEADS - frozenset("cho kia trong tren ngoai cong ben".split())
# Words that tell nothing apart. "den", "ho" and their like stay: without accents they are also a lamp and a hole.
_COMMON = frozenset(
    "a ad ai anh ay bac bao ban bi boi cac cai can cang chau chi chiu cho chu chua chung co con cu cua cung da dang"
    " day de di do duoc em gi gio gui ha hom hon khi khong la lai lam len luc ma may mai minh moi mong mot muon nao"
    " nay nen ngay nghi nguoi nha nhe nhieu nhu nhung nua o oi phan anh phia qua quy ra rat roi sang sao sau ta tai"
    " the thi thang them theo toi tren trong tu tuan van vao ve vi viec voi vu xin xong y"
    " kinh chuc nang xem xet xu ly giup kiem tra".split()
)
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d{1,4}[a-z]?\d{0,2}|[a-z]\d{1,3}")


@dataclass(frozen=True)
class Report:
    """What is compared of a report; `address` as typed, lat and lon in degrees."""

    description: str
    address: str = ""
    lat: float | None = None
    lon: float | None = None

    @cached_property
    def said(self) -> tuple[str, ...]:
        return tuple(_WORD.findall(fold(self.description)))

    @cached_property
    def spot(self) -> "Spot":
        return spot_of(self.address)


@dataclass(frozen=True)
class Spot:
    """An address in parts: numbers by what they number ("ngo": "12"), and the words of the street or landmark."""

    numbers: dict[str, str]
    words: tuple[str, ...]


def score(one: Report, other: Report) -> float:
    """From 0 to 1; 0 for another place whatever the words say."""
    place = place_likeness(one, other)
    return 0.0 if place == ELSEWHERE else 0.5 * place + 0.5 * words_likeness(one, other)


def place_likeness(one: Report, other: Report) -> float:
    apart = metres_between(one, other)
    written = _written_likeness(one, other)
    if apart is None:
        return written
    if apart > FAR_METRES and written != SAME_SPOT:
        return ELSEWHERE
    if apart <= SPOT_METRES:
        return SAME_SPOT
    return max(written, WITHIN_SIGHT) if apart <= SIGHT_METRES else written


def metres_between(one: Report, other: Report) -> float | None:
    """The distance of two pins; None when either has none."""
    if one.lat is None or one.lon is None or other.lat is None or other.lon is None:
        return None
    east = (one.lon - other.lon) * METRES_PER_DEGREE * math.cos(math.radians(one.lat))
    return math.hypot(east, (one.lat - other.lat) * METRES_PER_DEGREE)


def words_likeness(one: Report, other: Report) -> float:
    """The share of the shorter text's words and pairs of words that the other one has; words of the place left out."""
    place = {*one.spot.words, *other.spot.words}
    mine, theirs = _grams(one.said, place), _grams(other.said, place)
    smaller = max(min(len(mine), len(theirs)), FEWEST_GRAMS)
    return len(mine & theirs) / smaller


def spot_of(address: str) -> Spot:
    """The parts of an address as typed; nothing for a pin without words."""
    return Spot(*_parsed(_folded(address))[:2])


def street_in(address: str) -> str:
    """The street or landmark of an address in the words typed, without house and alley numbers; "" when none."""
    typed = _WORD.findall(address)
    return " ".join(typed[at] for at in _parsed(_folded(address))[2] if at < len(typed))


def _folded(address: str) -> list[str]:
    plain = fold(address)
    return [] if plain.startswith("vi tri ghim") else _WORD.findall(plain)


def _parsed(words: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...], tuple[int, ...]]:
    """Numbers, street words and where these stand; from the ward's name on nothing tells places of a ward apart."""
    numbers: dict[str, str] = {}
    street: list[int] = []
    at = 0
    while at < len(words):
        word, following = words[at], words[at + 1] if at + 1 < len(words) else ""
        if (word in _UNITS and at) or f"{word} {following}" in _TWO_WORD_UNITS:
            break
        if word in _PARTS and _NUMBER.fullmatch(following):
            numbers.setdefault(_PARTS[word], following)
            at += 1
        elif _NUMBER.fullmatch(word) and not street:
            numbers.setdefault("so", word)
        elif word not in _LEADS and not (word in _PARTS and word != "khu" and not street):
            street.append(at)
        at += 1
    return numbers, tuple(words[place] for place in street), tuple(street)


def _written_likeness(one: Report, other: Report) -> float:
    if not one.spot.words or not other.spot.words:
        return _without_a_street(one, other)
    if not _same_street(one.spot.words, other.spot.words):
        return ELSEWHERE
    return _by_numbers(one.spot.numbers, other.spot.numbers)


def _same_street(one: Sequence[str], other: Sequence[str]) -> bool:
    """The same words, or all of the shorter name's in a row: "Chùa Bộc" and "Chùa Bộc Đống Đa", not "Láng Hạ"."""
    shorter, longer = sorted((tuple(one), tuple(other)), key=len)
    return shorter == longer or (len(shorter) > 1 and _holds(longer, shorter))


def _by_numbers(one: dict[str, str], other: dict[str, str]) -> float:
    both = one.keys() & other.keys()
    if any(one[kind] != other[kind] for kind in both & _FIRM):
        return ELSEWHERE
    if any(one[kind] != other[kind] for kind in both):
        return SAME_STREET
    return SAME_SPOT if both else SAME_STREET


def _without_a_street(one: Report, other: Report) -> float:
    """Where one of them names no street in its address, its story may: the street, a quarter ("tổ 7"), or a landmark
    in the very same words.
    """
    mine, theirs = _numbers_of(one), _numbers_of(other)
    both = mine.keys() & theirs.keys()
    if any(mine[kind] != theirs[kind] for kind in both & _FIRM):
        return ELSEWHERE
    known, story = (one.spot, other.said) if one.spot.words else (other.spot, one.said)
    if len(known.words) > 1 and _holds(story, known.words):
        return _by_numbers(mine, theirs)
    return SAME_STREET if both & _LOCAL or _runs(one.said) & _runs(other.said) else UNKNOWN


def _numbers_of(report: Report) -> dict[str, str]:
    """Those of the address, else those of the story."""
    pairs = [pair for pair in pairwise(report.said) if pair[0] in _PARTS and _NUMBER.fullmatch(pair[1])]
    return {_PARTS[kind]: number for kind, number in reversed(pairs)} | report.spot.numbers


def _runs(words: Sequence[str]) -> frozenset[tuple[str, ...]]:
    """Stretches of a story that may name a place: a word that leads to one, and words that tell something after it."""
    stretches = (tuple(words[at : at + RUN_WORDS]) for at in range(len(words) - RUN_WORDS + 1))
    return frozenset(
        stretch
        for stretch in stretches
        if _SURE_LEADS.intersection(stretch[: RUN_WORDS // 2]) and len(set(stretch) - _COMMON) >= TELLING_WORDS
    )


def _holds(longer: Sequence[str], shorter: Sequence[str]) -> bool:
    return any(tuple(longer[at : at + len(shorter)]) == tuple(shorter) for at in range(len(longer)))


def _grams(words: Sequence[str], place: set[str]) -> frozenset[str]:
    told = [word for word in words if word not in _COMMON and word not in place and not word.isdigit()]
    return frozenset([*told, *(f"{one} {other}" for one, other in pairwise(told))])
