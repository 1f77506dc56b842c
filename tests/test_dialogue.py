"""Every intent is answered, outside the form and at each of its questions, by the real Rasa and the real actions."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from bench.walks import Door
from cases.demo import Given, add_case
from cases.rulebook import load_rulebook
from core.arrivals import get_conversation
from core.db import open_database, transaction
from tests.stack import ROOT, Stack
from tests.support import KIM_LIEN, NOW

pytestmark = pytest.mark.processes

DOMAIN: dict[str, Any] = yaml.safe_load((ROOT / "domain.yml").read_text("utf-8"))
INTENTS: list[str] = DOMAIN["intents"]
PLACE = {
    "address": "Ngõ 12", "ward_id": "2025:00229", "area_id": "legacy:006", "lat": None, "lon": None, "method": "chosen",
    "confidence": 1.0, "options": [], "outside": False, "asked": 1, "settled": True,
}  # fmt: skip
EXTRA = {"media": 0, "asked_category": 0, "likely": ["waste", "pollution"]}
DRAFTS: dict[str, dict[str, Any]] = {
    "description": {},
    "location": {"description": "Rác chất đống", "category": "waste"},
    "category": {"description": "Rác chất đống", "location": PLACE},
    "confirm": {"description": "Rác chất đống", "location": PLACE, "category": "waste"},
    "join": {"description": "Rác chất đống", "location": PLACE, "category": "waste"},
}
ENDS = {"cancel", "denounce", "complain_decision"}


class Taps(Door):
    """At the door of the real Rasa: each payload is an intent and nothing was written."""

    def __init__(self, stack: Stack) -> None:
        database = open_database(stack.environment()["DATABASE_URL"])
        with transaction(database) as session:
            conversation = get_conversation(session, "zalo", "dialogue", NOW).id
        database.engine.dispose()
        super().__init__(stack.url("RASA_0"), conversation, itertools.count(10_000_000))

    def turn(self, payload: str, state: dict[str, Any], number: int | None = None) -> dict[str, Any]:
        answer = self.ask(state, payload=payload, turn=number, tapped=True)
        assert answer.status_code == 200, answer.text[:200]
        return dict(answer.json())


@pytest.fixture(scope="module")
def dialogue(stack: Stack) -> Taps:
    return Taps(stack)


def in_form(asked: str) -> dict[str, Any]:
    slots = {**DRAFTS[asked], "draft": EXTRA, "requested_slot": asked}
    return {"v": 1, "slots": slots, "loop": "report_form", "noticed": None}


def test_every_intent_is_answered_outside_the_form(dialogue: Taps) -> None:
    for intent in INTENTS:
        answer = dialogue.turn(f"/{intent}", {})
        said = [reply["text"] for reply in answer["replies"] if reply.get("text")]
        assert len(said) >= 2, intent  # the notice of first contact and the answer
        assert any("trợ lý tự động" in text for text in said), intent


@pytest.mark.parametrize("asked", sorted(DRAFTS))
def test_every_intent_is_answered_at_each_question_and_the_draft_is_kept(dialogue: Taps, asked: str) -> None:
    for intent in INTENTS:
        answer = dialogue.turn(f"/{intent}", in_form(asked))
        assert any(reply.get("text") for reply in answer["replies"]), intent
        state = answer["state"]
        ended = intent in ENDS or (intent, asked) in {("affirm", "confirm"), ("affirm", "join")}
        assert (state["loop"] is None) == ended, intent
        kept = {} if ended else DRAFTS[asked]
        for slot in ("description", "category"):
            assert state["slots"].get(slot) == kept.get(slot), (intent, slot)


@pytest.mark.parametrize("intent", ["denounce", "complain_decision"])
def test_petitions_are_marked_to_be_forgotten(dialogue: Taps, intent: str) -> None:
    replies = dialogue.turn(f"/{intent}", {})["replies"]
    assert any((reply.get("custom") or {}).get("forget") for reply in replies)


def test_danger_gets_its_numbers_before_the_notice(dialogue: Taps) -> None:
    replies = dialogue.turn("/emergency", {})["replies"]
    assert "113" in replies[0]["text"] and "trợ lý tự động" in replies[-1]["text"]


def test_the_same_turn_sent_twice_says_the_same_and_files_once(dialogue: Taps) -> None:
    first = dialogue.turn("/affirm", in_form("confirm"), 19_000_000)
    second = dialogue.turn("/affirm", in_form("confirm"), 19_000_000)
    assert first == second
    assert any("PA-" in reply["text"] for reply in first["replies"])


def test_an_open_case_like_it_is_joined_by_one_tap_beside_the_summary(dialogue: Taps, stack: Stack) -> None:
    theirs = "Nhà bà Hoa đây, rác chất đống"
    given = Given("zalo", "neighbour", "waste", "dong_da", theirs, "new", 50, KIM_LIEN, "Ngõ 12 Chùa Bộc")
    database = open_database(stack.environment()["DATABASE_URL"])
    with transaction(database) as session:
        code = add_case(session, load_rulebook(), given, "given:join", datetime.now(UTC)).code
    place = {**PLACE, "address": "ngo 12 chua boc", "ward_id": None, "options": [KIM_LIEN], "settled": False}
    state = in_form("location")
    state["slots"] |= {"location": place, "description": "rac chat dong khong ai don"}
    shown = dialogue.turn(f'/inform{{"ward": "{KIM_LIEN}"}}', state)
    summary = shown["replies"][-1]
    assert "chua boc, gửi khoảng 2 ngày trước" in summary["text"] and "Hoa" not in summary["text"]
    assert [button["title"] for button in summary["buttons"]] == ["Gửi", "Sửa", "Tôi cũng bị"]
    joined = dialogue.turn(summary["buttons"][2]["payload"], shown["state"])
    assert code in joined["replies"][-1]["text"] and joined["state"]["loop"] is None
    asked = dialogue.turn(f'/track_case{{"case_code": "{code}"}}', joined["state"])
    assert "cùng theo dõi" in asked["replies"][-1]["text"] and "Hoa" not in asked["replies"][-1]["text"]
    database.engine.dispose()


@pytest.mark.parametrize("text", ["{code} {0} {unknown} 0[x]", "%s %(a)s", "\\n \\u0000", "[số điện thoại] 0[số thẻ]"])
def test_braces_and_brackets_in_what_people_write_are_only_words(dialogue: Taps, text: str) -> None:
    state = in_form("confirm")
    state["slots"]["description"] = f"Rác chất đống {text}"
    answer = dialogue.turn("/thank", state)
    assert text in answer["replies"][-1]["text"]
