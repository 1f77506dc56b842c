"""Everyday words that look like a place once their marks are gone: `python -m bench.lookalikes`.

"chưa thấy" typed as "chua thay" is no Chùa Thầy. Prints, as rows for `cases/catalogue/place_words.csv`, the phrases of
the training texts that share their bare letters with a name of the gazetteer and are far more frequent than the name.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from bot.normalise import has_accents
from cases.gazetteer import Gazetteer, load_gazetteer
from cases.place_text import STREET_WORDS, UNIT_WORDS, Word, cut_words
from cases.place_types import What

_SEEN = 2  # times at least
_TIMES = 3  # as often as the name itself


def main() -> int:
    """See the module."""
    names, phrases = count(load_gazetteer(), texts(Path("data/nlu")))
    for plain, found in sorted(phrases.items()):
        if found.total() >= max(_SEEN, _TIMES * names[plain]):
            print(f"{found.most_common(1)[0][0]},noise")
    return 0


def texts(folder: Path) -> Iterator[str]:
    """The examples of all training files that are written with marks."""
    for path in sorted(folder.rglob("*.yml")):
        for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            yield from (line[2:] for line in block["examples"].splitlines() if has_accents(line))


def count(gazetteer: Gazetteer, lines: Iterator[str]) -> tuple[Counter[str], dict[str, Counter[str]]]:
    """By bare letters of names of two words and more: how often the name is meant, and each phrase that is another."""
    meant: Counter[str] = Counter()
    others: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        words = cut_words(line)
        for start, word in enumerate(words):
            for length in range(2, min(gazetteer.longest.get(word.plain, 0), len(words) - start) + 1):
                part = words[start : start + length]
                found = gazetteer.names.get(tuple(each.plain for each in part), ())
                if not found or any(name.entry.what is What.NOISE for name in found):
                    continue
                plain, folded = " ".join(each.plain for each in part), tuple(each.folded for each in part)
                if any(name.words == folded for name in found):
                    meant[plain] += 1
                elif _is_everyday(part):
                    others[plain][" ".join(folded)] += 1
    return meant, others


def _is_everyday(part: Sequence[Word]) -> bool:
    """No piece of another name: all in small letters, no mark between, no word before a name ("đường quang" Trung)."""
    unbroken = all(not each.gap.strip() for each in part[1:])
    return unbroken and all(each.text.islower() for each in part) and part[0].folded not in {*UNIT_WORDS, *STREET_WORDS}


if __name__ == "__main__":
    sys.exit(main())
