"""After filing: what a citizen says of a result, takes back, adds and looks up, whatever the classifier makes of it."""

from datetime import date

import pytest
from sqlalchemy import select, true
from sqlalchemy.orm import Session

from cases import service
from cases.closings import merge
from cases.measures import Filter
from cases.model import Case, CaseEvent, Officer
from cases.statistics import figures
from core.db import reading, transaction
from core.model import Conversation
from tests.support import DONG_DA, NOW
from tests.talk import Talk


def scores(talk: Talk, code: str) -> list[int]:
    with reading(talk.database) as session:
        query = select(CaseEvent).join(Case, Case.id == CaseEvent.case_id).where(Case.code == code)
        return [event.data["score"] for event in session.scalars(query.order_by(CaseEvent.id)) if event.kind == "rated"]


# Done, and how satisfied.


def test_a_result_comes_with_two_buttons_and_done_leads_to_five_stars(talk: Talk) -> None:
    code = talk.file()
    talk.resolve(code)
    assert talk.titles() == ["Đã xong", "Chưa xong"]
    told = talk.tap("Đã xong")
    assert code in told[0] and talk.titles() == ["1 sao", "2 sao", "3 sao", "4 sao", "5 sao"]
    assert talk.events(code)[-1] == "confirmed"
    assert "4/5" in talk.tap("4 sao")[0]
    assert (talk.case(code).rating, talk.case(code).status) == (4, "resolved")
    assert talk.again()
    assert scores(talk, code) == [4]


@pytest.mark.parametrize(
    ("text", "intent", "stars"),
    [
        ("5 sao", "nlu_fallback", 5),
        ("cho 4 điểm", "inform", 4),
        ("cham 5 diem", "report", 5),
        ("rất hài lòng", "praise", 5),
        ("4", "inform", 4),
        ("số 3 nhé", "inform", 3),
        ("năm sao luôn em ơi", "thank", 5),
        ("ko hài lòng", "deny", 2),
        ("rất ko hài lòng", "dispute_result", 1),
        ("tạm được thui", "affirm", 3),
        ("te qua", "abuse", 1),
        ("hài log lắm e ơi", "thank", 5),
        ("đánh giá 5/5", "out_of_scope", 5),
        ("cũng được", "affirm", 3),
        ("qua hai long roi", "emergency", 5),
    ],
)
def test_stars_are_read_however_they_are_typed(talk: Talk, text: str, intent: str, stars: int) -> None:
    code = talk.file()
    talk.resolve(code)
    talk.tap("Đã xong")
    talk.say(text, intent)
    assert (talk.case(code).rating, scores(talk, code)) == (stars, [stars])


@pytest.mark.parametrize("text", ["rất hài lòng nhé", "5 sao cho phường", "cho em 5 diem", "tuyet voi qua"])
def test_stars_count_without_a_button_after_a_result(talk: Talk, text: str) -> None:
    code = talk.file()
    talk.resolve(code)
    talk.say(text, "thank")
    assert talk.case(code).rating == 5


def test_a_number_that_is_no_star_is_asked_again(talk: Talk) -> None:
    code = talk.file()
    talk.resolve(code)
    talk.tap("Đã xong")
    talk.say("10 điểm", "inform")
    assert (talk.case(code).rating, len(talk.titles())) == (None, 5)


def test_a_later_rating_replaces_the_first_for_a_week(talk: Talk) -> None:
    code = talk.file()
    talk.resolve(code)
    talk.say("5 sao")
    talk.clock.advance(days=6)
    talk.say("cho 2 điểm")
    assert (talk.case(code).rating, scores(talk, code)) == (2, [5, 2])
    talk.clock.advance(days=2)
    assert "2/5" in talk.say("5 sao")[0]
    assert (talk.case(code).rating, scores(talk, code)) == (2, [5, 2])


def test_the_figures_count_the_rating(talk: Talk) -> None:
    for stars in (5, 2):
        code = talk.file()
        talk.resolve(code)
        talk.say(f"{stars} sao")
    with reading(talk.database) as session:
        period = Filter(date(2026, 12, 1), date(2026, 12, 31))
        total = figures(session, true(), talk.rulebook.calendar, period, talk.clock()).total
    assert (total.share("satisfied_share"), total.rating) == (0.5, 3.5)


@pytest.mark.parametrize(
    "text", ["xong rồi", "ok xong r e ơi", "đã dọn sạch rồi cảm ơn em", "ho lam roi nhe", "Đã xong"]
)
def test_done_in_words_asks_for_the_stars(talk: Talk, text: str) -> None:
    code = talk.file()
    talk.resolve(code)
    talk.say(text, "thank")
    assert (talk.events(code)[-1], len(talk.titles())) == ("confirmed", 5)


@pytest.mark.parametrize("text", ["cảm ơn em nhé", "đèn sửa rồi lại hỏng ngay", "xong chưa em", "bao giờ xong"])
def test_other_words_confirm_nothing(talk: Talk, text: str) -> None:
    code = talk.file()
    talk.resolve(code)
    talk.say(text, "thank")
    assert "confirmed" not in talk.events(code)


# Not done.


def test_not_done_opens_the_case_again_and_takes_what_is_still_wrong_with_its_photos(talk: Talk) -> None:
    code = talk.file()
    talk.resolve(code)
    told = talk.tap("Chưa xong")
    assert talk.case(code).status == "reopened" and code in told[0] and "còn vướng" in told[1]
    assert talk.again()
    assert talk.events(code).count("reopened") == 1
    assert code in talk.say("rác mới hốt một nửa, còn đống ở góc", "report", category="waste", sure=0.9)[0]
    assert code in talk.say(photos=2)[0]
    assert talk.events(code)[-2:] == ["citizen_answered"] * 2
    assert (talk.cases(), talk.case(code).false_closures) == (1, 1)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("chưa xong đâu", "track_case"),
        ("van con day rac", "report"),
        ("chưa thấy ai làm", "report"),
        ("chx xog j cả", "nlu_fallback"),
        ("hổng thấy ai xuống dọn hết trơn á", "nlu_fallback"),
        ("có xong đâu mà báo xong", "abuse"),
        ("chưa", "deny"),
        ("nói xạo, có ai tới đâu, rác còn nguyên", "abuse"),
        ("chuwa xong", "affirm"),
        ("vẫn y nguyên em ạ", "thank"),
        ("rac lai dau vao day", "dispute_result"),
        ("đâu có ai làm gì đâu", "out_of_scope"),
        ("xong gì mà xong", "thank"),
        ("vẫn thế, chán", "emergency"),
        ("đã dọn đâu", "report"),
        ("lừa dân à, có dọn đâu", "bot_identity"),
        ("chưa ai đến sửa cả", "faq_waste_schedule"),
    ],
)
def test_not_done_is_understood_however_it_is_said(talk: Talk, text: str, intent: str) -> None:
    code = talk.file()
    talk.resolve(code)
    confidence = 0.4 if intent.startswith("faq") else 0.9
    talk.say(text, intent, confidence=confidence)
    assert (talk.case(code).status, talk.events(code).count("reopened"), talk.cases()) == ("reopened", 1, 1)


@pytest.mark.parametrize("text", ["chưa xong hs {code}", "hồ sơ {code} vẫn chưa ai làm", "{code} van con nguyen"])
def test_a_status_question_with_a_no_disputes_a_result_and_only_a_result(talk: Talk, text: str) -> None:
    code = talk.file()
    assert "Chờ tiếp nhận" in talk.say(text.format(code=code), "track_case")[0]
    talk.resolve(code)
    talk.say(text.format(code=code), "track_case")
    assert talk.case(code).status == "reopened"
    assert talk.again()


def test_a_second_not_done_goes_to_the_next_unit_up_and_the_answer_names_it(talk: Talk) -> None:
    code = talk.file()
    for told in ("Phường Kim Liên", "khu vực Đống Đa"):
        talk.resolve(code)
        assert told in talk.say("chưa xong", "track_case")[0]
    assert talk.case(code).unit_id == DONG_DA


def test_of_two_results_the_words_say_which_is_not_done(talk: Talk) -> None:
    lamp, waste = talk.file(category="power_lighting", text="Đèn đường tắt"), talk.file()
    talk.resolve(lamp)
    talk.resolve(waste)
    talk.say("đèn đường vẫn chưa sáng gì cả", "report", category="power_lighting", sure=0.9)
    assert (talk.case(lamp).status, talk.case(waste).status) == ("reopened", "resolved")


def test_a_new_matter_of_another_kind_disputes_nothing(talk: Talk) -> None:
    code = talk.file()
    talk.resolve(code)
    talk.say("nhà tôi mất nước ba ngày vẫn chưa có", "report", category="water_supply", sure=0.9)
    talk.say("huỷ", "cancel")
    talk.say("Rác ở ngõ 3 phố Huế vẫn chưa ai dọn", "report", sure=0.9)
    assert talk.case(code).status == "resolved"


# Taken back.


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("rút phản ánh", "cancel"),
        ("thôi không cần nữa, hủy hồ sơ {code}", "cancel"),
        ("rut pa giup toi", "dispute_result"),
        ("k cần xử lý nữa đâu e", "deny"),
        ("bỏ cái đơn đó đi", "report"),
        ("thôi khỏi cần", "cancel"),
        ("huỷ hs giùm tui", "faq_online_services"),
        ("Tôi xin rút lại phản ánh hôm trước", "report"),
        ("khỏi xử lý nữa hén", "nlu_fallback"),
        ("huy {code}", "track_case"),
        ("cho em thu hồi cái phản ánh hồi sáng", "add_info"),
    ],
)
def test_a_case_is_taken_back_after_one_confirmation(talk: Talk, text: str, intent: str) -> None:
    code = talk.file()
    confidence = 0.4 if intent.startswith("faq") else 0.9
    told = talk.say(text.format(code=code), intent, confidence=confidence)
    assert code in told[0] and talk.titles() == ["Rút hồ sơ", "Không rút"]
    assert talk.case(code).status == "new"
    assert code in talk.tap("Rút hồ sơ")[0]
    assert (talk.case(code).status, talk.events(code)[-1]) == ("withdrawn", "withdrawn")
    assert talk.again()
    assert talk.events(code).count("withdrawn") == 1


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("ừ", "withdrawn"),
        ("rút đi em", "withdrawn"),
        ("dong y", "withdrawn"),
        ("thôi đừng rút", "new"),
        ("không", "new"),
        ("thoi cu de day", "new"),
    ],
)
def test_the_confirmation_may_be_typed(talk: Talk, text: str, status: str) -> None:
    code = talk.file()
    talk.say("rút phản ánh", "cancel")
    talk.say(text, "nlu_fallback")
    assert talk.case(code).status == status


def test_of_several_cases_the_citizen_says_which(talk: Talk) -> None:
    first, second = talk.file(), talk.file(text="Đèn đường tắt")
    assert "Đèn đường tắt" in talk.say("rút phản ánh", "cancel")[0]
    assert talk.titles() == [second, first]
    assert first in talk.tap(first)[0]
    talk.tap("Rút hồ sơ")
    assert (talk.case(first).status, talk.case(second).status) == ("withdrawn", "new")


def test_work_of_officers_stays_and_the_figures_count_the_case_neither_done_nor_refused(talk: Talk) -> None:
    code = talk.file()
    talk.act(code, lambda session, case, officer: service.reply(session, talk.rulebook, case, officer, "Mai dọn", NOW))
    talk.clock.advance(days=20)  # long past its limit
    talk.say("rút phản ánh", "cancel")
    talk.tap("Rút hồ sơ")
    found = talk.case(code)
    assert found.officer_id is not None and found.first_answer_at is not None
    assert talk.events(code)[:3] == ["opened", "taken", "replied"]
    with reading(talk.database) as session:
        period = Filter(date(2026, 12, 1), date(2026, 12, 31))
        counts = figures(session, true(), talk.rulebook.calendar, period, talk.clock()).total.counts
    assert (counts["received"], counts["set_aside"]) == (1, 1)
    assert [counts[name] for name in ("closed", "open", "on_time", "refused", "judged")] == [0] * 5
    talk.act(code, lambda session, case, officer: service.reopen(session, talk.rulebook, case, officer, "Nguy", NOW))
    assert talk.case(code).status == "reopened"


def test_a_case_that_has_ended_is_not_taken_back(talk: Talk) -> None:
    code = talk.file()
    talk.resolve(code)
    assert "Đã xử lý" in talk.say(f"rút hồ sơ {code}", "cancel")[0]
    talk.say("rút phản ánh", "cancel")
    assert (talk.case(code).status, talk.titles()[:1]) == ("resolved", ["Gửi phản ánh"])


def test_an_officer_who_closes_the_case_before_the_confirmation_wins(talk: Talk) -> None:
    code = talk.file()
    talk.say("rút phản ánh", "cancel")
    state = talk.conversation().options
    talk.resolve(code)
    with transaction(talk.database) as session:
        session.scalars(select(Conversation)).one().options = state
    assert "không rút được" in talk.tap("Rút hồ sơ")[0]
    assert talk.case(code).status == "resolved"


def test_while_others_wait_for_the_same_case_it_goes_on_for_them(talk: Talk) -> None:
    code, other = talk.file(), talk.file("u2")

    def join(session: Session, case: Case, officer: Officer) -> None:
        into = session.scalars(select(Case).where(Case.code == code)).one()
        merge(session, talk.rulebook, case, into, officer, talk.clock(), case.version)

    talk.act(other, join)
    talk.say("rút phản ánh", "cancel")
    assert "vẫn xử lý tiếp" in talk.tap("Rút hồ sơ")[0]
    assert (talk.case(code).status, talk.events(code)[-1]) == ("new", "withdrawal_noted")


@pytest.mark.parametrize(
    "text",
    ["đừng huỷ hồ sơ của tôi", "sao lại huỷ hồ sơ", "người ta bỏ cái tủ hỏng ra vỉa hè", "không muốn sống nữa"],
)
def test_words_that_only_sound_like_it_take_nothing_back(talk: Talk, text: str) -> None:
    talk.file()
    talk.say(text, "report", category="waste", sure=0.9)
    assert "Rút hồ sơ" not in talk.titles()
