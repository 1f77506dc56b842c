"""The concept lexicon of data/lexicon: which words tell of which label; called by `bot.features`.

A file holds one label and, by kind (objects, faults, verbs, slang, names ...), the terms people use for it. A term
found in a text becomes a feature named after its label and kind, so that a word seen in no example still says
something.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Mapping, Sequence, Set, Tuple

from rasa.shared.utils.io import read_yaml_file

from bot.normalise import expand, fold, strip_accents, words_of

Terms = Mapping[str, Mapping[str, Sequence[str]]]
_LONGEST = 5  # words in a term


@dataclass(frozen=True)
class Lexicon:
    """Terms by their words: `written` with accents, `bare` without; each maps to its concepts, "label:kind"."""

    terms: Terms
    written: Mapping[Tuple[str, ...], Sequence[str]]
    bare: Mapping[Tuple[str, ...], Sequence[str]]

    @classmethod
    def of(cls, terms: Terms) -> "Lexicon":
        """From `{label: {kind: [term, ...]}}`; terms longer than five words are left out."""
        written: Dict[Tuple[str, ...], Set[str]] = defaultdict(set)
        bare: Dict[Tuple[str, ...], Set[str]] = defaultdict(set)
        for label, kinds in terms.items():
            for kind, listed in kinds.items():
                for words in map(_words, listed):
                    if 0 < len(words) <= _LONGEST:
                        written[words].add(f"{label}:{kind}")
                        bare[tuple(map(strip_accents, words))].add(f"{label}:{kind}")
        return cls(terms, _sorted(written), _sorted(bare))

    @classmethod
    def read(cls, folder: Path) -> "Lexicon":
        """All files of a folder; an empty lexicon when there is none."""
        terms: Dict[str, Dict[str, List[str]]] = {}
        for path in sorted(folder.glob("*.yml")):
            content = dict(read_yaml_file(path))
            terms[content.pop("label")] = {kind: list(map(str, listed)) for kind, listed in content.items()}
        return cls.of(terms)

    @classmethod
    def load(cls, path: Path) -> "Lexicon":
        """What `save` wrote."""
        return cls.of(json.loads(path.read_text(encoding="utf-8")))

    def save(self, path: Path) -> None:
        """One JSON file, so that a model carries the lexicon it was trained with."""
        path.write_text(json.dumps(self.terms, ensure_ascii=False), encoding="utf-8")

    def concepts(self, words: Sequence[str], *, accented: bool) -> Iterator[str]:
        """The concept of every term that occurs in the words, once for each occurrence."""
        known = self.written if accented else self.bare
        for start in range(len(words)):
            for end in range(start + 1, min(start + _LONGEST, len(words)) + 1):
                yield from known.get(tuple(words[start:end]), ())


def _words(term: str) -> Tuple[str, ...]:
    return tuple(words_of(expand(fold(term))))


def _sorted(found: Mapping[Tuple[str, ...], Iterable[str]]) -> Dict[Tuple[str, ...], List[str]]:
    return {words: sorted(concepts) for words, concepts in found.items()}
