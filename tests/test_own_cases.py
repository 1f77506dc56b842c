"""Own cases listed, added to and left alone; an incident that is known; results in the middle of another report."""

import pytest
from sqlalchemy import func, select

from cases import service
from cases.codes import new_code
from cases.incident_model import Incident
from cases.model import Case
from core.db import reading, transaction
from tests.talk import Talk

# The list.


@pytest.mark.parametrize(
    "text", ["hồ sơ của tôi", "ho so cua toi", "cho e xem các phản ánh đã gửi của e", "hs của tui đâu rồi"]
)
def test_own_cases_are_listed_newest_first_with_a_button_each(talk: Talk, text: str) -> None:
    codes = [talk.file(), talk.file(category="noise"), talk.file()]
    theirs = talk.file("u2")
    listed = talk.say(text, "nlu_fallback")[0]
    places = [listed.index(code) for code in codes]
    assert places == sorted(places, reverse=True) and theirs not in listed
    assert talk.titles() == codes[::-1] and "Tiếng ồn" in listed
    assert "Chờ tiếp nhận" in talk.tap(codes[1])[0]


def test_more_cases_than_a_message_has_buttons_are_listed_without(talk: Talk) -> None:
    codes = [talk.file() for _ in range(6)]
    listed = talk.say("hồ sơ của tôi", "track_case")[0]
    assert all(code in listed for code in codes) and talk.titles() == []


def test_without_any_case_the_next_steps_are_told(talk: Talk) -> None:
    told = talk.say("hồ sơ của tôi", "track_case")[0]
    assert "chưa tìm thấy hồ sơ nào" in told and "từ bí mật" in told and "Gửi phản ánh" in talk.titles()


# More to add.


def test_more_of_an_earlier_report_goes_there_though_it_sounds_like_a_new_one(talk: Talk) -> None:
    code = talk.file(category="road_damage")
    words = "hôm trước em có gửi phản ánh ổ gà nhưng quên mã, giờ em muốn nói thêm là hố đã rộng gấp đôi"
    assert code in talk.say(words, "report", category="road_damage", sure=0.9)[0]
    with reading(talk.database) as session:
        assert session.scalar(select(func.count()).select_from(Case)) == 1


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("tôi muốn bổ sung", "add_info"),
        ("cho e bs thêm", "add_info"),
        ("gui them anh duoc khong em", "report"),
        ("tôi cần bổ sung hồ sơ {code}", "track_case"),
        ("em gửi thêm hình nhé", "inform"),
    ],
)
def test_the_wish_to_add_is_asked_what_and_the_next_message_is_it(talk: Talk, text: str, intent: str) -> None:
    code = talk.file()
    talk.clock.advance(hours=2)
    assert code in talk.say(text.format(code=code), intent)[0]
    assert talk.events(code) == ["opened"]
    talk.say("có cả xác chuột chết trong đống rác", "report", category="waste", sure=0.9)
    assert talk.again()
    assert (talk.events(code), talk.cases()) == (["opened", "citizen_answered"], 1)
    talk.say(photos=1)
    assert talk.events(code).count("citizen_answered") == 2


def test_a_photo_alone_is_what_was_to_be_added(talk: Talk) -> None:
    code = talk.file()
    talk.clock.advance(hours=2)
    talk.say("bổ sung", "add_info")
    assert code in talk.say(photos=1)[0]
    assert talk.events(code)[-1] == "citizen_answered"


def test_what_is_added_in_the_same_breath_needs_no_question(talk: Talk) -> None:
    code = talk.file()
    talk.say(f"bổ sung {code}: rác tràn xuống lòng đường", "report", category="waste", sure=0.9)
    assert (talk.events(code), talk.cases()) == (["opened", "citizen_answered"], 1)


def test_an_aside_is_answered_and_the_question_stays(talk: Talk) -> None:
    code = talk.file()
    talk.say("tôi muốn bổ sung", "add_info")
    assert talk.say("phường làm việc mấy giờ", "faq_working_hours")
    assert talk.events(code) == ["opened"]
    talk.say("mùi hôi lắm rồi", "report", category="waste", sure=0.9)
    assert talk.events(code)[-1] == "citizen_answered"


@pytest.mark.parametrize("text", ["thôi", "không có gì nữa", "khong can nua"])
def test_nothing_to_add_adds_nothing(talk: Talk, text: str) -> None:
    code = talk.file()
    talk.say("tôi muốn bổ sung", "add_info")
    talk.say(text, "cancel")
    assert (talk.events(code), talk.titles()) == (["opened"], [])


def test_a_new_matter_told_instead_is_filed_on_its_own(talk: Talk) -> None:
    code = talk.file()
    talk.say("tôi muốn bổ sung", "add_info")
    talk.say("karaoke ầm ĩ suốt đêm ở phường Kim Liên", "report", category="noise", sure=0.9)
    assert talk.events(code) == ["opened"] and "Gửi" in talk.titles()


def test_a_closed_case_takes_nothing_and_says_what_can_be_done(talk: Talk) -> None:
    code = talk.file()
    talk.resolve(code)
    assert "chưa xong" in talk.say(f"tôi muốn bổ sung {code}", "add_info")[0]


# An incident that is known.


def incident(talk: Talk, status: str = "") -> None:
    for number in range(5):
        talk.file(f"neighbour{number}")
    with transaction(talk.database) as session:
        found = session.scalars(select(Incident)).one()
        found.status_text, found.status_at = status, talk.clock()


def test_a_draft_that_falls_into_an_incident_hears_of_it_once_and_is_filed_as_usual(talk: Talk) -> None:
    incident(talk, "Xe thu gom hỏng, 16 giờ dọn xong.")
    told = talk.say("Rác chất đống ở phường Kim Liên", "report", sure=0.9)
    assert "Xe thu gom hỏng" in told[0] and "5 phản ánh" in told[0] and "Em ghi như sau" in told[1]
    assert not any("Xe thu gom" in text for text in talk.say("mùi hôi thối cả ngày lẫn đêm", "report", sure=0.9))
    assert "PA-" in talk.tap("Gửi")[0]
    assert talk.cases() == 6


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Karaoke ầm ĩ ở phường Kim Liên", "noise"),
        ("Rác chất đống ở phường Cầu Giấy", "waste"),
        ("Cán bộ phường Kim Liên vòi tiền đổ rác", "waste"),
    ],
)
def test_a_draft_elsewhere_or_of_another_kind_hears_of_none(talk: Talk, text: str, category: str) -> None:
    incident(talk)
    told = talk.say(text, "report", category=category, sure=0.9)
    assert len(told) == 1 and "Em ghi như sau" in told[0]


# In the middle of another report.


@pytest.mark.parametrize(("title", "event"), [("Đã xong", "confirmed"), ("Chưa xong", "reopened")])
def test_a_result_is_answered_while_a_report_is_open_and_the_report_goes_on(talk: Talk, title: str, event: str) -> None:
    code = talk.file()
    talk.say("Karaoke ầm ĩ suốt đêm", "report", category="noise", sure=0.9)
    talk.resolve(code)
    told = talk.tap(title)
    assert code in told[0] and "ở đâu" in told[-1]
    assert talk.events(code)[-1] == event
    assert "Em ghi như sau" in talk.say("phường Kim Liên", "inform")[0]


# Harm.


@pytest.mark.parametrize(
    "text",
    ["rút hồ sơ {}", "huy {}", "bổ sung {}: rác vẫn đầy", "{} đến đâu rồi", "chưa xong {}", "{} cho 1 sao", "{} 5 sao"],
)
def test_somebody_learns_of_or_changes_the_case_of_another(talk: Talk, text: str) -> None:
    code, unknown = talk.file("victim"), new_code()
    own = talk.file()
    theirs, none = (talk.say(text.format(one), "dispute_result")[0].replace(one, "") for one in (code, unknown))
    assert theirs == none and "không tìm thấy" in none
    talk.resolve(code)
    talk.resolve(own)
    for intent in ("dispute_result", "track_case", "add_info", "cancel"):
        theirs, none = (talk.say(text.format(one), intent)[0].replace(one, "") for one in (code, unknown))
        assert theirs == none
    assert (talk.case(code).rating, talk.events(code)) == (None, ["opened", "taken", "resolved"])
    assert talk.events(own) == ["opened", "taken", "resolved"]


def test_words_of_danger_are_kept_from_the_numbers_by_what_was_asked(talk: Talk) -> None:
    talk.file()
    for question, intent in (("tôi muốn bổ sung", "add_info"), ("rút phản ánh", "cancel")):
        talk.say(question, intent)
        assert "114" in talk.say("cháy rồi cứu với", "emergency")[0]


def test_an_old_button_takes_a_case_back(talk: Talk) -> None:
    code = talk.file()
    talk.say("rút phản ánh", "cancel")
    token = next(option["token"] for option in talk.conversation().options if option["title"] == "Rút hồ sơ")
    talk.tap("Không rút")
    talk.say(token)
    assert talk.case(code).status == "new"


def test_a_yes_to_an_officer_takes_a_case_back(talk: Talk) -> None:
    code = talk.file()
    talk.say("rút phản ánh", "cancel")
    talk.act(code, lambda session, case, by: service.reply(session, talk.rulebook, case, by, "Mai dọn", talk.clock()))
    talk.say("vâng", "affirm")
    assert talk.case(code).status == "in_progress"


def test_one_rating_is_counted_twice(talk: Talk) -> None:
    code = talk.file()
    talk.resolve(code)
    for text in ("5 sao", "5 sao", "rất hài lòng"):
        talk.say(text, "thank")
    with reading(talk.database) as session:
        assert session.scalar(select(func.count(Case.id)).where(Case.rating.is_not(None))) == 1
