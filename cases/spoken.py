"""Typed words as patterns read them: no accents, abbreviations and slips of phones written out; called by actions."""

import re

from bot.normalise import collapse_elongation, decode_keystrokes, expand
from bot.normalise import fold as fold_accented
from cases.codes import fold

# Spellings of phones that `bot.normalise.expand` leaves alone, because elsewhere they may mean something else.
_SHORT = {
    **dict.fromkeys(("xog", "xg", "xogn", "sog", "xomg"), "xong"),
    **dict.fromkeys(("chx", "chuwa", "chuaw"), "chua"),
    **dict.fromkeys(("hông", "hổng", "hk", "hem", "hog", "kh", "khum"), "khong"),
    **dict.fromkeys(("gium", "dum"), "giup"),
    **dict.fromkeys(("tui", "mk", "mik", "mìn"), "minh"),
    "e": "em",
    "log": "long",
    "hs": "ho so",
    "bs": "bo sung",
    "pa": "phan anh",
}
# The same letters are another word before anything else: "đèn hong", "ch Hoa".
_BEFORE_SOME = (
    (re.compile(r"\bhong(?= (?:ai|co|thay|can|hai|muon|phai|chiu|duoc|xong))"), "khong"),
    (re.compile(r"\bch(?= (?:xong|lam|co|thay|ai|duoc|sua|don))"), "chua"),
)


def heard(text: str) -> str:
    """Text as these patterns read it: no accents, abbreviations written out, words, numbers and * / ? only."""
    accented = expand(fold_accented(collapse_elongation(decode_keystrokes(text))))
    plain = " ".join(_SHORT.get(word) or fold(word) for word in re.findall(r"\w+|[*/?]", accented))
    for pattern, word in _BEFORE_SOME:
        plain = pattern.sub(word, plain)
    return plain
