"""Shares with their uncertainty, and how they are printed; used by everything that measures."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

_Z = 1.959964  # 95 %


def read_lines(path: Path, read: Callable[[dict[str, Any]], Any]) -> list[Any]:
    """What each line of a JSON-lines file is; raises ValueError naming the line that is not as `evaluation.md` says."""
    items = []
    for number, written in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not written.strip():
            continue
        try:
            items.append(read(json.loads(written)))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path.name} line {number}: {type(error).__name__}: {error}") from error
    return items


@dataclass(frozen=True)
class Share:
    """`hits` of `n`, under a stable name ("nlu.intent_accuracy")."""

    name: str
    hits: int
    n: int

    @property
    def value(self) -> float:
        return self.hits / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of Wilson (1927); 0 to 1 when nothing was counted."""
        if not self.n:
            return 0.0, 1.0
        p, n = self.value, self.n
        middle, spread = p + _Z**2 / (2 * n), _Z * sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
        scale = 1 + _Z**2 / n
        return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


@dataclass(frozen=True)
class Number:
    """A figure that is no share: a mean of scores, or milliseconds."""

    name: str
    value: float


Figure = Share | Number


def share(name: str, outcomes: Iterable[bool]) -> Share:
    """How many of the outcomes are true."""
    listed = list(outcomes)
    return Share(name, sum(listed), len(listed))


def quantile(values: Sequence[float], part: float) -> float:
    """The value below which this part of the values lies (nearest rank); 0 for none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(part * len(ranked)))] if ranked else 0.0


def row(figure: Figure) -> str:
    """One line of the table for people."""
    if isinstance(figure, Number):
        return f"{figure.name:<44} {figure.value:8.3f}"
    low, high = figure.interval
    return f"{figure.name:<44} {100 * figure.value:7.1f} %   n={figure.n:<6} 95 % {100 * low:5.1f} to {100 * high:5.1f}"


def line(figure: Figure) -> str:
    """One line for programs: name and value, shares from 0 to 1."""
    return f"{figure.name} {figure.value:.4f}"
