"""Brings Vietnamese text to one comparable form; called by the Rasa components and by `cases` (stdlib only).

Every function takes any str, never raises, and costs time linear in its length.
"""

import re
import unicodedata
from itertools import pairwise

from bot import keystrokes
from bot.syllables import is_plain
from bot.teencode import BEFORE_A_NAME, SIGNS, WORDS

# Unicode sorts a run of combining marks by insertion, which is quadratic: a megabyte of them would hold a process for
# minutes. No Vietnamese letter carries more than two, so a longer run is cut before it is normalised.
_MAX_MARKS = 8
_SHORT = 512

_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0e\ufeff]")
_LATIN_MARKS = re.compile("[\u0300-\u036f]+")
_ACCENTED = re.compile(
    "[àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ]",
    re.IGNORECASE,
)
# What is said not to be so: "không phải cống, là ống nước vỡ".
_DENIED = re.compile(
    r"\b(?:chu |ma )?(?:khong|ko|k|hong) phai\b(?: \w+){1,7}?\s*(?=[,.;]|$|\b(?:ma|chu|nhe|dau|nhung)\b)"
)
_OLD_TONE = {
    "oà": "òa",
    "oá": "óa",
    "oả": "ỏa",
    "oã": "õa",
    "oạ": "ọa",
    "oè": "òe",
    "oé": "óe",
    "oẻ": "ỏe",
    "oẽ": "õe",
    "oẹ": "ọe",
    "uỳ": "ùy",
    "uý": "úy",
    "uỷ": "ủy",
    "uỹ": "ũy",
    "uỵ": "ụy",
}
_TONE_AT_THE_END = re.compile(f"(?<!q)(?:{'|'.join(_OLD_TONE)})(?![^\\W\\d_]|[\u0300-\u036f])")
_ELONGATED = re.compile(r"([^\W\d_])\1{2,}")
# Only vowels without a hat or horn: in "cứu" the second u is a sound of its own.
_ELONGATED_ACCENT = re.compile(r"([àáảãạèéẻẽẹìíỉĩịòóỏõọùúủũụỳýỷỹỵ])([aeiouy])(?![^\W\d_])")
_WORD = re.compile(r"\w+|[^\w\s]+|\s+")
_TOKEN = re.compile(r"[^\W_]+|[?!]")
_LONG_NUMBER = re.compile(r"\d{4,}")
_KEYCAP = re.compile("[0-9#*]\ufe0f?\u20e3")
_JOINERS = frozenset("\u200d\ufe0f\ufe0e\u20e3")


def nfc(text: str) -> str:
    """Composed form (NFC); runs of more than 8 combining marks are cut."""
    if len(text) > _SHORT and not text.isascii():
        text = _cut_marks(text)
    return unicodedata.normalize("NFC", text)


def strip_accents(text: str) -> str:
    """The same letters without Vietnamese (Latin) marks, đ as d; letter case and everything else stay."""
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFD", nfc(text))
    bare = _LATIN_MARKS.sub("", decomposed).replace("đ", "d").replace("Đ", "D")
    return unicodedata.normalize("NFC", bare)


def fold(text: str) -> str:
    """Comparable form with accents: NFC, case folded, tone on the first vowel of a final oa/oe/uy, single spaces."""
    composed = nfc(_INVISIBLE.sub("", text)).casefold()
    composed = nfc(composed)
    return " ".join(_TONE_AT_THE_END.sub(_old_tone, composed).split())


def fold_plain(text: str) -> str:
    """Comparable form without accents."""
    return " ".join(strip_accents(fold(text)).split())  # a mark may have stood on a space


def has_accents(text: str) -> bool:
    """Whether any letter carries a Vietnamese mark (đ counts)."""
    return not text.isascii() and _ACCENTED.search(nfc(text)) is not None


def is_emoji_only(text: str) -> bool:
    """Whether the text holds emoji and nothing else but spaces."""
    rest = _KEYCAP.sub("\N{GRINNING FACE}", text)
    seen = False
    for char in rest:
        if char.isspace() or char in _JOINERS:
            continue
        if not _is_emoji(char):
            return False
        seen = True
    return seen


def signs_in_words(text: str) -> str:
    """A message of emoji alone in words ("👍🏻👍🏻" -> "ok"); any other text as it was."""
    if text.isascii() or len(text) > _SHORT or not is_emoji_only(text):
        return text
    words = {SIGNS[char]: None for char in text if char in SIGNS}
    return " ".join(words) or text


def collapse_elongation(text: str) -> str:
    """Stretched letters back to one ("ơiiiii" -> "ơi", "quáaaa" -> "quá"); digits are never touched."""
    return _ELONGATED_ACCENT.sub(_drop_echo, _ELONGATED.sub(r"\1", text))


def decode_keystrokes(text: str) -> str:
    """Raw Telex and VNI words as letters ("rasc ddeer ddaafu ngox" -> "rác để đầu ngõ"); other text stays as it was."""
    return keystrokes.decode(text)


def is_syllable(plain: str) -> bool:
    """Whether lower-case letters without marks can be spelt as a Vietnamese syllable ("ngo" can, "ciputra" cannot)."""
    return is_plain(plain)


def words_of(text: str) -> list[str]:
    """Words, numbers (long ones as 0000) and the marks ? and !."""
    return _TOKEN.findall(_LONG_NUMBER.sub("0000", text))


def expand(folded: str) -> str:
    """Folded text with common abbreviations written out ("ko dc" -> "không được")."""
    parts = _WORD.findall(folded)
    words = [n for n, part in enumerate(parts) if part[0].isalnum()]
    following = dict(pairwise(words))
    for n in words:
        after = parts[following[n]] if n in following else ""
        parts[n] = _expanded(parts[n], after)
    return "".join(parts)


def _expanded(word: str, after: str) -> str:
    if word in BEFORE_A_NAME:
        return BEFORE_A_NAME[word] if _is_name_like(after) else word
    return WORDS.get(word, word)


def _is_name_like(word: str) -> bool:
    """A number, or a word of three letters or more: enough to tell "p bách khoa" from "p ơi"."""
    return word.isdigit() or len(word) >= 3


def _old_tone(match: "re.Match[str]") -> str:
    return _OLD_TONE[match.group()]


def _drop_echo(match: "re.Match[str]") -> str:
    vowel, echo = match.groups()
    return vowel if strip_accents(vowel) == echo else match.group()


def _is_emoji(char: str) -> bool:
    # Unicode data of Python 3.10 stops at version 13: newer emoji are told by their block.
    return unicodedata.category(char) == "So" or 0x1F000 <= ord(char) <= 0x1FAFF or 0xE0020 <= ord(char) <= 0xE007F


def _cut_marks(text: str) -> str:
    kept: list[str] = []
    run = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        if run <= _MAX_MARKS:
            kept.append(char)
    return "".join(kept)


def without_marks(text: str) -> str:
    """Lower case without diacritics, one character for one, so that places in it are places in the text."""
    return "".join(unicodedata.normalize("NFD", char)[0] for char in text.lower().replace("đ", "d"))


def without_denied(text: str) -> str:
    """The text without it, marks as they were: "xây sai phép, không phải tiếng ồn" is about building."""
    plain = without_marks(text)
    if len(plain) != len(text):  # a letter that grows in small form
        return text
    kept, end = [], 0
    for match in _DENIED.finditer(plain):
        kept.append(text[end : match.start()])
        end = match.end()
    return " ".join([*kept, text[end:]])
