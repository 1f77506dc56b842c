"""Noise as people type it, made from clean training texts; called by `bot.linear` while training.

Each clean text is learnt as written, without its marks, and in noisy forms drawn by `SHARES`: teencode, slips of the
finger, confused sounds, raw Telex and VNI, words run together, half the marks missing, wrapped in a greeting. The draw
depends on the seed and the text alone, so a training can be repeated and a new line changes no other line's noise.
"""

import random
import re
import zlib
from collections.abc import Callable, Iterator

from bot.normalise import fold, strip_accents
from bot.syllables import with_tone, without_tone
from bot.teencode import BEFORE_A_NAME, WORDS

SEED = 20250701
_SLIP_SHARE = 0.16  # of the words of a text with slips
_SHORT_FORM_SHARE = 0.7
_JOINED_SHARE = 0.25
_TELEX = ["", "s", "f", "r", "x", "j"]
_TELEX_LETTERS = {"ă": "aw", "â": "aa", "đ": "dd", "ê": "ee", "ô": "oo", "ơ": "ow", "ư": "uw"}
_VNI_LETTERS = {"ă": "a8", "â": "a6", "đ": "d9", "ê": "e6", "ô": "o6", "ơ": "o7", "ư": "u7"}
_LETTERS = re.compile(r"[^\W\d_]+")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SOUNDS = [
    ("tr", "ch"), ("ch", "tr"), ("s", "x"), ("x", "s"), ("gi", "d"), ("d", "gi"), ("r", "d"), ("l", "n"), ("n", "l"),
    ("ph", "f"), ("qu", "w"), ("c", "k"), ("kh", "k"), ("ngh", "ng"), ("gh", "g"), ("v", "z"),
]  # fmt: skip
_ENDINGS = [
    ("ng", "n"),
    ("n", "ng"),
    ("c", "t"),
    ("t", "c"),
    ("nh", "n"),
    ("ch", "k"),
    ("i", "y"),
    ("y", "i"),
    ("ôi", "oy"),
]
_OPENINGS = (
    "ad ơi", "alo", "em ơi", "chào ad", "cho em hỏi", "dạ", "bạn ơi", "kính gửi các cấp lãnh đạo", "xin chào",
    "cho tôi nói chút",
    "nhờ mọi người xem giúp",
    "tôi là người dân ở đây đã lâu", "cháu chào các cô chú ạ", "xin lỗi làm phiền",
    "chào các bác", "thưa cán bộ",
)  # fmt: skip
_CLOSINGS = (
    "ạ", "nhé", "với ạ", "giúp em", "cảm ơn", "xin cảm ơn", "huhu", "mong được giúp", "chán thật",
    "mong sớm có hồi âm", "nha", "đi", "thế đấy",
    "tôi nói thật", "ai cũng bảo thế", "trân trọng", "nhờ ad cả đấy", "😢", "🙏", "😡", "!!!", "...",
    "em cảm ơn nhiều lắm",
)  # fmt: skip
Noise = Callable[[str, random.Random], str]


def variants(text: str, copies: int = 1, seed: int = SEED) -> list[str]:
    """The text, its form without marks, and `copies` noisy forms of it; the same ones for the same seed and text."""
    rng = random.Random(seed ^ zlib.crc32(text.encode("utf-8")))
    return [text, strip_accents(text), *(_noisy(text, rng) for _ in range(copies))]


def _noisy(text: str, rng: random.Random) -> str:
    [noise] = rng.choices(list(SHARES), weights=list(SHARES.values()))
    result = noise(fold(text), rng)
    if rng.random() < _ALSO_WRAPPED:
        result = wrapped(result, rng)
    return strip_accents(result) if noise not in _KEEPS_MARKS and rng.random() < _ALSO_BARE else result


def shortened(text: str, rng: random.Random) -> str:
    """Teencode and abbreviations in place of the words they stand for."""
    for written, forms in _SHORT_FORMS:
        if written in text and rng.random() < _SHORT_FORM_SHARE:
            text = f" {text} ".replace(f" {written} ", f" {rng.choice(forms)} ").strip()
    return text


def slipped(text: str, rng: random.Random) -> str:
    """Slips of the finger: a letter lost, doubled, swapped or beside the one meant, or a wrong tone."""
    return " ".join(_slip(word, rng) if rng.random() < _SLIP_SHARE else word for word in text.split())


def misheard(text: str, rng: random.Random) -> str:
    """Spelt as it is spoken: n for l, x for s, hỏi for ngã, an ending of another region."""
    return " ".join(_as_spoken(word, rng) if rng.random() < 2 * _SLIP_SHARE else word for word in text.split())


def joined(text: str, rng: random.Random) -> str:
    """Words run together."""
    pieces = []
    for word in text.split():
        pieces += [word] if not pieces or rng.random() < _JOINED_SHARE else [" ", word]
    return "".join(pieces)


def half_marked(text: str, rng: random.Random) -> str:
    """Marks on some words only."""
    return " ".join(strip_accents(word) if rng.random() < 0.5 else word for word in text.split())


def telex(text: str, rng: random.Random) -> str:
    """Raw Telex keystrokes, tone keys behind the word or behind its vowel."""
    at_end = rng.random() < 0.7
    return _LETTERS.sub(lambda word: _keys(word.group(), _TELEX_LETTERS, _TELEX, at_end), text)


def vni(text: str, rng: random.Random) -> str:
    """Raw VNI keystrokes."""
    at_end = rng.random() < 0.5
    return _LETTERS.sub(lambda word: _keys(word.group(), _VNI_LETTERS, ["", *"12345"], at_end), text)


def wrapped(text: str, rng: random.Random) -> str:
    """With a greeting before it, a closing behind it, or both: they say nothing about the matter."""
    before = rng.choice(_OPENINGS) + rng.choice((" ", ", ")) if rng.random() < 0.6 else ""
    after = " " + rng.choice(_CLOSINGS) if rng.random() < 0.6 else ""
    return before + text + after


def _slip(word: str, rng: random.Random) -> str:
    if len(word) < 3:
        return word
    at = rng.randrange(1, len(word))
    return rng.choice(_SLIPS)(word, at, rng)


def _neighbour(word: str, at: int, rng: random.Random) -> str:
    letter = strip_accents(word[at])
    for row in _ROWS:
        place = row.find(letter)
        if place >= 0:
            return word[:at] + rng.choice(row[max(0, place - 1) : place] + row[place + 1 : place + 2]) + word[at + 1 :]
    return word


def _other_tone(word: str, at: int, rng: random.Random) -> str:
    letters, _ = without_tone(word)
    return with_tone(letters, rng.randrange(6)) or letters


_SLIPS: list[Callable[[str, int, random.Random], str]] = [
    lambda word, at, rng: word[:at] + word[at + 1 :],
    lambda word, at, rng: word[:at] + word[at] + word[at:],
    lambda word, at, rng: word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :],
    _neighbour,
    _other_tone,
]


def _as_spoken(word: str, rng: random.Random) -> str:
    if rng.random() < 0.25:
        letters, tone = without_tone(word)
        return with_tone(letters, {3: 4, 4: 3}.get(tone, tone)) or word
    swaps = [word.replace(old, new, 1) for old, new in _SOUNDS if word.startswith(old)]
    swaps += [word[: -len(old)] + new for old, new in _ENDINGS if word.endswith(old)]
    return rng.choice(swaps) if swaps else word


def _keys(word: str, letters_as: dict[str, str], tones: list[str], at_end: bool) -> str:
    letters, tone = without_tone(word)
    keys = ""
    for letter, marked in zip(letters, word, strict=True):
        keys += letters_as.get(letter, letter)
        if not at_end and marked != letter:
            keys += tones[tone]
    return keys + tones[tone] if at_end else keys


def _short_forms() -> Iterator[tuple[str, list[str]]]:
    forms: dict[str, list[str]] = {}
    for short, written in [*WORDS.items(), *BEFORE_A_NAME.items()]:
        forms.setdefault(written, []).append(short)
    return iter(sorted(forms.items(), key=lambda item: -len(item[0])))


_SHORT_FORMS = list(_short_forms())
SHARES: dict[Noise, float] = {
    slipped: 0.32, shortened: 0.22, misheard: 0.12, joined: 0.08, half_marked: 0.06, telex: 0.05, vni: 0.02,
    wrapped: 0.13,
}  # fmt: skip
_KEEPS_MARKS = frozenset((half_marked, telex, vni))
_ALSO_BARE = 0.5
_ALSO_WRAPPED = 0.2
