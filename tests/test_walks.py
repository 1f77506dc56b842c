"""Random walks over all intents, buttons and attachments: every turn is answered and no question holds a person."""

import os

import pytest

from bench.walks import described, figures, walk_all
from core.db import open_database
from tests.stack import Stack

pytestmark = pytest.mark.processes

WALKS = int(os.environ.get("TIEPDAN_WALKS", "60"))  # 5,000 were walked for the README
STEPS = 6


def test_no_walk_meets_silence_or_a_question_without_a_way_out(stack: Stack) -> None:
    database = open_database(stack.environment()["DATABASE_URL"])
    walks = walk_all(stack.url("RASA_0"), database, range(WALKS), STEPS)
    database.engine.dispose()
    assert [described(walked) for walked in walks if walked.wrong] == []
    asked = {slot for walked in walks for slot, _, _ in walked.ways_out}
    assert asked >= {"description", "location", "category", "confirm"}
    assert sum(len(walked.answered) for walked in walks) == WALKS * STEPS
    assert all(figure.value == 0 for figure in figures(walks) if figure.name != "walks.walks")
