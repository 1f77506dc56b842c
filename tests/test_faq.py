"""The catalogues of answers and categories are complete, dated, polite, and say nothing that has run out."""

import re
import shutil
import unicodedata
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.normalise import fold_plain
from cases.categories import CATALOGUE, label, load_categories, urgency_of
from cases.deadlines import Urgency
from cases.faq import FaqAnswer, format_answer, load_faq

FAQ = load_faq()
CATEGORIES = load_categories()
TODAY = date(2026, 11, 24)

TOPICS = (
    "birth_registration death_registration marriage_registration single_status id_card vneid temporary_residence "
    "permanent_residence certification land_certificate construction_permit household_business driving_licence "
    "vehicle_registration passport criminal_record health_insurance social_insurance unemployment_benefit "
    "social_allowance school_enrolment vaccination bus working_hours office_address hotlines online_services fees "
    "ward_merger complaint_process waste_schedule power_outage water_outage traffic_fine parking_rules noise_rules "
    "fire_safety"
).split()
CODES = (
    "road_damage traffic public_transport urban_order construction waste pollution noise drainage water_supply "
    "power_lighting trees_parks public_security fire_safety health_food education land_housing social_welfare "
    "public_service animals market other"
).split()
ENTRIES = {**FAQ.topics, **FAQ.guides}


def test_every_topic_and_both_guides_have_an_answer() -> None:
    assert list(FAQ.topics) == TOPICS
    assert set(FAQ.guides) == {"denounce", "complain_decision"}


@pytest.mark.parametrize("name", ENTRIES)
def test_an_answer_is_short_polite_and_names_no_fee(name: str) -> None:
    text = ENTRIES[name].answer
    assert 0 < len(text) <= 600
    assert text.startswith("Dạ, ")
    assert unicodedata.is_normalized("NFC", text)
    assert not re.search(r"\b(?:bạn|chúng em|chúng tôi|quý khách)\b", text, re.IGNORECASE)
    assert not re.search(r"\d(?:\.\d{3})+ ?(?:đ\b|đồng)|\d ?(?:nghìn|ngàn|triệu)", text)


@pytest.mark.parametrize("name", ENTRIES)
def test_an_answer_has_a_source_and_dates_in_order(name: str) -> None:
    entry = ENTRIES[name]
    assert entry.source
    assert entry.valid_from <= TODAY < entry.review_by
    assert entry.valid_to is None or entry.valid_from < entry.valid_to
    assert entry.follow_up is None or entry.follow_up in CODES


@pytest.mark.parametrize("topic", TOPICS[:4])
def test_civil_status_answers_end_with_the_old_law(topic: str) -> None:
    assert FAQ.answer(topic, date(2027, 2, 28)).valid
    after = FAQ.answer(topic, date(2027, 3, 1))
    assert not after.valid
    assert "024.1022" in after.text
    assert FAQ.topics[topic].answer not in format_answer(FAQ, after)


def test_an_answer_whose_rule_is_not_yet_in_force_is_held_back() -> None:
    entry = FAQ.topics["construction_permit"]
    assert not FAQ.answer("construction_permit", entry.valid_from - timedelta(days=1)).valid
    assert FAQ.answer("construction_permit", entry.valid_from).valid


def test_the_fee_cuts_are_not_told_after_they_end() -> None:
    assert "66.22" in FAQ.answer("fees", date(2027, 2, 28)).text
    assert "66.22" not in FAQ.answer("fees", date(2027, 3, 1)).text


def test_an_answer_past_its_review_says_so() -> None:
    review = FAQ.topics["noise_rules"].review_by
    fresh, old = FAQ.answer("noise_rules", review), FAQ.answer("noise_rules", review + timedelta(days=1))
    assert (fresh.stale, old.stale) == (False, True)
    line = f"\nNguồn: Nghị định 282/2025/NĐ-CP (sẽ rà soát lại trước {review:%d/%m/%Y})."
    assert format_answer(FAQ, fresh).endswith(line)
    assert "024.1022" in format_answer(FAQ, old).splitlines()[-1]


def test_a_chat_answer_ends_with_its_source() -> None:
    answer = FAQ.answer("birth_registration", TODAY)
    assert isinstance(answer, FaqAnswer)
    assert format_answer(FAQ, answer).splitlines()[0] == answer.text
    assert len(format_answer(FAQ, answer).splitlines()) == 2


def test_a_report_may_follow_an_answer() -> None:
    assert FAQ.answer("noise_rules", TODAY).follow_up == "noise"
    assert FAQ.answer("passport", TODAY).follow_up is None


def test_the_guides_name_the_lawful_way_and_its_limits() -> None:
    complain, denounce = FAQ.guide("complain_decision", TODAY), FAQ.guide("denounce", TODAY)
    for limit in ("90 ngày", "7 ngày làm việc", "30 ngày", "45", "chữ ký"):
        assert limit in complain.text
    for limit in ("30 ngày", "bí mật", "chữ ký", "đừng gửi nội dung tố cáo"):
        assert limit in denounce.text
    assert "Điều 8, 9, 28" in complain.source.replace("7, ", "")
    assert "Luật Tố cáo 2018" in denounce.source


def test_an_unknown_topic_is_an_error() -> None:
    with pytest.raises(KeyError):
        FAQ.answer("weather", TODAY)


def test_a_malformed_catalogue_stops_the_start(tmp_path: Path) -> None:
    text = (CATALOGUE / "faq.yml").read_text("utf-8")
    (tmp_path / "faq.yml").write_text(text.replace("    review_by: 2027-02-28\n", "", 1), "utf-8")
    with pytest.raises(TypeError):
        load_faq(tmp_path)


def test_every_category_is_there_in_order() -> None:
    assert list(CATEGORIES) == CODES


@pytest.mark.parametrize("code", CODES)
def test_a_category_fits_a_button_and_is_described(code: str) -> None:
    category = CATEGORIES[code]
    assert category.code == code
    assert 0 < len(label(CATEGORIES, code)) <= 20
    assert category.description
    assert category.second
    assert unicodedata.is_normalized("NFC", "".join((category.label, category.description, *category.urgent_words)))


def test_labels_differ_even_without_accents() -> None:
    assert len({fold_plain(category.label) for category in CATEGORIES.values()}) == len(CODES)


def test_reports_that_may_name_a_person_stay_out_of_public_views() -> None:
    sensitive = {code for code, category in CATEGORIES.items() if category.sensitive}
    assert {"public_security", "education", "public_service"} <= sensitive
    assert not any(CATEGORIES[code].public_summary for code in sensitive)


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("drainage", "mất nắp cống trước số 5", Urgency.URGENT),
        ("drainage", "nắp cống trước nhà mất rồi", Urgency.URGENT),
        ("drainage", "MAT NAP CONG o ngo 5", Urgency.URGENT),
        ("drainage", "cống tắc nước tràn vào nhà", Urgency.NORMAL),
        ("drainage", "nắp cống kêu lộc cộc cả đêm", Urgency.NORMAL),
        ("power_lighting", "dây điện bị đứt rơi xuống ngõ", Urgency.URGENT),
        ("power_lighting", "tủ điện toé lửa", Urgency.URGENT),
        ("power_lighting", "đèn đường hỏng cả tuần", Urgency.NORMAL),
        ("trees_parks", "cây đổ chắn ngang ngõ", Urgency.URGENT),
        ("trees_parks", "cay do chan ngang ngo", Urgency.URGENT),
        ("trees_parks", "cái cây đó xấu quá", Urgency.NORMAL),
        ("water_supply", "vỡ đường ống nước phun ra đường", Urgency.URGENT),
        ("water_supply", "hóa đơn nước tăng gấp đôi", Urgency.NORMAL),
        ("animals", "chó thả rông cắn người", Urgency.URGENT),
        ("drainage", "quan tomat nap cong xanh", Urgency.NORMAL),
        ("waste", "mất nắp cống", Urgency.NORMAL),
        ("waste", "bãi rác nguy hiểm đến tính mạng người dân", Urgency.URGENT),
        ("noise", "hát karaoke đến 12h đêm", Urgency.NORMAL),
        ("land_housing", "sổ đỏ chậm", Urgency.COMPLEX),
        ("land_housing", "nhà tập thể sắp sập", Urgency.URGENT),
        ("other", "", Urgency.NORMAL),
    ],
)
def test_danger_raises_the_urgency(code: str, text: str, expected: Urgency) -> None:
    assert urgency_of(CATEGORIES, code, text) is expected


def test_a_city_adds_an_urgent_word_without_touching_code(tmp_path: Path) -> None:
    shutil.copy(CATALOGUE / "categories.yml", tmp_path)
    file = tmp_path / "categories.yml"
    file.write_text(file.read_text("utf-8").replace("urgent_words: []", 'urgent_words: ["còi ... hú"]', 1), "utf-8")
    assert urgency_of(load_categories(tmp_path), "noise", "còi nhà máy hú suốt") is Urgency.URGENT
