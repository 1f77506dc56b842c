"""A linear text classifier with probabilities and its files; trained and asked by `bot.intent` and `bot.category`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from joblib import Parallel, delayed
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix, vstack
from scipy.special import log_softmax, softmax
from sklearn.svm import LinearSVC

from bot.augment import variants
from bot.features import COLUMNS, STARTS, matrix
from bot.lexicon import HAND as LEXICON

Ranking = List[Tuple[str, float]]

_SEED = 20250701
_SHARES = (1.0, 0.6)  # what words and pieces of words count, each group brought to this length
_ENOUGH_TO_HOLD_OUT = 500
_DEFAULT_SCALE = 3.0
_RARE_FROM = 2000  # with this many examples a feature seen in only one of them is left out
_PROCESSES = 2
_TOLERANCE = 0.05


class Example(NamedTuple):
    """A clean text, what it teaches, and who wrote it: probabilities are fitted on a hand that was held out."""

    text: str
    label: str
    hand: str


@dataclass(frozen=True)
class LinearModel:
    """`rarity` weighs every feature, `weights` (columns, labels) the known ones, `scale` makes scores probabilities.

    `places` says for every feature its row in `weights`, or -1.
    """

    labels: List[str]
    rarity: np.ndarray
    places: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    scale: float

    @classmethod
    def train(cls, examples: Sequence[Example], strictness: float, copies: int = 1) -> "LinearModel":
        """Learns from every text as written, without its marks and with noise; `strictness` is the C of the SVM."""
        if not examples:
            nothing = np.zeros(COLUMNS, np.float32), np.full(COLUMNS, -1, np.int32), np.zeros((0, 0), np.float32)
            return cls([], *nothing, np.zeros(0, np.float32), _DEFAULT_SCALE)
        names = sorted({example.label for example in examples})
        spread = [variants(example.text, copies) for example in examples]
        each = len(spread[0])
        counts = _matrix([text for texts in spread for text in texts])
        seen_in = np.bincount(counts[::each].indices, minlength=COLUMNS)  # in the clean texts
        rarity = (np.log((1 + len(examples)) / (1 + seen_in)) + 1).astype(np.float32)
        columns = np.flatnonzero(seen_in >= (2 if len(examples) >= _RARE_FROM else 1))
        rows = _weighed(counts, rarity)[:, columns]
        answers = np.repeat(np.searchsorted(names, [example.label for example in examples]), each)
        hands = np.repeat([example.hand for example in examples], each)
        scale = _fitted_scale(rows, answers, hands, strictness, len(names))
        weights, bias = _fit(rows, answers, strictness, len(names))
        places = np.full(COLUMNS, -1, dtype=np.int32)
        places[columns] = np.arange(len(columns), dtype=np.int32)
        return cls(names, rarity, places, weights, bias, scale)

    def rank(self, text: str) -> Ranking:
        """All labels with their probability, likeliest first; empty when the text has nothing to go by."""
        row = _weighed(matrix([text]), self.rarity)
        places = self.places[row.indices]
        known = places >= 0
        if not known.any() or not self.labels:
            return []
        scores = row.data[known] @ self.weights[places[known]] + self.bias
        chances = softmax(self.scale * scores)
        order = np.argsort(-chances, kind="stable")
        return [(self.labels[n], float(chances[n])) for n in order]

    def save(self, folder: Path) -> None:
        """Writes model.json and model.npz; weights as float16: half the size, the same answers."""
        (folder / "model.json").write_text(json.dumps({"labels": self.labels, "scale": self.scale}), encoding="utf-8")
        np.savez_compressed(
            folder / "model.npz",
            rarity=self.rarity.astype(np.float16),
            places=self.places,
            weights=self.weights.astype(np.float16),
            bias=self.bias.astype(np.float32),
        )

    @classmethod
    def load(cls, folder: Path) -> "LinearModel":
        """Reads what `save` wrote; no pickle, so a model file cannot run code."""
        head = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        with np.load(folder / "model.npz", allow_pickle=False) as arrays:
            rarity, weights = arrays["rarity"].astype(np.float32), arrays["weights"].astype(np.float32)
            return cls(head["labels"], rarity, arrays["places"], weights, arrays["bias"], head["scale"])


def _matrix(texts: Sequence[str]) -> csr_matrix:
    size = max(1, -(-len(texts) // _PROCESSES))
    parts = Parallel(n_jobs=_PROCESSES)(
        delayed(matrix)(texts[start : start + size]) for start in range(0, len(texts), size)
    )
    return vstack(parts, format="csr")


def _weighed(rows: csr_matrix, rarity: np.ndarray) -> csr_matrix:
    """Rare features count more; each group of features is brought to its share as length."""
    data = rows.data * rarity[rows.indices]
    kinds = np.searchsorted(STARTS, rows.indices, side="right") - 1
    group = len(_SHARES) * np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)) + kinds
    lengths = np.sqrt(np.bincount(group, weights=data**2, minlength=len(_SHARES) * rows.shape[0]))
    factors = np.tile(_SHARES, rows.shape[0]) / np.maximum(lengths, 1e-9)
    return csr_matrix(((data * factors[group]).astype(np.float32), rows.indices, rows.indptr), shape=rows.shape)


def _fit(rows: csr_matrix, answers: np.ndarray, strictness: float, n_labels: int) -> Tuple[np.ndarray, np.ndarray]:
    """One label against the rest by linear support vectors: weights (columns, labels) and bias."""
    weights, bias = np.zeros((rows.shape[1], n_labels), np.float32), np.zeros(n_labels, np.float32)
    if n_labels < 2:
        return weights, bias
    shares = [np.arange(n_labels)[first::_PROCESSES] for first in range(min(_PROCESSES, n_labels))]
    fitted = Parallel(n_jobs=_PROCESSES, mmap_mode="r")(
        delayed(_fit_share)(rows, answers, share, strictness) for share in shares
    )
    for share, (their_weights, their_bias) in zip(shares, fitted, strict=True):
        weights[:, share], bias[share] = their_weights.T, their_bias
    return weights, bias


def _fit_share(
    rows: csr_matrix, answers: np.ndarray, share: np.ndarray, strictness: float
) -> Tuple[np.ndarray, np.ndarray]:
    """Some labels, each against all others. The solver copies the rows once for all of them, not once for each."""
    rest = int(share.max()) + 1
    told = np.where(np.isin(answers, share), answers, rest)
    solver = LinearSVC(C=strictness, max_iter=100, tol=_TOLERANCE, random_state=_SEED)
    if len(share) == 1:  # two classes are one problem, in favour of the greater
        solver.fit(rows, answers == share[0])
        return solver.coef_.astype(np.float32), solver.intercept_.astype(np.float32)
    solver.fit(rows, told)
    return solver.coef_[: len(share)].astype(np.float32), solver.intercept_[: len(share)].astype(np.float32)


def _fitted_scale(rows: csr_matrix, answers: np.ndarray, hands: np.ndarray, strictness: float, n_labels: int) -> float:
    """The factor under which lines of an unseen hand are least surprising, so that 0.7 means about seven in ten."""
    held = _held_out(answers, hands)
    if held is None or n_labels < 2:
        return _DEFAULT_SCALE
    weights, bias = _fit(rows[~held], answers[~held], strictness, n_labels)
    scores, truth = rows[held] @ weights + bias, answers[held]

    def surprise(scale: float) -> float:
        return -float(log_softmax(scale * scores, axis=1)[np.arange(len(truth)), truth].mean())

    return float(minimize_scalar(surprise, bounds=(0.05, 20.0), method="bounded").x)


def _held_out(answers: np.ndarray, hands: np.ndarray) -> Optional[np.ndarray]:
    """Which rows to hold out: the smallest hand without which every label is still known."""
    names, counts = np.unique(hands, return_counts=True)
    if len(answers) < _ENOUGH_TO_HOLD_OUT or len(names) < 2:
        return None
    for name in names[np.argsort(counts, kind="stable")]:
        held = hands == name
        if name == LEXICON:
            continue
        if len(np.unique(answers[~held])) == len(np.unique(answers)) == len(np.unique(answers[held])):
            return held
    return None
