"""Charts as plain shapes that a template writes as SVG: nothing to load, and they print; called by desk.reports."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cases.measures import with_dots

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 14, 26
GAP = 0.25  # of a slot, between groups of columns
BAR, BAR_GAP, NAME_WIDTH, VALUE_WIDTH = 18, 8, 210, 60


@dataclass(frozen=True)
class Shape:
    """One column or bar with its value; `series` picks its colour."""

    x: float
    y: float
    width: float
    height: float
    value: int
    series: int
    name: str
    address: str = ""


@dataclass(frozen=True)
class Mark:
    """A word at a place: a name under a column, a value at a line."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Chart:
    """A drawing without scripts: shapes and words in a box of `width` by `height`."""

    width: int
    height: int
    shapes: tuple[Shape, ...]
    names: tuple[Mark, ...]
    lines: tuple[Mark, ...] = ()  # across the chart, at round values


def columns(names: Sequence[str], series: Sequence[Sequence[int]]) -> Chart:
    """Groups of standing columns, one for each name, with one column for each series."""
    top = _round_up(max((value for values in series for value in values), default=0))
    slot, room = (WIDTH - LEFT - RIGHT) / max(1, len(names)), HEIGHT - TOP - BOTTOM
    width = slot * (1 - GAP) / max(1, len(series))
    shapes, marks = [], []
    for place, name in enumerate(names):
        begins = LEFT + slot * (place + GAP / 2)
        marks.append(Mark(round(begins + slot * (1 - GAP) / 2, 1), HEIGHT - 8, name))
        for number, values in enumerate(series):
            height = room * values[place] / top
            x, y = begins + width * number, TOP + room - height
            shape = (round(x, 1), round(y, 1), round(width * 0.94, 1), round(height, 1))
            shapes.append(Shape(*shape, values[place], number, name))
    lines = tuple(Mark(LEFT, round(TOP + room * (1 - part / 4), 1), with_dots(top * part // 4)) for part in range(5))
    return Chart(WIDTH, HEIGHT, tuple(shapes), tuple(marks), lines)


def bars(rows: Sequence[tuple[str, int, str]]) -> Chart:
    """Lying bars, one for each name, value and address."""
    most = max((value for _, value, _ in rows), default=0) or 1
    room = WIDTH - NAME_WIDTH - VALUE_WIDTH
    shapes, marks = [], []
    for place, (name, value, address) in enumerate(rows):
        y = place * (BAR + BAR_GAP) + BAR_GAP / 2
        shapes.append(Shape(NAME_WIDTH, y, round(room * value / most, 1), BAR, value, 0, name, address))
        marks.append(Mark(NAME_WIDTH - 8, y + BAR - 4, name))
    return Chart(WIDTH, max(1, len(rows)) * (BAR + BAR_GAP), tuple(shapes), tuple(marks))


def _round_up(value: int) -> int:
    """A round number not below the value that four lines divide evenly."""
    if value <= 4:
        return 4
    step = int(10 ** math.floor(math.log10(value)))
    sizes = (part * step for part in (1, 2, 4, 6, 8, 10, 20))
    return next(size for size in sizes if size >= value and size % 4 == 0)
