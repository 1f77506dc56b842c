"""At the summary: what sends it, what changes it, and what joins the case of somebody else."""

from dataclasses import replace

import pytest

from actions.draft import Draft, from_slots
from actions.place import Location
from actions.said import Said
from tests.drafts import COMPLETE, DONG_DA, KIM_LIEN, READER, UNITS, said, tap


@pytest.mark.parametrize(
    "text", ["ĐÚNG. NHANH LÊN", "đúng, nhanh lên", "đúng ạ, mong xử lý kín đáo", "đúng loại rồi, gửi đi", "chuẩn rồi ạ"]
)
def test_a_yes_with_more_words_files_whatever_they_sound_like(text: str) -> None:
    step = READER.read(said(text, "emergency"), "confirm", COMPLETE)
    assert step.draft.confirm and step.detour is None
    assert step.draft.description and (COMPLETE.description or "") in step.draft.description


@pytest.mark.parametrize("text", ["rồi", "Xin xác nhận", "đúng, ghi lại đi", "em gửi nhé"])
def test_further_ways_to_agree(text: str) -> None:
    for intent in ("emergency", "cancel", "inform"):
        step = READER.read(said(text, intent), "confirm", COMPLETE)
        assert step.draft.confirm and step.detour is None


def test_what_is_said_twice_to_the_summary_is_the_answer() -> None:
    text = "đúng, thêm vào hồ sơ cũ nhé"
    first = READER.read(said(text, "add_info"), "confirm", COMPLETE)
    assert not first.draft.confirm and READER.read(said(text, "add_info"), "confirm", first.draft).draft.confirm


def test_a_few_words_of_correction_do_not_replace_the_story() -> None:
    story = "Đống rơm rạ với túi ni lông đốt ở đầu thôn, khói mù cả đường 421B chiều nay, trẻ con ho suốt"
    draft = replace(COMPLETE, description=story)
    text = "chưa đúng, sửa nội dung: lúc sáng nay"
    assert "khói mù" in (READER.read(said(text, "inform"), "confirm", draft).draft.description or "")
    text = f"sửa nội dung: {story} và đốt cả nhựa"
    assert READER.read(said(text, "inform"), "confirm", draft).draft.description == f"{story} và đốt cả nhựa"


@pytest.mark.parametrize(
    "text", ["đúng rồi nhưng sai số nhà", "được không?", "đúng rồi, thêm là còn mùi", "gửi nhầm rồi"]
)
def test_a_yes_that_takes_something_back_is_none(text: str) -> None:
    assert not READER.read(said(text, "inform"), "confirm", COMPLETE).draft.confirm


@pytest.mark.parametrize("message", [said("gửi", "report"), said("ok em", "affirm"), said("dung roi", "out_of_scope")])
def test_yes_at_the_summary_confirms_even_when_the_classifier_is_lost(message: Said) -> None:
    assert READER.read(message, "confirm", COMPLETE).draft.confirm is True


@pytest.mark.parametrize("message", [said("sai rồi", "report"), said("", "deny", tapped=True), said("sửa", "report")])
def test_no_at_the_summary_offers_what_to_change_and_files_nothing(message: Said) -> None:
    step = READER.read(message, "confirm", COMPLETE)
    assert (step.draft.confirm, step.say, step.over) == (None, ("utter_need_edit",), False)


@pytest.mark.parametrize("words", ["ok", "vâng", "gửi", "không"])
def test_a_yes_said_to_an_officer_does_not_file_the_draft(words: str) -> None:
    step = READER.read(said(words, "affirm", interrupted=True), "confirm", COMPLETE)
    assert (step.draft.confirm, step.say, step.over) == (None, (), False)


def test_a_correction_of_the_place_at_the_summary_replaces_it() -> None:
    step = READER.read(said("nhầm, ở số 9 ngõ 3, phường Láng", "inform"), "confirm", COMPLETE)
    assert step.draft.location is not None and UNITS[step.draft.location.ward_id or ""].name == "Phường Láng"
    assert step.draft.confirm is None


def test_more_words_at_the_summary_are_added_to_the_matter() -> None:
    step = READER.read(said("mùi hôi thối bốc lên nồng nặc cả ngày", "report"), "confirm", COMPLETE)
    assert step.draft.description == "Rác chất đống\nmùi hôi thối bốc lên nồng nặc cả ngày"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sai địa chỉ, ở ngõ 15 cơ", ("Ngõ 15 Chùa Bộc", "waste", KIM_LIEN)),
        ("không phải, ngõ 15 mới đúng", ("Ngõ 15 Chùa Bộc", "waste", KIM_LIEN)),
        ("sai lĩnh vực", ("Ngõ 12 Chùa Bộc", None, KIM_LIEN)),
        ("lĩnh vực sai, là Tiếng ồn mới đúng", ("Ngõ 12 Chùa Bộc", "noise", KIM_LIEN)),
    ],
)
def test_any_line_of_the_summary_is_corrected_by_saying_it(text: str, expected: tuple[str, str | None, str]) -> None:
    place = Location("Ngõ 12 Chùa Bộc", KIM_LIEN, DONG_DA, settled=True)
    draft = Draft("Rác chất đống", place, "waste")
    found = READER.read(said(text, intent="deny"), "confirm", draft).draft
    assert found.location is not None
    assert (found.location.address, found.category, found.location.ward_id) == expected
    assert found.description == "Rác chất đống"


def test_a_new_wording_of_the_matter_is_taken_from_the_same_message() -> None:
    step = READER.read(said("sửa nội dung: rác chất đống bốn ngày rồi", intent="deny"), "confirm", COMPLETE)
    assert step.draft.description == "rác chất đống bốn ngày rồi" and step.draft.confirm is None


def test_nothing_to_change_after_all_shows_the_summary_again() -> None:
    first = READER.read(said("không", intent="deny"), "confirm", COMPLETE)
    assert first.say == ("utter_need_edit",) and first.silent
    again = READER.read(said("không", intent="deny"), "confirm", first.draft)
    assert again.say == () and not again.silent and again.draft.next_question() == "confirm"


@pytest.mark.parametrize("text", ["dr ạ", "uki", "chuẩn rồi"])
def test_short_ways_to_say_yes(text: str) -> None:
    assert READER.read(said(text, intent="nlu_fallback"), "confirm", COMPLETE).draft.confirm


OFFERED = replace(COMPLETE, offered="PA-482-913-773")


@pytest.mark.parametrize(
    "message", [tap(join="me_too"), said("toi cung bi", "emergency"), said("Em cũng gặp ạ", "deny")]
)
def test_what_was_offered_is_joined_by_a_tap_or_a_word(message: Said) -> None:
    step = READER.read(message, "join", OFFERED)
    assert (step.joins, step.draft.confirm, step.draft.offered) == (True, None, "PA-482-913-773")


@pytest.mark.parametrize("message", [said("gửi", "report"), said("ok em"), said("không, gửi riêng cho tôi", "deny")])
def test_beside_an_offer_ones_own_report_is_sent_as_at_any_summary(message: Said) -> None:
    step = READER.read(message, "join", OFFERED)
    assert (step.joins, step.draft.confirm) == (False, True)


def test_a_mere_no_beside_an_offer_is_a_no_to_joining() -> None:
    step = READER.read(said("không", "deny"), "join", OFFERED)
    assert (step.draft.offered, step.draft.alone, step.draft.confirm, step.say) == (None, True, None, ())
    tapped = READER.read(said("", "deny", tapped=True), "join", OFFERED)
    assert tapped.say == ("utter_need_edit",)


def test_a_draft_with_an_offer_survives_the_way_through_rasas_slots() -> None:
    draft = replace(OFFERED, alone=True, added="PA-482-913-773")
    assert from_slots(draft.to_slots()) == draft
