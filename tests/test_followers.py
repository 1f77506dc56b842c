"""Joining a case of somebody else: counted once, told of what becomes of it, and nothing of who filed it."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from cases import followers, queries
from cases.casework_model import Follower
from cases.model import Case
from cases.queries import NotFoundError
from cases.rulebook import Rulebook
from core.db import Database, reading, transaction
from core.model import Conversation, Outbound
from tests.desk import move
from tests.offices import Office, furnish
from tests.pages import post
from tests.support import CAU_GIAY_WARD, LANG, Clock, add_conversation

SECRET = "Nhà bà Nguyễn Thị Hoa số 5, rác chất đống trước cửa"


@pytest.fixture
def office(database: Database, rulebook: Rulebook, clock: Clock, tmp_path: Path) -> Iterator[Office]:
    yield furnish(database, rulebook, clock, tmp_path)


def person(office: Office, user: str) -> int:
    with transaction(office.database) as session:
        return add_conversation(session, user).id


def join(office: Office, code: str, who: int, turn: int = 7, words: str = "") -> bool:
    with transaction(office.database) as session:
        case = session.scalars(select(Case).where(Case.code == code)).one()
        return followers.join(session, case, who, turn, office.clock(), words)


def count(office: Office, code: str) -> int:
    with reading(office.database) as session:
        return len(followers.followers_of(session, session.scalars(select(Case).where(Case.code == code)).one()))


def told_to(office: Office, who: int) -> list[str]:
    return [text for conversation, text in office.told() if conversation == who]


def press(office: Office, code: str, name: str, text: str = "", **form: str) -> None:
    answer = move(office.log_in("kimlien"), code, name, office.case(code).version, text, **form)
    assert answer.status_code == 302, answer.status_code


def test_joined_twice_counts_once_and_the_reporter_never(office: Office) -> None:
    code, me = office.file(), person(office, "me")
    assert [join(office, code, me), join(office, code, me, turn=8)] == [True, False]
    assert not join(office, code, office.case(code).conversation_id)
    assert (count(office, code), office.events(code)) == (1, ["opened", "joined"])


def test_many_citizens_and_many_taps_at_the_same_moment_are_each_counted_once(office: Office) -> None:
    code, people = office.file(), [person(office, f"p{number}") for number in range(4)]
    start = threading.Barrier(8)

    def tap(who: int) -> None:
        start.wait()
        join(office, code, who)

    threads = [threading.Thread(target=tap, args=(who,)) for who in people * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (count(office, code), office.events(code).count("joined")) == (4, 4)
    with reading(office.database) as session:
        assert session.scalar(select(func.count(Follower.id))) == 4


def test_the_desk_shows_how_many_have_the_same_matter_and_what_they_said(office: Office) -> None:
    code, alone = office.file(), office.file()
    for number in range(3):
        join(office, code, person(office, f"p{number}"), words=f"Nhà tôi cũng bị, tầng {number}")
    client = office.log_in("kimlien")
    queue, page = client.get("/").text, client.get(f"/cases/{code}").text
    assert queue.count("+3 người cùng báo") == 1
    assert "+3 người cùng báo" in page
    assert "Nhà tôi cũng bị, tầng 2" in page
    assert "người cùng báo" not in client.get(f"/cases/{alone}").text


def test_a_queue_that_refreshes_itself_notices_a_new_follower(office: Office) -> None:
    code, client = office.file(), office.log_in("kimlien")
    page = client.get("/").text
    seen = page.split('name="seen" value="', 1)[1].split('"', 1)[0]
    htmx = {"HX-Request": "true"}
    assert client.get(f"/?seen={seen}", headers=htmx).status_code == 204
    join(office, code, person(office, "me"))
    assert "+1 người cùng báo" in client.get(f"/?seen={seen}", headers=htmx).text


def test_an_officer_at_the_case_is_not_thrown_out_because_somebody_joins(office: Office) -> None:
    code = office.file()
    version = office.case(code).version
    join(office, code, person(office, "me"))
    answer = post(office.log_in("kimlien"), f"/cases/{code}/reply", text="Tổ vệ sinh đang đến.", version=version)
    assert answer.status_code == 302
    assert office.events(code)[-1] == "replied"


def test_a_follower_hears_the_result_and_no_reply_or_question_to_the_reporter(office: Office) -> None:
    code, me = office.file(description=SECRET, address="số 5 ngõ 12 Chùa Bộc"), person(office, "me")
    join(office, code, me)
    press(office, code, "reply", "Bà Hoa cho xin số điện thoại.")
    press(office, code, "ask", "Rác ở trước cửa hay sau nhà bà ạ?")
    assert told_to(office, me) == []
    press(office, code, "resolve", "Tổ vệ sinh đã dọn xong lúc 16 giờ hôm nay, xe số 4.")
    (news,) = told_to(office, me)
    assert code in news and "đã dọn xong lúc 16 giờ" in news and "cùng phản ánh" in news
    assert not any(word in news for word in ("Hoa", "số 5", "ngõ 12", "trước cửa"))


def test_the_news_of_a_follower_have_no_button_and_say_nothing_about_the_reporter_being_reached(office: Office) -> None:
    code, me = office.file(), person(office, "me")
    join(office, code, me)
    press(office, code, "resolve", "Đã dọn xong lúc 16 giờ hôm nay.")
    with reading(office.database) as session:
        row = session.scalars(select(Outbound).where(Outbound.conversation_id == me)).one()
        assert (row.buttons, row.case_id, session.get_one(Conversation, me).options) == ([], None, [])


def test_a_follower_hears_of_a_transfer_without_its_reason(office: Office) -> None:
    code, me = office.file(), person(office, "me")
    join(office, code, me)
    press(office, code, "transfer", "Bà Hoa ở Láng", unit_id=LANG)
    (news,) = told_to(office, me)
    assert "Phường Láng" in news and "Hoa" not in news


def test_a_result_taken_back_in_time_reaches_no_follower(office: Office) -> None:
    code, me = office.file(), person(office, "me")
    join(office, code, me)
    press(office, code, "resolve", "Đã dọn xong lúc 16 giờ hôm nay.")
    press(office, code, "undo")
    with reading(office.database) as session:
        rows = session.scalars(select(Outbound.status).where(Outbound.conversation_id == me)).all()
    assert rows == ["cancelled"]


def test_whoever_filed_a_merged_case_follows_the_other_one_with_those_who_had_joined_it(office: Office) -> None:
    leading, same, other, both = office.file(), office.file(), person(office, "other"), person(office, "both")
    reporter = office.case(same).conversation_id
    join(office, same, other)
    join(office, same, both)
    join(office, leading, both)
    press(office, same, "merge", into=leading)
    assert count(office, leading) == 3
    assert leading in told_to(office, other)[-1]
    before = len(office.told())
    press(office, leading, "resolve", "Đã dọn xong lúc 16 giờ hôm nay.")
    heard = [conversation for conversation, _ in office.told()[before:]]
    assert sorted(heard) == sorted([office.case(leading).conversation_id, reporter, other, both])
    assert "+3 người cùng báo" in office.log_in("kimlien").get(f"/cases/{leading}").text


def test_a_follower_finds_the_case_by_its_code_and_by_the_code_it_had_before(office: Office) -> None:
    leading, same, me, stranger = office.file(), office.file(), person(office, "me"), person(office, "stranger")
    join(office, same, me)
    press(office, same, "merge", into=leading)
    with reading(office.database) as session:
        assert {queries.followed_case(session, me, code).code for code in (leading, same)} == {leading}
        assert [case.code for case in followers.followed_by(session, me)] == [leading]
        reporter = office.case(same).conversation_id
        assert queries.followed_case(session, reporter, leading).code == leading
        for who, code in ((stranger, leading), (me, office.case(leading).code + "0")):
            with pytest.raises(NotFoundError):
                queries.followed_case(session, who, code)


def test_what_a_follower_adds_is_for_the_officers_and_answers_no_question_to_the_reporter(office: Office) -> None:
    code, me = office.file(), person(office, "me")
    join(office, code, me)
    press(office, code, "ask", "Rác ở trước cửa hay sau nhà ạ?")
    for _ in range(2):  # a turn that is taken again
        with transaction(office.database) as session:
            case = session.scalars(select(Case).where(Case.code == code)).one()
            followers.add_words(session, case, 9, "Sáng nay có thêm xác chuột", office.clock())
    case = office.case(code)
    assert (case.status, case.spoke_at is not None) == ("waiting_citizen", True)
    assert office.events(code).count("follower_said") == 1
    assert "Sáng nay có thêm xác chuột" in office.log_in("kimlien").get(f"/cases/{code}").text


def test_a_dispute_of_a_follower_is_recorded_and_reopens_nothing(office: Office) -> None:
    code, me = office.file(), person(office, "me")
    join(office, code, me)
    press(office, code, "resolve", "Đã dọn xong lúc 16 giờ hôm nay.")
    with transaction(office.database) as session:
        case = session.scalars(select(Case).where(Case.code == code)).one()
        followers.dispute(session, case, 9, "Ngõ nhà tôi vẫn còn nguyên", office.clock())
    case = office.case(code)
    assert (case.status, case.reopened_count, office.events(code)[-1]) == ("resolved", 0, "follower_disputed")


def test_not_done_may_mean_a_case_one_follows(office: Office) -> None:
    code, me = office.file(), person(office, "me")
    join(office, code, me)
    press(office, code, "resolve", "Đã dọn xong lúc 16 giờ hôm nay.")
    with reading(office.database) as session:
        assert queries.recently_resolved(session, me, office.clock())
        assert not queries.recently_resolved(session, me, office.clock() + timedelta(days=31))
        assert not queries.recently_resolved(session, person(office, "stranger"), office.clock())


def test_an_officer_of_elsewhere_learns_nothing_of_followers(office: Office) -> None:
    code = office.file()
    join(office, code, person(office, "me"))
    client = office.log_in("caugiay")
    office.file(ward=CAU_GIAY_WARD, area="legacy:005")
    assert client.get(f"/cases/{code}").status_code == 404
    assert "người cùng báo" not in client.get("/").text


def test_the_case_page_lists_the_most_alike_first_and_marks_it(office: Office) -> None:
    alley = {"address": "Ngõ 12 Chùa Bộc", "description": "Rác chất đống không ai dọn"}
    code, same = office.file(**alley), office.file(**alley)
    other = office.file(address="Ngõ 15 Chùa Bộc", description="Xe đổ trộm phế thải")
    page = office.log_in("kimlien").get(f"/cases/{code}").text
    related = page[page.index("giống nhất trước") :]
    assert related.index(same) < related.index("có thể trùng") < related.index(other)
    assert related.count("có thể trùng") == 1
