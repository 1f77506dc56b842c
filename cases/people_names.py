"""Finds names of people in what citizens typed, with capitals and marks or without; called by `conflict`.

A name is believed for what stands beside it: a form of address ("bà", "anh"), a family name, a middle name. The lists
are in catalogue/people_names.yml. In a text typed with marks the marks decide ("đỗ" is a family name, "đổ" is not); in
one without, only words that are hardly anything else do. Rather a word too many is taken than a name left.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import yaml

from bot.normalise import fold as fold_accented
from bot.normalise import has_accents
from cases.codes import CATALOGUE, fold

MOST_GIVEN = 3  # words after a family name
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d+\w?")


def find_names(text: str) -> Iterator[tuple[int, int]]:
    """Where names stand, from left to right, without the form of address before them."""
    lists, matches = _lists(has_accents(text)), list(_WORD.finditer(text))
    words = [lists.written(match[0]) for match in matches]
    held = [text[one.end() : other.start()].isspace() for one, other in pairwise(matches)] + [False]
    at = 0
    while at < len(words):
        count = lists.name_at(words, held, at)
        if count:
            yield matches[at].start(), matches[at + count - 1].end()
        at += count or 1


class _Lists:
    """The words of people_names.yml as a text writes them: with its marks, or all without."""

    def __init__(self, marked: bool) -> None:
        found = yaml.safe_load((CATALOGUE / "people_names.yml").read_text("utf-8"))
        self.written = fold_accented if marked else fold
        kind = "marked" if marked else "plain"
        self._families = self._words(found["families" if marked else "families_plain"])
        self._words_too = self._words(found["families_that_are_words"]) if marked else frozenset()
        self._surest = self._words(found["middles_surest"])
        self._middles = self._words(found["middles"])
        self._given = self._words(found[f"given_{kind}"])
        self._sure_addresses = self._words(found["addresses" if marked else "addresses_plain"])
        self._ordinary = self._words(found["ordinary"])
        self._places = self._words(found["places"])
        self._where = self._words(found["where"])
        self._together = {tuple(map(self.written, pair.split())) for pair in found["together"]}

    def name_at(self, words: list[str], held: list[bool], at: int) -> int:
        """How many words from here on are a name; 0 when none begins here."""
        before = self._before(words, held, at)
        if before in self._places:
            return 0
        length = self._length(words, held, at)
        following = words[at + 1] if length > 1 else ""
        addressed = before in self._sure_addresses
        family, doubtful = words[at] in self._families, words[at] in self._words_too
        if addressed and (family or doubtful) and length > 1:
            return length
        if (
            length > 2
            and before not in self._where
            and ((family and following in self._middles) or (doubtful and following in self._surest))
        ):
            return length
        if before in self._sure_addresses and words[at] in self._given and not self._is_pair(words, held, at):
            return 2 if following in self._given else 1
        return 0

    def _before(self, words: list[str], held: list[bool], at: int) -> str:
        """The word before this one, over the number of a lane or a house."""
        while at and held[at - 1]:
            at -= 1
            if not _NUMBER.fullmatch(words[at]):
                return words[at]
        return ""

    def _length(self, words: list[str], held: list[bool], at: int) -> int:
        """This word and those after it that may belong to one name."""
        count = 1
        while count <= MOST_GIVEN and held[at + count - 1] and not self._ends(words, held, at + count):
            count += 1
        return count

    def _ends(self, words: list[str], held: list[bool], at: int) -> bool:
        if words[at] in self._ordinary or not words[at].isalpha():
            return True
        return self._is_pair(words, held, at - 1) or self._is_pair(words, held, at)

    def _is_pair(self, words: list[str], held: list[bool], at: int) -> bool:
        """Whether this word and the next are one ordinary word ("hoa quả", "cao tuổi")."""
        return held[at] and (words[at], words[at + 1]) in self._together

    def _words(self, listed: str) -> frozenset[str]:
        return frozenset(self.written(word) for word in listed.split())


@cache
def _lists(marked: bool) -> _Lists:
    return _Lists(marked)
