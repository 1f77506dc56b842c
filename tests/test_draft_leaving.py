"""Beside the questions: giving up, wanting nothing kept, a danger, a petition, and what becomes of the draft."""

from dataclasses import replace

import pytest

from actions.draft import Draft
from tests.drafts import COMPLETE, KIM_LIEN, READER, said


@pytest.mark.parametrize(
    "text",
    [
        "không, đã bảo thôi mà",
        "à ơ thôi huỷ nhé, mấy anh xung kích vừa kéo ra rồi",
        "thôi không cần, dọn xong rồi",
        "no thanks, never mind",
    ],
)
def test_whoever_gives_up_is_heard_however_it_is_said(text: str) -> None:
    for asked in ("confirm", "location"):
        step = READER.read(said(text, "emergency", 0.55), asked, COMPLETE)
        assert step.over and step.draft == Draft() and step.say == ("utter_cancelled",)


@pytest.mark.parametrize(
    "text",
    ["khói bụi mù mịt", "khoi bui mu mit ca ngay", "thối không chịu nổi", "thoi khong chiu noi", "thổi kèn cả đêm"],
)
def test_smoke_and_stench_are_a_matter_and_no_giving_up(text: str) -> None:
    asked = Draft(media=1, began=1)
    step = READER.read(said(text, category="pollution"), "description", asked)
    assert not step.over and step.draft.description == text


@pytest.mark.parametrize("text", ["thôi cứ gửi đi em", "thôi được rồi gửi giúp chị"])
def test_giving_in_is_not_giving_up(text: str) -> None:
    assert not READER.read(said(text, "inform"), "confirm", COMPLETE).over


@pytest.mark.parametrize(
    "text",
    [
        "115 vừa đón đi rồi. Giờ ghi phản ánh cái hố ga này cho tôi",
        "gọi xong rồi, giờ ghi phản ánh giúp",
        "họ đang tới rồi",
    ],
)
def test_when_help_has_come_the_danger_is_taken_as_a_report(text: str) -> None:
    step = READER.read(said(text, "emergency"), None, told("có người ngã hố ga trước 50 Ngô Gia Tự Long Biên"))
    assert step.detour is None and not step.over
    assert step.draft.location and step.draft.location.area_id


@pytest.mark.parametrize("asked", ["description", "location", "category", "confirm"])
@pytest.mark.parametrize("words", ["huỷ", "thôi không gửi nữa", "thoi"])
def test_the_citizen_can_stop_at_every_question(asked: str, words: str) -> None:
    step = READER.read(said(words, "report"), asked, COMPLETE)
    assert step.over and step.draft == Draft() and step.say == ("utter_cancelled",)


@pytest.mark.parametrize("asked", ["description", "location", "category", "confirm"])
@pytest.mark.parametrize("intent", ["faq_working_hours", "help", "ask_human", "bot_identity", "track_case"])
def test_a_question_in_between_is_answered_and_the_draft_stays(asked: str, intent: str) -> None:
    before = replace(COMPLETE, description=None) if asked == "description" else COMPLETE
    step = READER.read(said("giờ làm việc thế nào?", intent), asked, before)
    assert (step.detour, step.over, step.draft) == (intent, False, replace(before, began=1))


@pytest.mark.parametrize("intent", ["denounce", "complain_decision"])
def test_a_denunciation_in_the_form_drops_the_draft(intent: str) -> None:
    for asked in ("description", "location", "category", "confirm"):
        step = READER.read(said("ông cán bộ nhận tiền bao che", intent), asked, COMPLETE)
        assert (step.detour, step.over, step.draft) == (intent, True, Draft())


def test_danger_told_while_filing_gets_the_numbers_and_is_kept_as_the_matter() -> None:
    step = READER.read(said("cháy to quá cứu với ở Chùa Bộc", "emergency"), "description", Draft())
    assert step.detour == "emergency" and step.draft.description is not None


@pytest.mark.parametrize(
    "text",
    [
        "Đừng lưu thông tin gì của tôi nhé, rác ở ngõ 5 thôi",
        "tôi không đồng ý cho lưu nội dung này",
        "khong duoc luu du lieu cua toi",
        "Không cho phép các anh lưu tin nhắn của tôi",
    ],
)
def test_who_wants_nothing_kept_is_told_other_ways_and_nothing_is_kept(text: str) -> None:
    for asked, draft in ((None, Draft()), ("confirm", COMPLETE)):
        step = READER.read(said(text), asked, draft)
        assert step.over and step.forget and step.say == ("utter_refused",)
        assert step.draft == Draft()


@pytest.mark.parametrize(
    "text", ["rác lưu cữu lâu ngày không ai thu gom", "cống không lưu thông, nước đọng", "xe dừng đỗ lung tung"]
)
def test_ordinary_words_are_no_refusal(text: str) -> None:
    assert not READER.read(said(text), None, Draft()).forget


def test_abuse_gets_one_calm_sentence_and_its_complaint_is_taken() -> None:
    angry = said("đồ vô dụng, rác chất đống cả tuần ở Kim Liên", intent="abuse")
    step = READER.read(angry, None, Draft())
    assert step.say == ("utter_abuse_heard",) and step.draft.category == "waste" and not step.over
    empty = READER.read(said("đồ ngu", intent="abuse", category_confidence=0.2), None, Draft())
    assert empty.say == ("utter_abuse",) and empty.over


def told(text: str, **more: object) -> Draft:
    """The draft that waits after danger was told and its numbers were given."""
    step = READER.read(said(text, intent="emergency", **more), None, Draft())
    assert step.detour == "emergency" and step.over and step.keep
    return step.draft


@pytest.mark.parametrize("answer", ["có, ghi nhận giúp tôi", "không, cứ gửi riêng giúp tôi", "ừ gửi đi", "vâng"])
def test_what_was_told_of_a_danger_is_filed_without_telling_it_again(answer: str) -> None:
    draft = told("dây điện đứt ở ngõ 12 Chùa Bộc phường Kim Liên")
    step = READER.read(said(answer, intent="affirm", category="other"), None, draft)
    assert step.draft.description == "dây điện đứt ở ngõ 12 Chùa Bộc phường Kim Liên"
    assert step.draft.location and step.draft.location.ward_id == KIM_LIEN and not step.over


def test_what_is_perhaps_a_danger_gets_the_numbers_and_is_taken_as_a_report() -> None:
    text = "ống nước vỡ ở ngõ 12 Chùa Bộc phường Kim Liên chảy lênh láng"
    step = READER.read(said(text, "emergency", 0.55, category="water_supply"), None, Draft())
    assert step.say == ("utter_emergency_first",) and not step.over
    assert step.draft.description == text and step.draft.next_question() == "confirm"


def test_who_knows_no_more_after_a_danger_is_asked_on_about_what_was_told() -> None:
    step = READER.read(said("bà không biết đâu"), None, told("người ta phun thuốc gì hôi nồng nặc, bà ho suốt"))
    assert step.draft.description == "người ta phun thuốc gì hôi nồng nặc, bà ho suốt"
    assert step.draft.next_question() == "location"


def test_another_report_after_a_danger_is_not_added_to_it() -> None:
    text = "tôi phản ánh loa kẹo kéo ở Láng Hạ hát suốt đêm"
    step = READER.read(said(text, category="noise"), None, told("có người ngã hố ga trước 50 Ngô Gia Tự Long Biên"))
    assert step.draft.description == text


def test_another_matter_after_a_danger_is_a_draft_of_its_own() -> None:
    draft = told("có người vừa bị điện giật", category="power_lighting")
    step = READER.read(said("rác chất đống ba ngày nay ở Kim Liên"), None, draft)
    assert step.draft.description == "rác chất đống ba ngày nay ở Kim Liên"
    assert READER.read(said("thôi không cần đâu", intent="deny"), None, draft).draft == Draft()


def test_one_matter_is_dropped_and_another_told_in_the_same_breath() -> None:
    text = "huỷ cái này đi, tôi báo việc khác: đèn cao áp cháy suốt đêm"
    step = READER.read(said(text, category="power_lighting"), "confirm", COMPLETE)
    assert step.draft.description == "đèn cao áp cháy suốt đêm" and step.draft.category == "power_lighting"
    assert step.say == ("utter_draft_dropped",)


@pytest.mark.parametrize(
    "text",
    [
        "đường sụt hố nhưng cấm lưu bất cứ thứ gì tôi nhắn, tôi không đồng ý lưu",
        "em chỉ hỏi thôi, đừng ghi lại gì hết nhé",
        "em không đồng ý cho bên mình lưu tin này",
    ],
)
def test_further_ways_to_refuse_that_anything_is_kept(text: str) -> None:
    assert READER.read(said(text, intent="privacy_request"), None, Draft()).forget


def test_a_place_that_was_asked_for_is_no_petition_whatever_it_sounds_like() -> None:
    draft = Draft("Cửa thoát hiểm khoá trái", category="fire_safety")
    step = READER.read(said("xưởng ở thôn Cao Xá, xã Cao Viên cũ", "denounce", 0.76), "location", draft)
    assert not step.over and step.draft.location is not None and step.draft.location.ward_id


@pytest.mark.parametrize("runner_up", ["thank", "praise", "faq_birth_registration"])
def test_what_is_hardly_a_danger_gets_the_numbers_and_its_own_answer(runner_up: str) -> None:
    words = "may có cháu chỉ bảo chứ bác lo mất ngủ mấy hôm nay, đội ơn cháu nhiều"
    step = READER.read(said(words, "emergency", 0.55, runner_up=(runner_up, 0.4)), None, Draft())
    assert (step.say, step.detour, step.over) == (("utter_emergency_first",), runner_up, True)
    assert step.draft.description is None


@pytest.mark.parametrize("words", ["bo de", "phuong bo de", "Bồ Đề"])
def test_a_ward_that_sounds_like_giving_up_is_a_ward(words: str) -> None:
    asked = READER.read(said("Đèn hỏng dưới chân cầu Chương Dương, Long Biên"), None, Draft()).draft
    step = READER.read(said(words, "cancel", 0.9), "location", asked)
    assert not step.over and step.draft.location is not None and step.draft.location.settled
