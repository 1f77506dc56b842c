"""A linear text classifier with probabilities and its files; trained and asked by `bot.intent` and `bot.category`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import List, Sequence, Tuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix, vstack
from scipy.special import log_softmax, softmax
from sklearn.svm import LinearSVC

from bot.features import COLUMNS, WORD_COLUMNS, matrix
from bot.normalise import strip_accents

Ranking = List[Tuple[str, float]]

_SEED = 20250701
_STRICTNESS = 0.15  # C of the support vector machine; with the share below the best of a small search on the NLU data
_PIECES_SHARE = 0.6  # what pieces of words count against whole words
_ENOUGH_TO_HOLD_OUT = 500
_HELD_OUT_SHARE = 0.1
_DEFAULT_SCALE = 3.0
_RARE_FROM = 2000  # with this many examples a feature seen in only one of them is left out


@dataclass(frozen=True)
class LinearModel:
    """`rarity` weighs every feature, `weights` (columns, labels) the known ones, `scale` makes scores probabilities."""

    labels: List[str]
    rarity: np.ndarray
    columns: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    scale: float

    @classmethod
    def train(cls, texts: Sequence[str], labels: Sequence[str]) -> "LinearModel":
        """Learns from every text as written and once more without its accents."""
        names = sorted(set(labels))
        answers = np.searchsorted(names, labels)
        written, bare = matrix(texts), matrix([strip_accents(text) for text in texts])
        seen_in = np.bincount(written.indices, minlength=COLUMNS)
        rarity = (np.log((1 + len(texts)) / (1 + seen_in)) + 1).astype(np.float32)
        columns = np.flatnonzero(seen_in >= (2 if len(texts) >= _RARE_FROM else 1))
        written, bare = _weighed(written, rarity)[:, columns], _weighed(bare, rarity)[:, columns]
        scale = _fitted_scale(written, bare, answers, len(names))
        weights, bias = _fit(vstack([written, bare]), np.tile(answers, 2), len(names))
        return cls(names, rarity, columns, weights, bias, scale)

    def rank(self, text: str) -> Ranking:
        """All labels with their probability, likeliest first; empty when the text has nothing to go by."""
        row = _weighed(matrix([text]), self.rarity)[:, self.columns]
        if row.nnz == 0 or not self.labels:
            return []
        chances = softmax(self.scale * (row @ self.weights + self.bias)[0])
        order = np.argsort(-chances, kind="stable")
        return [(self.labels[n], float(chances[n])) for n in order]

    def save(self, folder: Path) -> None:
        """Writes model.json and model.npz; weights as float16: half the size, the same answers."""
        (folder / "model.json").write_text(json.dumps({"labels": self.labels, "scale": self.scale}), encoding="utf-8")
        np.savez_compressed(
            folder / "model.npz",
            rarity=self.rarity.astype(np.float16),
            columns=self.columns.astype(np.int32),
            weights=self.weights.astype(np.float16),
            bias=self.bias.astype(np.float32),
        )

    @classmethod
    def load(cls, folder: Path) -> "LinearModel":
        """Reads what `save` wrote; no pickle, so a model file cannot run code."""
        head = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        with np.load(folder / "model.npz", allow_pickle=False) as arrays:
            rarity, weights = arrays["rarity"].astype(np.float32), arrays["weights"].astype(np.float32)
            return cls(head["labels"], rarity, arrays["columns"], weights, arrays["bias"], head["scale"])


def _weighed(rows: csr_matrix, rarity: np.ndarray) -> csr_matrix:
    """Rare features count more; words and pieces are brought to length 1 each, then pieces to their share."""
    data = rows.data * rarity[rows.indices]
    group = 2 * np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)) + (rows.indices >= WORD_COLUMNS)
    lengths = np.sqrt(np.bincount(group, weights=data**2, minlength=2 * rows.shape[0]))
    lengths[1::2] /= _PIECES_SHARE
    return csr_matrix(((data / lengths[group]).astype(np.float32), rows.indices, rows.indptr), shape=rows.shape)


def _fit(rows: csr_matrix, answers: np.ndarray, n_labels: int) -> Tuple[np.ndarray, np.ndarray]:
    """One label against the rest by linear support vectors: weights (columns, labels) and bias."""
    if n_labels < 2:
        return np.zeros((rows.shape[1], n_labels), np.float32), np.zeros(n_labels, np.float32)
    solver = LinearSVC(C=_STRICTNESS, max_iter=100, tol=0.01, random_state=_SEED).fit(rows, answers)
    weights, bias = solver.coef_, solver.intercept_
    if n_labels == 2:  # scikit-learn keeps one score for two labels
        weights, bias = np.vstack([-weights, weights]), np.concatenate([-bias, bias])
    return weights.T.astype(np.float32), bias.astype(np.float32)


def _fitted_scale(written: csr_matrix, bare: csr_matrix, answers: np.ndarray, n_labels: int) -> float:
    """The factor under which held-out examples are least surprising, so that 0.7 means about seven in ten."""
    held = np.random.default_rng(_SEED).random(len(answers)) < _HELD_OUT_SHARE
    if len(answers) < _ENOUGH_TO_HOLD_OUT or n_labels < 2 or len(set(answers[~held])) < n_labels:
        return _DEFAULT_SCALE
    weights, bias = _fit(vstack([written[~held], bare[~held]]), np.tile(answers[~held], 2), n_labels)
    scores = vstack([written[held], bare[held]]) @ weights + bias
    truth = np.tile(answers[held], 2)

    def surprise(scale: float) -> float:
        return -float(log_softmax(scale * scores, axis=1)[np.arange(len(truth)), truth].mean())

    return float(minimize_scalar(surprise, bounds=(0.05, 20.0), method="bounded").x)
