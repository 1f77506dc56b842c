"""Protected tables: no small count can be worked out from what is published, tried by everything an attacker could."""

import itertools
import random
from collections.abc import Iterator, Mapping

import pytest

from cases.suppression import TOTAL, Cell, PublicTable, protect

THRESHOLD = 5


def lines_of(counts: Mapping[Cell, int]) -> tuple[list[str], list[str]]:
    return sorted({row for row, _ in counts}), sorted({column for _, column in counts})


def worlds(table: PublicTable, rows: list[str], columns: list[str], most: int) -> Iterator[dict[Cell, int]]:
    """Every table of counts that fits what is published: an attacker who knows the rule can say no more than this."""
    cells = list(itertools.product(rows, columns))
    choices = [[table.shown[cell]] if cell in table.shown else range(most + 1) for cell in cells]
    for values in itertools.product(*choices):
        world = dict(zip(cells, values, strict=True))
        sums = {(row, TOTAL): sum(world[row, column] for column in columns) for row in rows}
        sums |= {(TOTAL, column): sum(world[row, column] for row in rows) for column in columns}
        sums[TOTAL, TOTAL] = sum(world.values())
        if all(sums[cell] == count for cell, count in table.shown.items() if cell in sums):
            yield {**world, **sums}


def small_counts_given_away(counts: Mapping[Cell, int], table: PublicTable) -> set[Cell]:
    """Small counts above zero, sums included, that have only one value in every world that fits."""
    rows, columns = lines_of(counts)
    possible: dict[Cell, set[int]] = {}
    for world in worlds(table, rows, columns, max(counts.values()) + 1):
        for cell, value in world.items():
            possible.setdefault(cell, set()).add(value)
    return {cell for cell, values in possible.items() if len(values) == 1 and 0 < next(iter(values)) < THRESHOLD}


@pytest.mark.parametrize("seed", range(25))
def test_no_small_count_can_be_worked_out(seed: int) -> None:
    chance = random.Random(seed)
    rows, columns = ("a", "b") if seed % 2 else ("a", "b", "c"), ("x", "y")
    counts = {cell: chance.choice((0, 0, 1, 2, 3, 6, 7)) for cell in itertools.product(rows, columns)}
    table = protect(counts, THRESHOLD)
    assert small_counts_given_away(counts, table) == set()
    assert all(count >= THRESHOLD for count in table.shown.values())
    full = {cell: count for cell, count in counts.items() if cell in table.shown}
    assert all(table.shown[cell] == count for cell, count in full.items()), "what is told is true"


def test_hiding_the_small_counts_alone_gives_them_away() -> None:
    """The attack that the complementary hiding is there for; it shows that the search above finds it."""
    counts = {("a", "x"): 2, ("a", "y"): 7, ("b", "x"): 6, ("b", "y"): 8}
    naive = {cell: count for cell, count in counts.items() if count >= THRESHOLD}
    naive |= {("a", TOTAL): 9, ("b", TOTAL): 14, (TOTAL, "x"): 8, (TOTAL, "y"): 15, (TOTAL, TOTAL): 23}
    assert small_counts_given_away(counts, PublicTable(naive)) == {("a", "x")}
    assert small_counts_given_away(counts, protect(counts, THRESHOLD)) == set()


def test_a_table_of_large_counts_is_told_whole() -> None:
    counts = {cell: 10 for cell in itertools.product("abc", "xyz")}
    table = protect(counts, THRESHOLD)
    assert (len(table.shown), table.count(TOTAL, TOTAL), table.count("a", TOTAL)) == (16, 90, 30)


def test_little_more_is_hidden_than_has_to_be() -> None:
    counts = {cell: 40 for cell in itertools.product("abcdef", "uvwxyz")} | {("a", "u"): 1, ("b", "v"): 1}
    table = protect(counts, THRESHOLD)
    hidden = [cell for cell in counts if cell not in table.shown]
    assert len(hidden) == 4  # the two, and the two that close the square
    assert table.count(TOTAL, TOTAL) == sum(counts.values())


@pytest.mark.parametrize("counts", [{}, {("a", "x"): 3}, {("a", "x"): 0}, {("a", "x"): 3, ("a", "y"): 50}])
def test_tables_with_nothing_to_hide_behind_are_hidden(counts: dict[Cell, int]) -> None:
    table = protect(counts, THRESHOLD)
    assert ("a", "x") not in table.shown
    if counts:
        assert small_counts_given_away(counts, table) == set()
