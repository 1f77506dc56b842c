"""Random walks over all intents, buttons and attachments: every turn is answered and no question holds a person."""

import itertools
import json
import os
from typing import Any

import pytest
import requests

from bench.walks import Door, State, Walked, Walker, described, figures, walk_all
from core.db import open_database
from tests.stack import Stack

WALKS = int(os.environ.get("TIEPDAN_WALKS", "60"))  # 5,000 were walked for the README
STEPS = 6


@pytest.mark.processes
def test_no_walk_meets_silence_or_a_question_without_a_way_out(stack: Stack) -> None:
    database = open_database(stack.environment()["DATABASE_URL"])
    walks = walk_all(stack.url("RASA_0"), database, range(WALKS), STEPS)
    database.engine.dispose()
    assert [described(walked) for walked in walks if walked.wrong] == []
    asked = {slot for walked in walks for slot, _, _ in walked.ways_out}
    assert asked >= {"description", "location", "category", "confirm"}
    assert sum(len(walked.answered) for walked in walks) == WALKS * STEPS
    assert all(figure.value == 0 for figure in figures(walks) if figure.name != "walks.walks")


class ScriptedDoor(Door):
    """Answers every turn with these replies and this state, whatever is said."""

    def __init__(self, replies: list[dict[str, Any]], state: dict[str, Any], status: int = 200) -> None:
        super().__init__("http://127.0.0.1:9", 1, itertools.count(1))
        self._answer = requests.Response()
        self._answer.status_code = status
        self._answer._content = json.dumps({"replies": replies, "state": state}).encode()

    def ask(self, state: State, **_more: Any) -> requests.Response:
        return self._answer


NOTICE = {"text": "Em là máy trả lời."}
OPEN = {"loop": "report_form", "slots": {"requested_slot": "location", "description": "rác"}}


def test_a_turn_without_words_is_found() -> None:
    walker = Walker(ScriptedDoor([NOTICE, {"text": "Dạ"}], OPEN))
    walker.door = ScriptedDoor([{"text": " "}, {"custom": {}}], OPEN)
    assert walker.walk(1, 3).answered == [False] * 3
    walker.door = ScriptedDoor([NOTICE], OPEN, status=503)
    assert walker.walk(1, 3).answered == [False] * 3


def test_a_question_that_holds_a_person_is_found() -> None:
    walked = Walker(ScriptedDoor([NOTICE, {"text": "Dạ"}], OPEN)).walk(1, 3)
    # The scripted bot stays in the form whatever is said, and says the same to a question and to a wish for a person.
    assert walked.ways_out == [
        ("location", "cancel", False),
        ("location", "question", True),
        ("location", "person", True),
    ]
    assert walked.wrong == ["cancel does not work at location"]


def test_an_answer_that_loses_the_draft_is_no_way_out() -> None:
    walker = Walker(ScriptedDoor([NOTICE, {"text": "Dạ"}], OPEN))
    walked = Walked(1)
    walker.try_ways_out({**OPEN, "slots": {**OPEN["slots"], "description": "loa kéo"}}, walked)
    assert [opened for _, _, opened in walked.ways_out] == [False, False, False]
