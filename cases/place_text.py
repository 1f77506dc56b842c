"""Cuts a text into words and reads the words before a name: "phường", "ngõ 12", "ở", "chị"; called by `mentions`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from bot.normalise import decode_keystrokes, fold, is_syllable, nfc, strip_accents
from cases.place_types import Entry

MAX_TEXT = 2000


class Cue(IntEnum):
    """What stands before a name, from weakest to strongest."""

    BARE = 0
    NUMBER = 1
    NEAR = 2
    STREET = 3
    UNIT = 4


@dataclass(frozen=True)
class Word:
    """A run of letters and digits. `gap`: what stands between it and the word before. Positions are in the NFC text."""

    text: str
    folded: str
    plain: str
    start: int
    end: int
    gap: str


@dataclass(frozen=True)
class Mention:
    """Words `first` to `last` (exclusive) read as a name, its unit word included; the name proper begins at `start`."""

    first: int
    start: int
    last: int
    entries: tuple[Entry, ...]
    cue: Cue
    unit: str = ""
    exact: bool = True
    person: bool = False


# Written with and without marks; a single letter counts only directly before a name.
UNIT_WORDS = {
    "phường": "phường", "phuong": "phường", "p": "phường", "ph": "phường", "f": "phường",
    "phườg": "phường", "phuog": "phường", "phừơng": "phường", "fường": "phường", "fuong": "phường",
    "xã": "xã", "xa": "xã", "x": "xã", "tt": "thị trấn", "trấn": "thị trấn", "tran": "thị trấn",
    "quận": "quận", "quan": "quận", "q": "quận", "huyện": "huyện", "huyen": "huyện", "h": "huyện", "tx": "thị xã",
    "tỉnh": "tỉnh", "tinh": "tỉnh", "tp": "thành phố", "tphố": "thành phố",
}  # fmt: skip
_TWO_WORD_UNITS = {"thi xa": "thị xã", "thi tran": "thị trấn", "thanh pho": "thành phố"}
WARD_UNITS = frozenset(("phường", "xã", "thị trấn"))
DISTRICT_UNITS = frozenset(("quận", "huyện", "thị xã"))
PROVINCE_UNITS = frozenset(("tỉnh", "thành phố"))
STREET_WORDS = frozenset(
    "đường phố đg ngõ ngách hẻm kiệt đê dốc duong pho ngo ngach hem kiet đườg duog đừơng đuờng".split()
)
_BEFORE_NUMBER = STREET_WORDS | frozenset("số nhà sn so nha ng ngh s n".split())
_NEAR_WORDS = frozenset(
    "ở tại gần khu vực chợ hồ cổng đầu cuối trước sau cạnh diện qua từ đến tới trên dưới thuộc bàn đoạn phía bên về"
    " trong ngoài cư cc kđt thị tòa thể thôn xóm làng tổ ga bến xe trường viện bv viên cầu vượt hầm chui tàu hè"
    " vỉa nhánh lộ bãi tư ba giao quanh vùng hướng dọc ubnd"
    " ban dân người phường xã quận huyện ngay chỗ quê sân đình chùa ngã lối sang nút vòng xuyến làn lề tuyến"
    " o tai gan khu vuc cong dau cuoi canh thuoc doan phia kdt toa quanh doc phuong quan huyen thon xom"
    " tren duoi ngoai".split()
)
_TITLES = frozenset(
    "anh chị cô chú bác ông bà cậu dì thím mợ thầy cháu bé bạn tên họ sĩ em thư tịch chí giáo trưởng viên ty cty phần"
    " tnhh hãng phim bài thơ ngân"
    " chi co chu bac ong ba cau thay chau ban ten".split()
)
_GOODS = frozenset("bia kem phở cốm lụa gốm sữa nem giò chả rượu xôi mắm quất nhãn lua gom com nem xoi".split())
HOUSE_NUMBER = re.compile(r"\d{1,4}[a-z]?\d{0,2}|[a-z]{1,2}\d{1,4}")
_GLUED_NUMBER = re.compile(r"(?:ngõ|ngo|ngách|ngach|hẻm|hem|số|so|sn)\d{1,4}[a-z]?")
JOINS_UNIT = frozenset(("", ".", ":"))


def cut_words(text: str) -> list[Word]:
    """The first 2,000 characters as words, each also folded and without marks."""
    text = nfc(text[:MAX_TEXT])
    found = list(re.finditer(r"[^\W_]+", text))
    folded = [_completed(word) for word in _fold_each([match.group() for match in found])]
    plain = _strip_each(folded)
    words, end = [], 0
    for match, with_marks, without in zip(found, folded, plain, strict=True):
        words.append(Word(match.group(), with_marks, without, match.start(), match.end(), text[end : match.start()]))
        end = match.end()
    return words


def _fold_each(texts: list[str]) -> list[str]:
    together = decode_keystrokes(fold(" ".join(texts))).split(" ") if texts else []
    return together if len(together) == len(texts) else [fold(text) for text in texts]


def _completed(word: str) -> str:
    """ "phườg", "bìh": the n that quick fingers leave out before g and h."""
    if word[-1:] not in ("g", "h") or len(word) < 3 or is_syllable(strip_accents(word)):
        return word
    whole = f"{word[:-1]}n{word[-1]}"
    return whole if is_syllable(strip_accents(whole)) else word


def _strip_each(texts: list[str]) -> list[str]:
    together = strip_accents(" ".join(texts)).split(" ") if texts else []
    return together if len(together) == len(texts) else [strip_accents(text) for text in texts]


def unit_before(words: Sequence[Word], start: int) -> tuple[int, str]:
    """Where a name with its unit word ("phường", "thi xa") begins, and that word; "" when none stands before it."""
    if start < 1 or words[start].gap.strip() not in JOINS_UNIT:
        return start, ""
    if start > 1 and not words[start - 1].gap.strip():
        pair = f"{words[start - 2].plain} {words[start - 1].plain}"
        if pair in _TWO_WORD_UNITS:
            return start - 2, _TWO_WORD_UNITS[pair]
    return start - 1, UNIT_WORDS.get(words[start - 1].folded, "")


def cue_before(words: Sequence[Word], start: int) -> tuple[Cue, bool]:
    """The cue, and whether a person's title stands there instead."""
    if not start or re.search(r"[.,;:!?\n()]", words[start].gap):
        return Cue.BARE, False
    at = start - 1
    while at >= 0 and start - at < 5 and HOUSE_NUMBER.fullmatch(words[at].folded):
        at -= 1
    before = words[at].folded if at >= 0 else ""
    if at < start - 1:
        return _cue_of_number(words, at, before), False
    if before in STREET_WORDS or _GLUED_NUMBER.fullmatch(before):
        return Cue.STREET, False
    if before in _GOODS:  # "bia Trúc Bạch" is bought anywhere
        return Cue.BARE, True
    if before in _TITLES or (at and (words[at - 1].plain, words[at].plain) == ("co", "giao")):
        return Cue.BARE, before != "viên"
    return (Cue.NEAR if before in _NEAR_WORDS else Cue.BARE), False


def _cue_of_number(words: Sequence[Word], at: int, before: str) -> Cue:
    if before in _BEFORE_NUMBER:
        return Cue.STREET
    if at < 0 or before in _NEAR_WORDS or "," in words[at + 1].gap:
        return Cue.NUMBER
    return Cue.BARE
