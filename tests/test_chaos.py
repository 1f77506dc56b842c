"""A small run of `python -m bench.chaos`, and the judge it relies on: a fault that is put in is found."""

from pathlib import Path

import pytest

from bench import chaos
from bench.judge import against


@pytest.mark.parametrize(
    ("shown", "repeated", "turned"),
    [
        (["a", "b", "c"], 0, 0),
        (["a", "a", "b", "c"], 1, 0),
        (["a", "b", "a", "c"], 1, 0),
        (["b", "a", "c"], 0, 3),
        (["a", "b"], 0, 1),
        (["a", "b", "c", "x"], 0, 1),
    ],
)
def test_repeats_and_faults_of_order_are_told_apart(shown: list[str], repeated: int, turned: int) -> None:
    found = against(["a", "b", "c"], shown)
    assert found[0] == repeated and (found[1] > 0) == (turned > 0)


@pytest.mark.processes
@pytest.mark.postgres
def test_killed_and_stopped_everything_loses_doubles_and_turns_round_nothing(tmp_path: Path) -> None:
    words = "--messages 80 --conversations 10 --at-once 10 --seconds 5 --outage 4 --scripted"
    found = chaos.run(tmp_path, chaos.read_options(words.split()))
    assert found.kept, found.figures
