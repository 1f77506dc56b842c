"""Turns texts into hashed n-gram counts, with and without accents; called by `bot.linear`."""

import re
from itertools import pairwise
from typing import Iterator, List, Sequence, Tuple

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction import FeatureHasher

from bot.normalise import collapse_elongation, expand, fold, has_accents, strip_accents

WORD_COLUMNS = 2**17  # the first columns are of words, the rest of pieces of words
COLUMNS = 2 * WORD_COLUMNS
MAX_CHARS = 3000  # a message says what it is about long before this
_PIECE_LENGTHS = (3, 4, 5)
_TOKEN = re.compile(r"[^\W_]+|[?!]")
_LONG_NUMBER = re.compile(r"\d{4,}")
_LONGEST_WORD = 24


def matrix(texts: Sequence[str]) -> csr_matrix:
    """One float32 row of dampened counts per text, COLUMNS wide; without letters and digits an empty one."""
    if not texts:
        return csr_matrix((0, COLUMNS), dtype=np.float32)
    spoken = [_words_of(text) for text in texts]
    hasher = FeatureHasher(WORD_COLUMNS, input_type="string", alternate_sign=False, dtype=np.float32)
    rows = hstack([hasher.transform(map(_word_grams, spoken)), hasher.transform(map(_pieces, spoken))], format="csr")
    np.log1p(rows.data, out=rows.data)
    return rows


# The forms of a text, each with its mark: plain ("s") always, accented ("a") when accents were typed.
_Forms = List[Tuple[str, List[str]]]


def _words_of(text: str) -> _Forms:
    readable = text[:MAX_CHARS].encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair cannot be hashed
    folded = collapse_elongation(fold(readable))
    words = [word[:_LONGEST_WORD] for word in _TOKEN.findall(_LONG_NUMBER.sub("0000", expand(folded)))]
    forms = [("s", [strip_accents(word) for word in words])]
    return [*forms, ("a", words)] if has_accents(folded) else forms


def _word_grams(forms: _Forms) -> Iterator[str]:
    for form, words in forms:
        for word in words:
            yield f"{form} {word}"
        for first, second in pairwise(words):
            yield f"{form} {first} {second}"


def _pieces(forms: _Forms) -> Iterator[str]:
    for form, words in forms:
        for word in words:
            padded = f" {word} "
            for length in _PIECE_LENGTHS:
                for start in range(len(padded) - length + 1):
                    yield f"{form}{padded[start : start + length]}"
