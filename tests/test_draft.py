"""What a citizen's messages make of a draft: the matter, the place, the category, and which question comes next."""

from dataclasses import replace

import pytest

from actions.draft import Draft, from_slots
from actions.said import Matter, Said
from actions.wording import content_words
from tests.drafts import COMPLETE, DONG_DA, KIM_LIEN, READER, said, tap


@pytest.mark.parametrize(
    "text",
    [
        "Ngõ 12 Chùa Bộc, Đống Đa rác chất đống 3 ngày nay không ai dọn",
        "ngo 12 chua boc dong da rac chat dong 3 ngay nay",
    ],
)
def test_one_message_gives_description_area_and_category_and_leaves_only_the_ward(text: str) -> None:
    draft = READER.read(said(text), None, Draft()).draft
    assert draft.description == text
    assert draft.location is not None and draft.location.area_id == DONG_DA and KIM_LIEN in draft.location.options
    assert (draft.category, draft.next_question()) == ("waste", "location")


def test_a_full_address_leaves_nothing_but_the_confirmation() -> None:
    draft = READER.read(said("Rác ùn ứ ở số 5 ngõ 20, phường Kim Liên"), None, Draft()).draft
    assert draft.location is not None and draft.location.ward_id == KIM_LIEN
    assert draft.next_question() == "confirm"


@pytest.mark.parametrize("text", ["tôi muốn phản ánh", "Em chào ad, cho em gửi phản ánh với ạ", "toi can bao mot viec"])
def test_an_opening_without_matter_asks_for_it(text: str) -> None:
    assert READER.read(said(text), None, Draft()).draft.next_question() == "description"


def test_an_unsure_category_is_left_for_the_citizen_to_choose() -> None:
    draft = READER.read(said("Chỗ này bẩn quá, phường Kim Liên", category_confidence=0.2), None, Draft()).draft
    assert (draft.category, draft.likely[0], draft.next_question()) == (None, "waste", "category")


def test_a_pin_alone_offers_wards_and_keeps_the_coordinates() -> None:
    draft = READER.read(said(intent="inform", pin=(21.007, 105.834)), None, Draft()).draft
    assert draft.location is not None and draft.location.options and draft.location.lat == 21.007
    assert draft.next_question() == "description"


def test_a_photo_first_is_counted_and_asks_what_it_shows() -> None:
    step = READER.read(said(intent="inform", media=2), None, Draft())
    assert (step.draft.media, step.draft.next_question()) == (2, "description")


def asked_ward() -> Draft:
    return READER.read(said("Ngõ 12 Chùa Bộc, Đống Đa rác chất đống"), None, Draft()).draft


@pytest.mark.parametrize(
    ("message", "method"),
    [
        (tap(ward=KIM_LIEN), "chosen"),
        (said("kim lien", "inform"), "chosen"),
        (said("Phường Kim Liên nhé", "inform"), "ward_new"),
        (said("tôi không biết", "deny"), "likely"),
        (tap(skip="location"), "likely"),
        (said("gần nhà văn hoá tổ 9", "inform"), "likely"),
        (said("ngõ 12 Chùa Bộc, Đống Đa", "inform"), "likely"),
    ],
)
def test_the_ward_is_asked_once_whatever_the_answer(message: Said, method: str) -> None:
    """Who cannot say it gets the one in which the street lies as far as we know; the desk sees how it was found."""
    draft = READER.read(message, "location", asked_ward()).draft
    assert draft.location is not None
    assert (draft.location.ward_id, draft.location.area_id, draft.location.settled) == (KIM_LIEN, DONG_DA, True)
    assert draft.location.method == method


def test_where_nothing_speaks_for_a_ward_the_district_is_what_is_known() -> None:
    asked = READER.read(said("rác chất đống khắp quận Đống Đa"), None, Draft()).draft
    draft = READER.read(said("tôi không biết", "deny"), "location", asked).draft
    assert draft.location and (draft.location.ward_id, draft.location.area_id) == (None, DONG_DA)


@pytest.mark.parametrize("answer", ["vị trí tôi vừa gửi đấy", "tôi không biết"])
def test_who_sent_a_pin_need_not_name_the_ward(answer: str) -> None:
    asked = READER.read(said("chỗ này này", pin=(21.0072, 105.8345), intent="report"), None, Draft()).draft
    assert asked.next_question() == "description"
    told = READER.read(said("rác chất đống ba ngày nay"), "description", asked).draft
    draft = READER.read(said(answer, "inform"), "location", told).draft
    assert told.location and draft.location and draft.location.ward_id == told.location.options[0]


def test_what_is_said_not_to_be_the_matter_does_not_become_its_category() -> None:
    text = "sai lĩnh vực rồi, cái chính là xây sai phép, không phải tiếng ồn"
    step = READER.read(said(text, category="construction"), "confirm", replace(COMPLETE, category="noise"))
    assert step.draft.category == "construction"


def test_words_that_only_announce_a_report_are_not_its_content() -> None:
    text = "Tôi có một số kiến nghị gửi tới thành phố. Mong được hướng dẫn trình bày."
    draft = READER.read(said(text, announces=True, category="public_service"), None, Draft()).draft
    assert (draft.description, draft.next_question()) == (None, "description")
    assert draft.location is None


def test_the_story_told_again_with_the_place_is_kept() -> None:
    asked = READER.read(said("construction noise every night", category="noise"), None, Draft()).draft
    text = "công trường cạnh căn hộ của tôi tại 28 Tô Ngọc Vân khoan mỗi đêm đến 3 giờ sáng"
    draft = READER.read(said(text), "location", asked).draft
    assert "mỗi đêm đến 3 giờ sáng" in (draft.description or "")


def test_the_open_place_question_is_put_twice_at_most() -> None:
    draft = Draft("Rác chất đống", None, "waste")
    for _ in range(2):
        assert draft.next_question() == "location"
        draft = READER.read(said("chỗ cây đa to", "inform"), "location", draft).draft
    assert draft.next_question() == "confirm"
    assert draft.location is not None and "cây đa" in draft.location.address


def test_a_place_outside_hanoi_is_said_so_and_not_kept() -> None:
    step = READER.read(said("Rác chất đống ở thành phố Hải Phòng"), None, Draft())
    assert step.say == ("utter_outside_hanoi",)
    assert step.draft.location is not None and step.draft.location.unit_id == "city:01"
    assert step.draft.next_question() == "location"


def test_a_story_is_bounded_however_often_something_is_added() -> None:
    draft = COMPLETE
    for number in range(30):
        draft = READER.read(said(f"thêm một chuyện thứ {number} " * 50, "report"), "confirm", draft).draft
    assert draft.description is not None and len(draft.description) == 5000


@pytest.mark.parametrize("words", ["gửi", "ok", "6", "số 9", "sửa"])
def test_a_yes_a_no_or_a_number_is_never_an_address(words: str) -> None:
    draft = asked_ward()
    again = READER.read(said(words, "report"), "location", draft)
    assert (again.say, again.draft.next_question()) == (("utter_place_missing",), "location")
    then = READER.read(said(words, "report"), "location", again.draft).draft.location
    assert then is not None and draft.location is not None
    assert (then.address, then.area_id, then.settled) == (draft.location.address, DONG_DA, True)


@pytest.mark.parametrize(
    ("words", "category"),
    [("Rác thải", "waste"), ("rac thai", "waste"), ("không biết", "other"), ("gửi", None), ("ok em", None)],
)
def test_only_a_label_or_real_words_choose_a_category(words: str, category: str | None) -> None:
    draft = replace(COMPLETE, category=None)
    step = READER.read(said(words, "report", category="public_service"), "category", draft)
    assert step.draft.category == category


def test_what_was_not_understood_but_tells_what_and_where_opens_a_draft() -> None:
    step = READER.read(said("Ngõ 12 Chùa Bộc, Đống Đa rác chất đống", "nlu_fallback"), None, Draft())
    assert (step.over, step.draft.category, step.draft.next_question()) == (False, "waste", "location")
    lost = READER.read(said("ờ thế à", "nlu_fallback", category_confidence=0.1), None, Draft())
    assert (lost.over, lost.say) == (True, ("utter_fallback",))


def test_a_button_of_an_older_question_changes_nothing() -> None:
    step = READER.read(said(intent="inform", stale=True), "confirm", COMPLETE)
    assert (step.draft, step.say, step.over) == (replace(COMPLETE, began=1), ("utter_stale_button",), False)


def test_a_case_code_alone_asks_for_its_status_whatever_the_classifier_says() -> None:
    step = READER.read(said("PA-482-913-773", "report", entities={"case_code": "PA-482-913-773"}), None, Draft())
    assert (step.detour, step.over) == ("track_case", True)


def test_the_draft_survives_the_way_through_rasas_slots() -> None:
    draft = replace(asked_ward(), media=3, asked_category=1)
    assert from_slots(draft.to_slots()) == draft


@pytest.mark.parametrize(("text", "count"), [("", 0), ("tôi muốn phản ánh", 0), ("rác chất đống", 3)])
def test_words_that_only_open_a_talk_do_not_count_as_matter(text: str, count: int) -> None:
    assert content_words(text) == count


TWO = (
    Matter("Rác chất đống ở ngõ 12 Chùa Bộc phường Kim Liên", ("waste",), 0.9),
    Matter("ngoài ra đèn đường hỏng", ("power_lighting",), 0.8),
)


def test_two_matters_in_one_message_become_two_drafts_at_the_place_told() -> None:
    whole = ", ".join(matter.text for matter in TWO)
    first = READER.read(said(whole, matters=TWO), None, Draft()).draft
    assert (first.description, first.category, first.ordinal, len(first.later)) == (TWO[0].text, "waste", 0, 1)
    second = READER.following(first)
    assert (second.description, second.category, second.ordinal) == (TWO[1].text, "power_lighting", 1)
    assert second.location and second.location.ward_id == KIM_LIEN and second.later == ()


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("Em báo giúp bà hàng xóm, cống trước nhà bà tắc", "bà hàng xóm"),
        ("toi phan anh ho me toi viec nuoc ban", "me toi"),
        ("nhờ anh báo giúp em với, rác bẩn quá", None),
        ("mẹ em bị ngã vì ổ gà", None),
    ],
)
def test_for_whom_somebody_reports_is_noted(text: str, who: str | None) -> None:
    assert READER.read(said(text), None, Draft()).draft.behalf == who


def test_a_wish_for_no_name_is_noted_at_any_question() -> None:
    assert READER.read(said("Cho tôi ẩn danh nhé, rác ở ngõ 5"), None, Draft()).draft.anonymous
    assert READER.read(said("gửi giấu tên cho em với nhé"), "confirm", COMPLETE).draft.anonymous


def test_english_is_answered_in_english() -> None:
    step = READER.read(said("How can I report a problem to the city?", intent="help"), None, Draft())
    assert step.say == ("utter_english",) and step.over


def test_a_second_misunderstanding_offers_a_person() -> None:
    lost = {"intent": "nlu_fallback", "category_confidence": 0.1}
    assert READER.read(said("xyz abc", **lost), None, Draft()).say == ("utter_fallback",)
    assert READER.read(said("xyz abc", missed=1, **lost), None, Draft()).say == ("utter_fallback_again",)


def test_a_photo_soon_after_filing_belongs_to_the_case() -> None:
    step = READER.read(said(intent="inform", fresh=True, media=1), None, Draft())
    assert step.detour == "add_info" and step.over


def test_a_pin_instead_of_a_choice_takes_the_nearest_ward() -> None:
    asked = READER.read(said(pin=(21.0072, 105.8345), intent="inform"), "location", Draft("Rác", began=1)).draft
    assert asked.location and len(asked.location.options) > 1
    again = READER.read(said(pin=(21.0072, 105.8345), intent="inform"), "location", asked).draft
    assert again.location and again.location.settled and again.location.ward_id == asked.location.options[0]


@pytest.mark.parametrize("words", ["khong, cam on", "thế thì tôi đồng ý", "dạ thôi không ạ"])
def test_an_answer_to_nothing_opens_no_report(words: str) -> None:
    intent = "affirm" if "đồng ý" in words else "deny"
    step = READER.read(said(words, intent, 0.69, category="traffic", category_confidence=0.64), None, Draft())
    assert step.over and step.draft.description is None


def test_a_vague_complaint_that_only_announces_is_asked_what_it_is() -> None:
    words = "khu nhà tôi bức xúc lắm rồi mà chẳng thấy ai quan tâm cả"
    assert READER.read(said(words, announces=True), None, Draft()).draft.next_question() == "description"


def test_what_it_is_not_and_what_it_is_changes_the_category() -> None:
    words = "khoan, ko phải cống thoát nước đâu nhé, là ống nước sạch nó vỡ, nước trong veo chảy phí cả ra"
    message = said(words, category="water_supply", category_confidence=0.9)
    shown = replace(COMPLETE, category="drainage")
    assert READER.read(message, "confirm", shown).draft.category == "water_supply"
