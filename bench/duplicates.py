"""Training lines that say the same as an earlier one: `python -m bench.duplicates [--remove]`; also asked by the tests.

Two lines of a label are the same when their words are, marks and order left aside, or nearly all of them are
(Jaccard 0.8 and more, of five words and more). The later one goes.
"""

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from bot.normalise import fold_plain, words_of

_NEARLY = 0.8
_FEWEST_WORDS = 5


class Line(NamedTuple):
    """A training line, where it stands and what it teaches."""

    path: Path
    label: tuple[str, str]  # intent, category or ""
    hand: str
    text: str


def read(folder: Path) -> list[Line]:
    """All lines of a folder, in the order of the files."""
    return [line for path in sorted(folder.rglob("*.yml")) for line in _lines(path)]


def duplicates(lines: Sequence[Line]) -> list[Line]:
    """The lines that an earlier line of the same label makes needless."""
    earlier: defaultdict[tuple[str, str], list[frozenset[str]]] = defaultdict(list)
    holding: defaultdict[tuple[tuple[str, str], str], list[int]] = defaultdict(list)
    found = []
    for line in lines:
        words = frozenset(words_of(fold_plain(line.text))) or frozenset({line.text})
        known = earlier[line.label]
        shared = Counter(n for word in words for n in holding[line.label, word])
        if any(_same(common, len(words | known[n])) for n, common in shared.items()):
            found.append(line)
            continue
        for word in words:
            holding[line.label, word].append(len(known))
        known.append(words)
    return found


def remove(found: Sequence[Line]) -> None:
    """Cut the lines out of their files; the files keep their form otherwise."""
    by_path: defaultdict[Path, Counter[tuple[tuple[str, str], str]]] = defaultdict(Counter)
    for line in found:
        by_path[line.path][line.label, line.text] += 1
    for path, gone in by_path.items():
        path.write_text("".join(_kept(path.read_text(encoding="utf-8"), gone)), encoding="utf-8")


def _same(common: int, together: int) -> bool:
    return common == together or (together >= _FEWEST_WORDS and common / together >= _NEARLY)


def _lines(path: Path) -> Iterator[Line]:
    for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
        facts = block.get("metadata") or {}
        label = (block["intent"], str(facts.get("category") or ""))
        for line in block["examples"].splitlines():
            if line.strip():
                yield Line(path, label, str(facts.get("hand") or ""), line.strip().removeprefix("- ").strip())


def _kept(content: str, gone: Counter[tuple[tuple[str, str], str]]) -> Iterator[str]:
    """The later ones go, so the file is read from its end."""
    intent_at, kept = _labels(content), []
    for number, line in reversed(list(enumerate(content.splitlines(keepends=True)))):
        text = line.strip().removeprefix("- ").strip()
        key = (intent_at[number], text)
        if line.lstrip().startswith("- ") and gone[key] > 0:
            gone[key] -= 1
        else:
            kept.append(line)
    return iter(reversed(kept))


def _labels(content: str) -> list[tuple[str, str]]:
    """For every line of a file the label of the block it stands in."""
    labels, intent, category = [], "", ""
    for line in content.splitlines():
        if opened := re.match(r"\s*- intent: (\S+)", line):
            intent, category = opened[1], ""
        elif named := re.match(r"\s*(?:metadata:.*?)?[\s{,]category: (\w+)", line):
            category = named[1]
        labels.append((intent, category))
    return labels


def main(arguments: Sequence[str] | None = None) -> int:
    """Lists the duplicates; exits 1 when there are some and they were not removed."""
    parser = argparse.ArgumentParser(prog="python -m bench.duplicates", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/nlu"))
    parser.add_argument("--remove", action="store_true")
    options = parser.parse_args(arguments)
    found = duplicates(read(options.data))
    if options.remove:
        remove(found)
    for line in found:
        print(f"{line.path}\t{line.label[0]}\t{line.text}")
    return 1 if found and not options.remove else 0


if __name__ == "__main__":
    sys.exit(main())
