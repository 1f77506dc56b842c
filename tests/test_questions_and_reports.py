"""A message between a question and a report: neither is lost, whatever the classifier makes of it."""

import pytest

from tests.talk import Talk

LICENCE = "Ba tháng nay hồ sơ hộ kinh doanh của tôi nộp ở phường Kim Liên vẫn treo"
BETWEEN = ("faq_online_services", 0.40), ("faq_household_business", 0.38)


def between(talk: Talk, text: str) -> list[str]:
    (intent, confidence), runner_up = BETWEEN
    return talk.say(text, intent, confidence=confidence, runner_up=runner_up, category="public_service", sure=0.9)


def test_between_two_topics_what_was_told_is_one_tap_from_being_filed(talk: Talk) -> None:
    between(talk, LICENCE)
    assert talk.titles()[-1] == "Ghi nhận việc này" and len(talk.titles()) == 3
    assert LICENCE in "".join(talk.tap("Ghi nhận việc này"))
    assert talk.titles() == ["Gửi", "Sửa"]


@pytest.mark.parametrize("words", ["không, tôi gửi phản ánh, không hỏi", "ghi nhận giúp tôi", "gui phan anh"])
@pytest.mark.parametrize("intent", ["faq_complaint_process", "report"])
def test_who_says_that_it_was_no_question_gets_it_filed(talk: Talk, words: str, intent: str) -> None:
    between(talk, LICENCE)
    assert LICENCE in "".join(talk.say(words, intent))
    assert talk.titles() == ["Gửi", "Sửa"]


def test_a_mere_question_between_two_topics_is_not_offered_to_be_filed(talk: Talk) -> None:
    between(talk, "nộp hồ sơ hộ kinh doanh trên mạng thế nào?")
    assert len(talk.titles()) == 2


def test_a_question_beside_a_report_is_answered_and_the_report_goes_on(talk: Talk) -> None:
    told = talk.say(
        "khai sinh làm ở đâu ạ? Tiện thể rác chất đống ở ngõ 12 Chùa Bộc, phường Kim Liên",
        "report",
        sure=0.9,
        asks="faq_birth_registration",
    )
    assert "khai sinh" in told[0] and "Rác thải" in told[-1]
    assert talk.titles() == ["Gửi", "Sửa"]
