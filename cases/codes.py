"""Makes and reads case codes and the secret word of a receipt. Called by filing and by every entry point.

A code is PA and nine digits, because Telex keyboards mangle letters: eight random digits and a Damm check digit, which
catches every single wrong digit and every swap of neighbours. The first digit is never 0: no code looks like the start
of a phone number, and no spreadsheet eats it.
"""

import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

from bot.normalise import fold_plain

CATALOGUE = Path(__file__).with_name("catalogue")

# H. M. Damm 2004: a totally anti-symmetric quasigroup of order 10.
_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)
_NINE = r"[1-9](?:[ .\-]{0,2}[0-9]){8}"
_WHOLE = re.compile(rf"[ .:\-#]{{0,9}}(?:p\.?[ \-]?a)?[ .:\-#]{{0,9}}({_NINE})[ .]{{0,9}}")
_PREFIXED = re.compile(rf"(?<![a-z0-9])p\.?[ \-]?a[ .:\-#]{{0,3}}({_NINE})(?![.\-/]?[0-9])")
# Without PA a number must stand alone: not part of a longer run, a fraction, a phone with its country code, or money.
_ALONE = r"(?<![a-z0-9+/.\-])(?<![0-9][ .])(?<![0-9]\)[ ])"
_ENDS = r"(?![a-z0-9/]|[.,\-][0-9]|[ ][0-9]{3}|[ ](?:d|dong|vnd|k|tr|trieu|ty|usd)(?![a-z]))"
_GROUPED = re.compile(rf"{_ALONE}([1-9][0-9]{{2}}([ \-])[0-9]{{3}}\2[0-9]{{3}}){_ENDS}")
_BARE = re.compile(rf"{_ALONE}([1-9][0-9]{{8}}){_ENDS}")
_ABOUT_CASE = re.compile(r"(?<![a-z])(?:ma|ho so|phan anh|tra cuu)(?![a-z])[^0-9]{0,25}$")
_ABOUT_OTHER = re.compile(
    r"(?<![a-z])(?:cmnd|cmt|cccd|can cuoc|chung minh|dinh danh|khach hang|tai khoan|stk|sdt|dien thoai|so may|zalo"
    r"|thue|bhyt|bhxh|ho chieu)(?![a-z])[^0-9]{0,15}$"
)
HOTLINES = frozenset({"111", "112", "113", "114", "115"})
_DASHES = re.compile(r"[\u2010-\u2015\u2212]")
_LONGEST_SECRET = 100


class Randomness(Protocol):
    """What draws numbers for a code: `secrets`, or something predictable in a test."""

    def randbelow(self, exclusive_upper_bound: int, /) -> int: ...


def new_code(rng: Randomness = secrets) -> str:
    """A fresh code as people see it and as it is stored: PA-482-913-773. Uniqueness is the table's business."""
    body = str(10_000_000 + rng.randbelow(90_000_000))
    return _shown(body + str(_damm(body)))


def parse_code(text: str) -> str | None:
    """The code if the whole text is one, however it is spaced, dashed or cased, with or without PA; else None."""
    match = _WHOLE.fullmatch(fold(text[:60]))
    return _checked(match[1]) if match else None


def find_code(text: str) -> str | None:
    """The first valid code inside a sentence, or None; a bare number counts only where the words speak of a case."""
    folded = fold(text)
    found = [_checked(match[1]) for match in _PREFIXED.finditer(folded)]
    found += [_checked(m[1]) for m in _GROUPED.finditer(folded) if not _means_other(folded, m) and not _hotlines(m[1])]
    found += [_checked(m[1]) for m in _BARE.finditer(folded) if _means_case(folded, m)]
    return next((code for code in found if code), None)


@cache
def load_secret_words(folder: Path | None = None) -> tuple[str, ...]:
    """The 256 nouns of secret_words.txt, in file order: changing the order changes every receipt."""
    words = tuple(((folder or CATALOGUE) / "secret_words.txt").read_text("utf-8").split("\n")[:-1])
    if len(words) != 256:
        raise ValueError(f"secret_words.txt must hold 256 words, one a line, it holds {len(words)}")
    return words


def secret_word(code: str, key: bytes) -> str:
    """Two nouns and two digits that the receipt of this code carries ("hoa sen con tàu 47", about 22 bits)."""
    digits = re.sub(r"\D", "", code)
    digest = hmac.digest(key, b"receipt:" + digits.encode(), hashlib.sha256)
    words = load_secret_words()
    return f"{words[digest[0]]} {words[digest[1]]} {int.from_bytes(digest[2:8]) % 100:02d}"


def secret_matches(code: str, typed: str, keys: Sequence[bytes]) -> bool:
    """Whether the typed words are the secret under any of the keys; accents, case and spacing do not matter."""
    given = _squeezed(typed[:_LONGEST_SECRET])
    results = [hmac.compare_digest(given, _squeezed(secret_word(code, key))) for key in keys]
    return any(results)


def find_secret(text: str) -> str | None:
    """The words of a receipt's secret inside a sentence: two of our nouns and two digits, however accented."""
    match = _secret().search(fold(text))
    return match.group() if match else None


def without_secret(text: str) -> str:
    """A text without the secret word in it: nobody who reads a conversation needs it."""
    plain = fold(text)
    match = _secret().search(plain)
    if match is None:
        return text
    return f"{text[: match.start()]}•••{text[match.end() :]}" if len(plain) == len(text) else "•••"


@cache
def _secret() -> re.Pattern[str]:
    nouns = "|".join(sorted((re.escape(fold(word)) for word in load_secret_words()), key=len, reverse=True))
    return re.compile(rf"\b(?:{nouns})[ .,\-]{{1,3}}(?:{nouns})[ .,\-]{{0,3}}\d\d(?!\d)")


def fold(text: str) -> str:
    """Lower case without accents, full-width forms and fancy dashes made plain: for comparing, never for showing."""
    return _DASHES.sub("-", unicodedata.normalize("NFKC", fold_plain(text)))


def _damm(digits: str) -> int:
    interim = 0
    for digit in digits:
        interim = int(_DAMM[interim][int(digit)])
    return interim


def _checked(written: str) -> str | None:
    digits = re.sub(r"[^0-9]", "", written)
    return _shown(digits) if _damm(digits) == 0 else None


def _shown(digits: str) -> str:
    return f"PA-{digits[:3]}-{digits[3:6]}-{digits[6:]}"


def _means_case(folded: str, match: re.Match[str]) -> bool:
    if _means_other(folded, match):
        return False
    before = folded[max(0, match.start() - 40) : match.start()]
    return bool(_ABOUT_CASE.search(before)) or len(re.findall(r"[^\W\d]+", folded)) <= 3


def _means_other(folded: str, match: re.Match[str]) -> bool:
    return bool(_ABOUT_OTHER.search(folded[max(0, match.start() - 40) : match.start()]))


def _hotlines(written: str) -> bool:
    return HOTLINES.issuperset(re.split(r"[ \-]", written))


def _squeezed(text: str) -> bytes:
    return re.sub(r"[^a-z0-9]", "", fold(text)).encode()
