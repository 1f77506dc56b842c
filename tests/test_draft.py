"""What one message does to a draft, in the light of what was asked: the form's decisions without Rasa."""

from dataclasses import replace

import pytest

from actions.draft import Draft, from_slots
from actions.place import Location, Placer
from actions.reader import Reader
from actions.said import Matter, Said
from actions.wording import content_words
from cases.categories import load_categories
from cases.gazetteer import load_gazetteer

GAZETTEER = load_gazetteer()
UNITS = {unit.ref.id: unit.ref for unit in GAZETTEER.units()}
LABELS = {code: found.label for code, found in load_categories().items()}
READER = Reader(Placer(GAZETTEER, UNITS), LABELS)
KIM_LIEN = "2025:00229"
DONG_DA = "legacy:006"


def said(text: str = "", intent: str = "report", confidence: float = 0.9, **more: object) -> Said:
    values: dict[str, object] = {
        "text": text,
        "intent": intent,
        "confidence": confidence,
        "category": "waste",
        "category_confidence": 0.8,
        "categories": ("waste", "pollution", "drainage"),
        "entities": {},
        "turn_id": 1,
        "conversation_id": 1,
        "tapped": False,
        "stale": False,
        "interrupted": False,
        "sticker": False,
        "resolved": False,
        "resumed": False,
        "fresh": False,
        "missed": 0,
        "matters": (),
        "announces": False,
        "runner_up": ("", 0.0),
        "media": 0,
        "pin": None,
    }
    return Said(**{**values, **more})  # type: ignore[arg-type]


def tap(**entities: str) -> Said:
    return said(intent="inform", entities=entities, tapped=True)


COMPLETE = Draft("Rác chất đống", Location("Ngõ 12", KIM_LIEN, DONG_DA, settled=True), "waste")


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


@pytest.mark.parametrize(
    "text", ["đúng rồi nhưng sai số nhà", "được không?", "đúng rồi, thêm là còn mùi", "gửi nhầm rồi"]
)
def test_a_yes_that_takes_something_back_is_none(text: str) -> None:
    assert not READER.read(said(text, "inform"), "confirm", COMPLETE).draft.confirm


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


@pytest.mark.parametrize("message", [said("gửi", "report"), said("ok em", "affirm"), said("dung roi", "out_of_scope")])
def test_yes_at_the_summary_confirms_even_when_the_classifier_is_lost(message: Said) -> None:
    assert READER.read(message, "confirm", COMPLETE).draft.confirm is True


@pytest.mark.parametrize("message", [said("sai rồi", "report"), said("", "deny", tapped=True), said("sửa", "report")])
def test_no_at_the_summary_offers_what_to_change_and_files_nothing(message: Said) -> None:
    step = READER.read(message, "confirm", COMPLETE)
    assert (step.draft.confirm, step.say, step.over) == (None, ("utter_need_edit",), False)


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


@pytest.mark.parametrize("words", ["ok", "vâng", "gửi", "không"])
def test_a_yes_said_to_an_officer_does_not_file_the_draft(words: str) -> None:
    step = READER.read(said(words, "affirm", interrupted=True), "confirm", COMPLETE)
    assert (step.draft.confirm, step.say, step.over) == (None, (), False)


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


def test_a_correction_of_the_place_at_the_summary_replaces_it() -> None:
    step = READER.read(said("nhầm, ở số 9 ngõ 3, phường Láng", "inform"), "confirm", COMPLETE)
    assert step.draft.location is not None and UNITS[step.draft.location.ward_id or ""].name == "Phường Láng"
    assert step.draft.confirm is None


def test_more_words_at_the_summary_are_added_to_the_matter() -> None:
    step = READER.read(said("mùi hôi thối bốc lên nồng nặc cả ngày", "report"), "confirm", COMPLETE)
    assert step.draft.description == "Rác chất đống\nmùi hôi thối bốc lên nồng nặc cả ngày"


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


def test_abuse_gets_one_calm_sentence_and_its_complaint_is_taken() -> None:
    angry = said("đồ vô dụng, rác chất đống cả tuần ở Kim Liên", intent="abuse")
    step = READER.read(angry, None, Draft())
    assert step.say == ("utter_abuse_heard",) and step.draft.category == "waste" and not step.over
    empty = READER.read(said("đồ ngu", intent="abuse", category_confidence=0.2), None, Draft())
    assert empty.say == ("utter_abuse",) and empty.over


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


def test_a_pin_instead_of_a_choice_takes_the_nearest_ward() -> None:
    asked = READER.read(said(pin=(21.0072, 105.8345), intent="inform"), "location", Draft("Rác", began=1)).draft
    assert asked.location and len(asked.location.options) > 1
    again = READER.read(said(pin=(21.0072, 105.8345), intent="inform"), "location", asked).draft
    assert again.location and again.location.settled and again.location.ward_id == asked.location.options[0]


def test_one_matter_is_dropped_and_another_told_in_the_same_breath() -> None:
    text = "huỷ cái này đi, tôi báo việc khác: đèn cao áp cháy suốt đêm"
    step = READER.read(said(text, category="power_lighting"), "confirm", COMPLETE)
    assert step.draft.description == "đèn cao áp cháy suốt đêm" and step.draft.category == "power_lighting"
    assert step.say == ("utter_draft_dropped",)


def test_nothing_to_change_after_all_shows_the_summary_again() -> None:
    first = READER.read(said("không", intent="deny"), "confirm", COMPLETE)
    assert first.say == ("utter_need_edit",) and first.silent
    again = READER.read(said("không", intent="deny"), "confirm", first.draft)
    assert again.say == () and not again.silent and again.draft.next_question() == "confirm"


@pytest.mark.parametrize("text", ["dr ạ", "uki", "chuẩn rồi"])
def test_short_ways_to_say_yes(text: str) -> None:
    assert READER.read(said(text, intent="nlu_fallback"), "confirm", COMPLETE).draft.confirm


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


@pytest.mark.parametrize("words", ["bo de", "phuong bo de", "Bồ Đề"])
def test_a_ward_that_sounds_like_giving_up_is_a_ward(words: str) -> None:
    asked = READER.read(said("Đèn hỏng dưới chân cầu Chương Dương, Long Biên"), None, Draft()).draft
    step = READER.read(said(words, "cancel", 0.9), "location", asked)
    assert not step.over and step.draft.location is not None and step.draft.location.settled
