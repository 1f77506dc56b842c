"""Turns texts into hashed features, with and without accents; called by `bot.linear`.

Two groups of columns: words and pairs of words, and pieces of words.
"""

from itertools import pairwise
from typing import Iterator, List, Sequence, Tuple

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction import FeatureHasher

from bot.normalise import (
    collapse_elongation,
    decode_keystrokes,
    expand,
    fold,
    has_accents,
    signs_in_words,
    strip_accents,
    words_of,
)

GROUPS = (2**18, 2**18)  # columns of words, of pieces
STARTS = np.cumsum((0, *GROUPS))
COLUMNS = int(STARTS[-1])
MAX_CHARS = 3000  # a message says what it is about long before this
_PIECE_LENGTHS = (3, 4, 5)
_LONGEST_WORD = 24

# The forms of a text, each with its mark: plain ("s") always, accented ("a") when accents were typed.
Forms = List[Tuple[str, List[str]]]


def matrix(texts: Sequence[str]) -> csr_matrix:
    """One float32 row of dampened counts per text, COLUMNS wide; without letters and digits an empty one."""
    if not texts:
        return csr_matrix((0, COLUMNS), dtype=np.float32)
    spoken = [forms_of(text) for text in texts]
    hashed = [
        _hasher(width).transform(map(make, spoken)) for width, make in zip(GROUPS, (_word_grams, _pieces), strict=True)
    ]
    rows = hstack(hashed, format="csr")
    np.log1p(rows.data, out=rows.data)
    return rows


def forms_of(text: str) -> Forms:
    """The words of a text as features see them: folded, keystrokes decoded, abbreviations written out."""
    readable = text[:MAX_CHARS].encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair cannot be hashed
    folded = collapse_elongation(decode_keystrokes(fold(signs_in_words(readable))))
    words = [word[:_LONGEST_WORD] for word in words_of(expand(folded))]
    forms = [("s", [strip_accents(word) for word in words])]
    return [*forms, ("a", words)] if has_accents(folded) else forms


def _hasher(width: int) -> FeatureHasher:
    return FeatureHasher(width, input_type="string", alternate_sign=False, dtype=np.float32)


def _word_grams(forms: Forms) -> Iterator[str]:
    for form, words in forms:
        for word in words:
            yield f"{form} {word}"
        for first, second in pairwise(words):
            yield f"{form} {first} {second}"


def _pieces(forms: Forms) -> Iterator[str]:
    for form, words in forms:
        for word in words:
            padded = f" {word} "
            for length in _PIECE_LENGTHS:
                for start in range(len(padded) - length + 1):
                    yield f"{form}{padded[start : start + length]}"
