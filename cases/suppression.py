"""Hides small counts of a table with totals, and what else it takes that none can be worked out. Pure; for the portal.

Every count below the threshold is hidden, zeros too, so that a hidden cell says nothing. What is hidden is an edge
between its row and its column (a row's total stands in the column of totals, and so on); the sums of the lines give a
count away exactly when its edge lies on no cycle of hidden counts above zero: on a cycle one can be added and taken
away in turn, and every sum stays what it is. So published counts are hidden, the smallest first, until every small
count lies on such a cycle.
"""

import heapq
from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass

TOTAL = ""  # the line of totals

Cell = tuple[str, str]  # row, column
_Line = tuple[str, str]  # "row" or "column", its name
_Lines = dict[_Line, list[tuple[_Line, Cell]]]


@dataclass(frozen=True)
class PublicTable:
    """What may be told: `shown` has rows, columns and (under TOTAL) their totals; what is missing is hidden."""

    shown: Mapping[Cell, int]

    def count(self, row: str, column: str) -> int | None:
        """The count, or None when it is hidden."""
        return self.shown.get((row, column))


def protect(counts: Mapping[Cell, int], threshold: int) -> PublicTable:
    """The table with its totals, without what must not be told."""
    full = _with_totals(counts)
    lines = _lines(full)
    hidden = {cell for cell, count in full.items() if 0 < count < threshold}
    safe: set[Cell] = set()
    for cell in sorted(hidden, key=lambda cell: (full[cell], cell)):
        if cell not in safe:
            cycle = _cheapest_way(full, lines, hidden, cell) | {cell}
            hidden |= cycle
            safe |= cycle
    return PublicTable({cell: count for cell, count in full.items() if count >= threshold and cell not in hidden})


def _with_totals(counts: Mapping[Cell, int]) -> dict[Cell, int]:
    full: dict[Cell, int] = defaultdict(int)
    for (row, column), count in counts.items():
        for cell in ((row, column), (row, TOTAL), (TOTAL, column), (TOTAL, TOTAL)):
            full[cell] += count
    return dict(full)


def _lines(full: Mapping[Cell, int]) -> _Lines:
    """Which counts above zero stand in each line, and the line that crosses it there."""
    lines: _Lines = defaultdict(list)
    for cell, count in full.items():
        if count > 0:
            row, column = ("row", cell[0]), ("column", cell[1])
            lines[row].append((column, cell))
            lines[column].append((row, cell))
    return lines


def _cheapest_way(full: Mapping[Cell, int], lines: _Lines, hidden: Set[Cell], cell: Cell) -> set[Cell]:
    """What closes a cycle through this cell: the way between its two lines that hides least of what is published."""
    start, goal = ("row", cell[0]), ("column", cell[1])
    best, came = {start: 0}, dict[_Line, tuple[_Line, Cell]]()
    heap = [(0, start)]
    while heap:
        cost, line = heapq.heappop(heap)
        if line == goal:
            break
        for neighbour, other in lines[line] if cost == best[line] else ():
            price = cost + (0 if other in hidden else full[other])
            if other != cell and price < best.get(neighbour, price + 1):
                best[neighbour], came[neighbour] = price, (line, other)
                heapq.heappush(heap, (price, neighbour))
    way, line = set[Cell](), goal
    while line != start:
        line, step = came[line]
        way.add(step)
    return way
