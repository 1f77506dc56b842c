"""The citizen of an evaluation script answers what is asked, and what came of the talk is judged from the store."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.citizen import PATIENCE, Citizen, View, message
from bench.conversations import (
    Detour,
    Played,
    Script,
    StoredCase,
    TurnTaken,
    differences,
    figures,
    read_scripts,
)
from bench.evaluate import fallbacks
from bench.player import Player
from tests.stack import Stack

LABELS = {"waste": "Rác thải", "noise": "Tiếng ồn"}
LINE: dict[str, Any] = {
    "id": "t-1",
    "channel": "zalo",
    "opening": ["Rác chất đống ở ngõ 12 Chùa Bộc, phường Kim Liên"],
    "answers": {
        "category": "{{n:waste}}",
        "location": "ngõ 12 Chùa Bộc, phường Kim Liên",
        "phone": False,
        "photo": "[[image]]",
        "confirm": True,
        "other": "không, cảm ơn",
    },
    "detours": [],
    "expected": {
        "filed": True,
        "category": ["waste", "pollution"],
        "district": "dong_da",
        "ward": "Phường Kim Liên",
        "description_must_contain": ["chất đống"],
        "must_not": ["text:bí mật của người khác"],
        "bot_must_mention": ["hồ sơ|phản ánh"],
    },
    "persona": "người bán hàng",
    "tests": "two_messages: waste",
}
CASE = StoredCase("PA-1", "waste", "dong_da", "Phường Kim Liên", "Rác Chất Đống")
PLAYED = Played((CASE,), None, (), ("Mã hồ sơ: PA-1",), (), {}, to_code=2)
SEND = {"n": 1, "title": "Gửi", "label": "affirm"}


def script(tmp_path: Path, **changes: Any) -> Script:
    path = tmp_path / "conversations.jsonl"
    path.write_text(json.dumps({**LINE, **changes}, ensure_ascii=False) + "\n", encoding="utf-8")
    return read_scripts(path)[0]


def expecting(tmp_path: Path, **changes: Any) -> Script:
    return script(tmp_path, expected={**LINE["expected"], **changes})


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (View("location", (), ("Việc này ở đâu ạ?",), 0, {}), {"text": "ngõ 12 Chùa Bộc, phường Kim Liên"}),
        (View("category", ({"n": 2, "title": "Rác thải", "label": "waste"},), (), 0, {}), {"text": "2"}),
        (View("category", (), (), 0, {}), {"text": "Rác thải"}),  # not among the options: named in words
        (View("confirm", (SEND,), (), 0, {}), {"tap": "Gửi"}),
        (View("confirm", (), (), 0, {}), {"text": "đồng ý"}),
        (View("join", (), ("Có phải việc này không ạ?",), 0, {}), {"text": "không, cảm ơn"}),
        (View(None, (), ("Anh/chị cho em số điện thoại được không ạ?",), 0, {}), {"text": "không"}),
        (View(None, (), ("Anh/chị có ảnh không ạ?",), 1, {}), {"image": "sample"}),
        (View(None, (SEND,), ("Anh/chị bấm nút bên dưới.",), 0, {}), {"text": "không, cảm ơn"}),
        (View(None, (), ("Dạ, em chào anh/chị.",), 0, {}), None),
        (View(None, (SEND,), ("Em đã gửi phản ánh.",), 1, {}), None),  # filed: an invitation needs no answer
    ],
)
def test_the_citizen_answers_what_was_asked(tmp_path: Path, view: View, said: dict[str, Any] | None) -> None:
    found = Citizen(script(tmp_path), LABELS).next(view)
    assert (found[0] if found else None) == said


def test_a_detour_is_said_once_and_then_the_slot_is_answered(tmp_path: Path) -> None:
    detours = [
        {"after": "confirm", "say": "mấy giờ phường làm việc?", "expect_intent": ["faq_working_hours"]},
        {"after": "filed", "say": "mã {{code}} đến đâu rồi", "expect_intent": None},
    ]
    citizen = Citizen(script(tmp_path, detours=detours), LABELS)
    asked = View("confirm", (SEND,), (), 0, {})
    said = Detour("confirm", "mấy giờ phường làm việc?", ("faq_working_hours",))
    assert citizen.next(asked) == ({"text": said.say}, said)
    assert citizen.next(asked) == ({"tap": "Gửi"}, None)
    after = citizen.next(View(None, (), (), 1, {"code": "PA-1"}))
    assert after is not None and after[0] == {"text": "mã PA-1 đến đâu rồi"}
    assert citizen.next(View(None, (), (), 1, {"code": "PA-1"})) is None


def test_a_second_case_has_answers_of_its_own(tmp_path: Path) -> None:
    citizen = Citizen(script(tmp_path, answers_next={"location": "phố Vọng"}), LABELS)
    found = citizen.next(View("location", (), (), 1, {}))
    assert found is not None and found[0] == {"text": "phố Vọng"}


def test_a_question_outside_the_form_is_not_answered_for_ever(tmp_path: Path) -> None:
    citizen = Citizen(script(tmp_path), LABELS)
    view = View(None, (), ("Anh/chị muốn làm gì ạ?",), 0, {})
    assert [citizen.next(view) is None for _ in range(3)] == [False, False, True]


def test_the_citizen_gives_up_when_the_form_turns_in_a_circle(tmp_path: Path) -> None:
    citizen = Citizen(script(tmp_path), LABELS)
    view = View("location", (), ("Việc này ở đâu ạ?",), 0, {})
    assert [citizen.next(view) is None for _ in range(PATIENCE + 1)] == [False] * PATIENCE + [True]


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("[[image]]", {"image": "sample"}),
        ("[[sticker]]", {"sticker": True}),
        ("[[location:21.0285,105.8542]]", {"location": [21.0285, 105.8542]}),
        ("đây ạ [[image]]", {"image": "sample", "text": "đây ạ"}),
        ("rác", {"text": "rác"}),
    ],
)
def test_special_messages_are_what_they_stand_for(written: str, sent: dict[str, Any]) -> None:
    assert message(written) == sent


def test_a_conversation_that_ended_as_expected_has_no_differences(tmp_path: Path) -> None:
    assert differences(script(tmp_path), PLAYED) == []


@pytest.mark.parametrize(
    ("played", "said"),
    [
        (replace(PLAYED, cases=()), "0 new cases, expected 1"),
        (replace(PLAYED, cases=(CASE, CASE)), "2 new cases, expected 1"),
        (replace(PLAYED, cases=(replace(CASE, category="noise"),)), "PA-1 category noise, expected waste or pollution"),
        (replace(PLAYED, cases=(replace(CASE, district="ba_dinh"),)), "PA-1 district ba_dinh, expected dong_da"),
        (replace(PLAYED, cases=(replace(CASE, ward=None),)), "PA-1 ward None, expected Phường Kim Liên"),
        (replace(PLAYED, cases=(replace(CASE, words="khác"),)), "not stored: chất đống"),
        (replace(PLAYED, shown=("Hồ sơ. Bí mật của người khác",)), "shown: bí mật của người khác"),
        (replace(PLAYED, shown=("Dạ",)), "not mentioned: hồ sơ|phản ánh"),
        (replace(PLAYED, stuck="no answer"), "no answer"),
    ],
)
def test_what_is_not_as_expected_is_said(tmp_path: Path, played: Played, said: str) -> None:
    assert differences(script(tmp_path), played) == [said]


def test_without_a_new_case_the_own_one_is_judged_with_what_was_added(tmp_path: Path) -> None:
    line = expecting(tmp_path, filed=False)
    own = replace(CASE, words="Rác\nnay đã chất đống")
    assert differences(line, replace(PLAYED, cases=(), own=own)) == []
    assert differences(line, replace(PLAYED, cases=(), own=replace(own, words="Rác"))) == ["not stored: chất đống"]
    assert "1 new cases, expected 0" in differences(line, replace(PLAYED, own=own))


def test_where_filing_and_not_filing_are_right_both_are(tmp_path: Path) -> None:
    line = expecting(tmp_path, filed=[True, False])
    assert differences(line, PLAYED) == differences(line, replace(PLAYED, cases=())) == []


def test_the_figures_count_what_was_filed_wrongly_and_what_was_not(tmp_path: Path) -> None:
    turns = (
        TurnTaken("report", "rác", ("Em ghi",), 200.0),
        TurnTaken("nlu_fallback", "abc", (fallbacks()[0],), 400.0),
        TurnTaken("out_of_scope", "thời tiết", (fallbacks()[0],), None),
    )
    wanted, unwanted = script(tmp_path), expecting(tmp_path, filed=False)
    pairs = [(wanted, replace(PLAYED, turns=turns)), (wanted, replace(PLAYED, cases=())), (unwanted, PLAYED)]
    found = {figure.name.removeprefix("conversations."): figure.value for figure in figures(pairs, [], fallbacks())}
    assert found["as_expected"] == pytest.approx(1 / 3)
    assert found["not_filed"] == 0.5
    assert found["wrongly_filed"] == 1
    assert found["fallbacks"] == 0.5  # one of two turns in scope
    assert found["turns_unanswered"] == pytest.approx(1 / 3)
    assert found["messages_to_code_median"] == 2


@pytest.mark.parametrize(
    "change",
    [
        {"channel": "sms"},
        {"opening": "rác"},
        {"opening": []},
        {"answers": {"phone": 1}},
        {"expected": {"filed": None}},
        {"detours": [{"say": "ơ"}]},
    ],
)
def test_a_line_that_is_not_as_the_format_says_is_named(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"conversations.jsonl line 1"):
        script(tmp_path, **change)


@pytest.mark.processes
def test_a_script_is_played_through_the_real_processes(stack: Stack, tmp_path: Path) -> None:
    own = {"code": "HN-1", "category": "noise", "district": "dong_da", "description": "loa kéo", "age_hours": 2}
    line = script(tmp_path, given={"own_case": own}, detours=[{"after": "filed", "say": "HN-1 đến đâu rồi"}])
    played = Player(stack).play(line)
    assert differences(line, played) == []
    assert played.to_code == 2 and played.own is not None and played.own.code in played.dialogue[-2]
    assert all(turn.ms is not None for turn in played.turns)
