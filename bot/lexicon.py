"""The concept lexicon of data/lexicon as further training sentences; called by `bot.labelled`.

A file holds one label (an intent, or a category of reports) and, by kind (objects, faults, verbs, slang, names ...),
the terms people use for it. One to three terms of a label make a sentence, each term once, so that a word found in no
example is still known. As features of their own the terms did not help: see bench/understanding.md.
"""

import random
import zlib
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

from rasa.shared.utils.io import read_yaml_file

HAND = "lexicon"
_SEED = 20261127
_TERMS_IN_A_SENTENCE = (1, 2, 2, 3)


def read_terms(folder: Path) -> Dict[str, List[str]]:
    """Label to its terms in the order of the files; empty when there is no folder."""
    terms: Dict[str, List[str]] = {}
    for path in sorted(folder.glob("*.yml")):
        content = dict(read_yaml_file(path))
        label = content.pop("label")
        terms[label] = [str(term) for listed in content.values() for term in listed]
    return terms


def sentences(terms: Dict[str, List[str]]) -> Iterator[Tuple[str, str]]:
    """(sentence, label); the same ones for the same terms."""
    for label, listed in terms.items():
        rng = random.Random(_SEED ^ zlib.crc32(label.encode()))
        left = rng.sample(listed, len(listed))
        while left:
            size = rng.choice(_TERMS_IN_A_SENTENCE)
            yield " ".join(left[:size]), label
            left = left[size:]
