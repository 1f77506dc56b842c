"""Whole talks: "tôi cũng bị" beside the summary, the same matter sent again, and what followers are told."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from actions.joining import rough_age
from cases.followers import followers_of
from cases.model import Case, CaseEvent
from cases.rulebook import Rulebook
from core.db import reading
from tests.desk import move
from tests.offices import Office
from tests.support import NOW
from tests.talk import Talk

# What the other citizen wrote: none of these words may reach whoever joins.
THEIRS = "Bà Hoa nhà số 5 gọi mãi, rác chất đống ngập cổng ba ngày nay không ai dọn"
SECRETS = ("Hoa", "số 5", "gọi mãi", "ngập cổng", "Ngách 3", "nhà xanh")
MINE = "Ngõ 12 Chùa Bộc, phường Kim Liên rác chất đống hôi thối không ai dọn"
ADDRESS = "Số 5 Ngách 3 ngõ 12 Chùa Bộc nhà xanh, phường Kim Liên"


@pytest.fixture
def talk(office: Office, tmp_path: Path) -> Iterator[Talk]:
    """Me, who writes to the city of this office."""
    talk = Talk(office.database, office.rulebook, office.clock, tmp_path, "me")
    yield talk
    talk.rasa.close()


@pytest.fixture
def theirs(office: Office) -> str:
    """The open case of somebody else, two days old."""
    code = office.file(description=THEIRS, address=ADDRESS)
    office.clock.advance(days=2, hours=3)
    return code


def number_of_cases(office: Office) -> int:
    with reading(office.database) as session:
        return session.scalar(select(func.count(Case.id))) or 0


def follows(talk: Talk, code: str) -> bool:
    with reading(talk.database) as session:
        case = session.scalars(select(Case).where(Case.code == code)).one()
        return talk.conversation().id in followers_of(session, case)


def words_on(office: Office, code: str, kind: str) -> list[str]:
    with reading(office.database) as session:
        query = select(CaseEvent.data).join(Case, Case.id == CaseEvent.case_id)
        rows = session.scalars(query.where(Case.code == code, CaseEvent.kind == kind).order_by(CaseEvent.id))
        return [str(data.get("text", "")) for data in rows]


def hears(talk: Talk, text: str, intent: str = "report", **values: Any) -> str:
    """All the bot says to these words, which sound like a report of waste unless the test says otherwise."""
    return "\n".join(talk.say(text, intent, **{"sure": 0.8, **values}))


def taps(talk: Talk, title: str) -> str:
    return "\n".join(talk.tap(title))


def slots(talk: Talk) -> dict[str, Any]:
    return dict(talk.conversation().state["slots"])


def resolve(office: Office, code: str) -> None:
    done = "Tổ vệ sinh đã dọn xong lúc 16 giờ hôm nay, xe số 4 của xí nghiệp."
    assert move(office.log_in("kimlien"), code, "resolve", office.case(code).version, done).status_code == 302


def test_one_tap_joins_files_nothing_and_tells_the_code(office: Office, talk: Talk, theirs: str) -> None:
    card = hears(talk, MINE)
    assert "Rác thải, Chùa Bộc, gửi khoảng 2 ngày trước" in card
    assert talk.titles() == ["Gửi", "Sửa", "Tôi cũng bị"]
    assert theirs not in card
    answer = taps(talk, "Tôi cũng bị")
    assert theirs in answer and "cùng theo dõi" in answer
    assert (number_of_cases(office), follows(talk, theirs), talk.messages) == (1, True, 2)
    assert words_on(office, theirs, "joined") == [MINE]
    assert not slots(talk).get("description")


@pytest.mark.parametrize(
    "words",
    [
        "tôi cũng bị",
        "toi cung bi",
        "Tôi cũng bị, cho tôi tham gia",
        "nhà em cũng bị ạ",
        "cho tôi theo cùng",
        "cho e theo doi cung voi",
        "vâng, tôi cũng bị như thế",
    ],
)
def test_saying_it_joins_whatever_the_classifier_hears(office: Office, talk: Talk, theirs: str, words: str) -> None:
    for number, intent in enumerate(("report", "emergency", "deny", "out_of_scope")):
        talk.user = f"me{number}"
        hears(talk, MINE)
        assert theirs in hears(talk, words, intent)
        assert follows(talk, theirs)
    assert number_of_cases(office) == 1


@pytest.mark.parametrize("words", ["gửi", "ok em", "không, gửi riêng cho tôi", "cứ gửi riêng giúp em", "1"])
def test_who_sends_their_own_has_it_in_two_messages(office: Office, talk: Talk, theirs: str, words: str) -> None:
    hears(talk, MINE)
    answer = taps(talk, "Gửi") if words == "1" else hears(talk, words, "nlu_fallback")
    assert "Em đã gửi phản ánh" in answer
    assert (number_of_cases(office), follows(talk, theirs), talk.messages) == (2, False, 2)


def test_a_no_to_joining_shows_the_plain_summary_and_files_at_the_next_yes(
    office: Office, talk: Talk, theirs: str
) -> None:
    hears(talk, MINE)
    assert "giống vậy" not in hears(talk, "không, cảm ơn", "deny")
    assert (talk.titles(), slots(talk)["requested_slot"]) == (["Gửi", "Sửa"], "confirm")
    assert "Em đã gửi phản ánh" in taps(talk, "Gửi")


@pytest.mark.parametrize("words", ["tôi không muốn theo dõi cùng", "thôi đừng cho tôi tham gia"])
def test_a_no_with_the_words_of_a_yes_joins_nothing(office: Office, talk: Talk, theirs: str, words: str) -> None:
    hears(talk, MINE)
    hears(talk, words, "deny")
    assert not follows(talk, theirs)


def test_the_summary_can_still_be_changed_and_the_offer_follows_the_place(
    office: Office, talk: Talk, theirs: str
) -> None:
    hears(talk, MINE)
    assert "sửa phần nào" in taps(talk, "Sửa")
    assert "giống vậy" not in hears(talk, "sai địa chỉ, ở ngõ 15 cơ", "inform")
    taps(talk, "Gửi")
    assert number_of_cases(office) == 2


def test_nothing_of_the_other_citizen_reaches_who_joins_then_or_later(office: Office, talk: Talk, theirs: str) -> None:
    hears(talk, MINE)
    taps(talk, "Tôi cũng bị")
    hears(talk, theirs, "track_case")
    hears(talk, "hồ sơ của tôi", "track_case")
    hears(talk, f"bổ sung cho {theirs}: sáng nay thêm xác chuột", "add_info")
    hears(talk, f"{theirs} vẫn chưa xong", "dispute_result")
    said = "\n".join(talk.told())
    assert theirs in said
    assert [secret for secret in SECRETS if secret in said] == []


def test_a_follower_asks_where_it_stands_by_code_and_a_stranger_may_not(
    office: Office, talk: Talk, theirs: str
) -> None:
    hears(talk, MINE)
    taps(talk, "Tôi cũng bị")
    assert "Chờ tiếp nhận" in hears(talk, theirs, "track_case")
    talk.user = "stranger"
    assert "không tìm thấy" in hears(talk, theirs, "track_case")
    talk.user = "me"
    resolve(office, theirs)
    assert "xe số 4" in hears(talk, theirs, "track_case")


def test_own_and_followed_cases_are_listed_together(office: Office, talk: Talk, theirs: str) -> None:
    hears(talk, MINE)
    taps(talk, "Tôi cũng bị")
    assert f"{theirs} (việc anh/chị cùng theo dõi)" in hears(talk, "hồ sơ của tôi", "track_case")
    own = office.file(user="me", category="noise", description="Loa kéo ồn ào")
    listed = hears(talk, "hồ sơ của tôi", "track_case")
    assert f"{own} (Tiếng ồn, " in listed and f"{theirs} (Rác thải, cùng theo dõi): " in listed


def test_a_followers_words_and_dispute_are_recorded_and_reopen_nothing(office: Office, talk: Talk, theirs: str) -> None:
    hears(talk, MINE)
    taps(talk, "Tôi cũng bị")
    assert theirs in hears(talk, "bổ sung: có cả xác chuột", "add_info")
    resolve(office, theirs)
    answer = hears(talk, "chưa xong, rác vẫn nguyên")
    talk.again()
    assert theirs in answer and "gửi một phản ánh riêng" in answer
    assert words_on(office, theirs, "follower_said") == ["bổ sung: có cả xác chuột"]
    assert words_on(office, theirs, "follower_disputed") == ["chưa xong, rác vẫn nguyên"]
    assert office.case(theirs).status == "resolved"


def test_a_turn_that_joins_is_taken_twice_and_counts_once(office: Office, talk: Talk, theirs: str) -> None:
    hears(talk, MINE)
    taps(talk, "Tôi cũng bị")
    assert talk.again()
    assert office.events(theirs).count("joined") == 1


def test_a_case_that_ended_meanwhile_is_not_joined_and_the_report_goes_on(
    office: Office, talk: Talk, theirs: str
) -> None:
    hears(talk, MINE)
    resolve(office, theirs)
    answer = taps(talk, "Tôi cũng bị")
    assert "không còn nhận" in answer and talk.titles() == ["Gửi", "Sửa"]
    assert not follows(talk, theirs)
    assert "Em đã gửi phản ánh" in taps(talk, "Gửi")


@pytest.mark.parametrize("words", ["tôi cũng bị", "cho tôi theo cùng"])
def test_where_nothing_is_offered_nothing_is_joined(office: Office, talk: Talk, words: str) -> None:
    assert "giống vậy" not in hears(talk, MINE)
    hears(talk, words)
    assert number_of_cases(office) == 0
    assert "Em đã gửi phản ánh" in taps(talk, "Gửi")


def test_a_story_that_begins_like_a_yes_is_more_of_the_report(office: Office, talk: Talk, theirs: str) -> None:
    hears(talk, MINE)
    hears(talk, "tôi cũng bị ngã vì giẫm phải đống rác đó hôm qua, chân sưng to phải đi bệnh viện khâu", "report")
    assert not follows(talk, theirs)
    assert "chân sưng to" in slots(talk)["description"]


# The same matter sent again.


def own_case(office: Office, **values: Any) -> str:
    code = office.file(user="me", description="Rác chất đống không ai dọn", address="Ngõ 12 Chùa Bộc", **values)
    office.clock.advance(days=1)
    return code


def test_the_same_matter_again_goes_into_the_own_case_kindly_and_with_its_code(office: Office, talk: Talk) -> None:
    code = own_case(office)
    answer = hears(talk, MINE, photos=1)
    assert code in answer and "Em đã bổ sung" in answer and talk.titles() == ["Gửi riêng"]
    assert (number_of_cases(office), words_on(office, code, "citizen_answered")) == (1, [MINE])
    assert office.case(code).spoke_at is not None
    assert talk.again()
    assert office.events(code).count("citizen_answered") == 1


@pytest.mark.parametrize("words", ["Gửi riêng", "gui rieng", "không phải việc đó", "việc khác mà", "lập hồ sơ mới nhé"])
def test_it_is_filed_on_its_own_when_that_is_wanted(office: Office, talk: Talk, words: str) -> None:
    code = own_case(office)
    hears(talk, MINE)
    answer = hears(talk, words, "deny")
    assert "Em đã gửi phản ánh" in answer and code not in answer
    assert number_of_cases(office) == 2


@pytest.mark.parametrize("words", ["ok em", "vâng", "không"])
def test_a_word_of_thanks_or_consent_files_nothing(office: Office, talk: Talk, words: str) -> None:
    code = own_case(office)
    hears(talk, MINE)
    assert code in hears(talk, words, "affirm" if words != "không" else "deny")
    assert talk.titles() == ["Gửi riêng"]
    assert number_of_cases(office) == 1


def test_more_words_and_photos_after_it_go_there_as_well(office: Office, talk: Talk) -> None:
    code = own_case(office)
    office.file(user="me", category="noise", description="Loa kéo")  # a newer open case
    hears(talk, MINE)
    assert code in hears(talk, "đúng, vẫn việc đó, bổ sung vào hồ sơ cũ", "inform")
    assert code in hears(talk, "", "inform", photos=1)
    assert office.events(code).count("citizen_answered") == 3


def test_another_matter_after_it_is_a_report_of_its_own(office: Office, talk: Talk) -> None:
    own_case(office)
    hears(talk, MINE)
    card = hears(talk, "đèn đường cháy bóng tối om ở Láng Hạ, phường Láng", category="power_lighting")
    assert "đèn đường cháy" in card and "Rác" not in card
    taps(talk, "Gửi")
    assert number_of_cases(office) == 2


@pytest.mark.parametrize(
    "words",
    [
        "Ngõ 15 Chùa Bộc, phường Kim Liên rác chất đống không ai dọn",
        "Thêm chỗ nữa ở ngõ 12 Chùa Bộc, phường Kim Liên rác chất đống, khác chỗ hôm trước",
        "Ngõ 12 Chùa Bộc, phường Kim Liên có xe đổ trộm phế thải xây dựng ban đêm",
        "Ngõ 12 Chùa Bộc, phường Kim Liên rác chất đống không ai dọn, cho tôi ẩn danh nhé",
    ],
)
def test_in_doubt_it_is_filed(office: Office, talk: Talk, words: str) -> None:
    own_case(office)
    assert "Em ghi như sau" in hears(talk, words)
    taps(talk, "Gửi")
    assert number_of_cases(office) == 2


def test_a_case_that_was_closed_takes_nothing_in(office: Office, talk: Talk) -> None:
    resolve(office, own_case(office))
    assert "Em ghi như sau" in hears(talk, MINE)


def test_the_own_case_comes_before_one_to_join(office: Office, talk: Talk, theirs: str) -> None:
    code = own_case(office)
    assert code in hears(talk, MINE)
    assert not follows(talk, theirs)


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(minutes=20), "chưa đến một giờ trước"),
        (timedelta(hours=5, minutes=50), "khoảng 5 giờ trước"),
        (timedelta(days=2, hours=20), "khoảng 2 ngày trước"),
        (timedelta(days=20), "khoảng 2 tuần trước"),
    ],
)
def test_an_age_is_told_roughly(rulebook: Rulebook, passed: timedelta, words: str) -> None:
    assert rough_age(rulebook.words.chat, NOW - passed, NOW) == words
