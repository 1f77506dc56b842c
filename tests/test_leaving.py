"""Citizens who joined a case: what they send is for the officer, each a number; and they may leave again."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from cases import conflict, followers
from cases.model import Case, Officer
from cases.officers import create_officer
from core.db import reading, transaction
from core.model import Attachment
from desk.app import create_app
from tests.offices import PASSWORD
from tests.pages import config_for, token_in
from tests.support import DONG_DA, KIM_LIEN
from tests.talk import Talk

REPORT = "Ngõ 12 Chùa Bộc, phường Kim Liên rác chất đống hôi thối không ai dọn"


def joined(talk: Talk, user: str, photos: int = 0) -> None:
    """This citizen reports the same and joins what is offered."""
    talk.user = user
    told = talk.say(REPORT, "report", sure=0.9, photos=photos)
    assert "Tôi cũng bị" in talk.titles(), told
    talk.tap("Tôi cũng bị")


def count(talk: Talk, code: str) -> int:
    with reading(talk.database) as session:
        return len(followers.followers_of(session, session.scalars(select(Case).where(Case.code == code)).one()))


def officer(talk: Talk, username: str = "kimlien", unit_id: str = KIM_LIEN) -> FlaskClient:
    with transaction(talk.database) as session:
        known = session.scalars(select(Officer).where(Officer.username == f"{username}.desk")).first()
        if known is None:
            create_officer(session, f"{username}.desk", "Cán bộ", "officer", unit_id, PASSWORD, talk.clock())
    client = create_app(config_for(talk.folder), talk.database, talk.rulebook, talk.clock).test_client()
    form = {"csrf_token": token_in(client.get("/login")), "username": f"{username}.desk", "password": PASSWORD}
    assert client.post("/login", data=form).status_code == 302
    return client


def arrive(talk: Talk) -> None:
    """The files of citizens have been fetched."""
    folder = talk.folder / "media"
    folder.mkdir(exist_ok=True)
    with transaction(talk.database) as session:
        for photo in session.scalars(select(Attachment)):
            photo.status, photo.mime, photo.stored_name = "stored", "image/jpeg", f"photo{photo.id}"
            (folder / photo.stored_name).write_bytes(b"\xff\xd8\xff photo %d" % photo.id)


def photos_on(page: str) -> list[str]:
    return re.findall(r'<img class="photo" src="([^"]+)"', page)


def seen(client: FlaskClient, address: str) -> int:
    answer = client.get(address)
    answer.close()
    return answer.status_code


def test_words_and_photos_of_those_who_joined_are_on_the_case_page_under_a_number(talk: Talk) -> None:
    code = talk.file("reporter")
    joined(talk, "first", photos=1)
    talk.say(photos=1)  # right after it, without words
    joined(talk, "second")
    talk.say(f"bổ sung cho {code}: sáng nay thêm xác chuột", "add_info", photos=1)
    talk.user = "first"
    talk.say(f"bổ sung cho {code}: mùi nồng hơn hôm qua", "add_info")
    arrive(talk)
    client = officer(talk)
    page = client.get(f"/cases/{code}").text
    part = page[page.index('id="joiners"') : page.index("Thông tin hồ sơ")]
    assert len(photos_on(part)) == 3
    order = [part.index(words) for words in (REPORT, "sáng nay thêm xác chuột", "mùi nồng hơn hôm qua")]
    assert order == sorted(order)
    assert re.findall(r"Người cùng báo số (\d)", part) == ["1", "1", "2", "2", "1"]
    assert not re.search(r"\b(?:first|second)\b", part)
    assert [seen(client, address) for address in photos_on(part)] == [200, 200, 200]


def test_photos_of_joiners_are_shown_to_nobody_else_and_nothing_else_of_theirs_is(talk: Talk) -> None:
    code = talk.file("reporter")
    joined(talk, "first", photos=1)
    talk.user = "first"
    talk.say("Đèn đường cháy bóng ở Láng Hạ, phường Láng", "report", category="power_lighting", sure=0.9, photos=1)
    arrive(talk)
    client = officer(talk)
    [address] = photos_on(client.get(f"/cases/{code}").text)
    other = address.replace("/1", "/2")
    assert (seen(client, address), seen(client, other)) == (200, 404)
    assert officer(talk, "caugiay", "legacy:005").get(address).status_code == 404
    with transaction(talk.database) as session:
        case = session.scalars(select(Case).where(Case.code == code)).one()
        by = session.scalars(select(Officer).where(Officer.username == "kimlien")).one()
        conflict.mark(session, case, by, KIM_LIEN, "", "Phản ánh về phường", talk.clock(), case.version)
    above = officer(talk, "dongda", DONG_DA)
    page = above.get(f"/cases/{code}").text
    assert "giấu người phản ánh" in page and REPORT not in page and not photos_on(page)
    assert above.get(address).status_code == 404


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("bỏ theo dõi hồ sơ {code}", "track_case"),
        ("bo theo doi {code}", "cancel"),
        ("bỏ theo dõi", "cancel"),
        ("cho tôi bỏ theo dõi giúp", "out_of_scope"),
        ("ko cần theo dõi nữa", "deny"),
        ("Tôi không muốn theo dõi việc này nữa", "report"),
        ("huỷ theo dõi hs {code}", "add_info"),
        ("thôi ko theo dõi {code} nữa đâu", "nlu_fallback"),
        ("đừng báo tin cho tôi nữa", "deny"),
        ("rút hồ sơ {code}", "cancel"),
        ("rút phản ánh", "cancel"),
    ],
)
def test_who_joined_leaves_after_one_confirmation_and_hears_no_more(talk: Talk, text: str, intent: str) -> None:
    code = talk.file("reporter")
    joined(talk, "first")
    joined(talk, "second")
    assert count(talk, code) == 2
    assert code in talk.say(text.format(code=code), intent)[0]
    assert talk.titles() == ["Bỏ theo dõi", "Vẫn theo dõi"]
    assert count(talk, code) == 2
    assert "đã bỏ theo dõi" in talk.tap("Bỏ theo dõi")[0]
    assert (count(talk, code), talk.events(code)[-1], talk.case(code).status) == (1, "left", "new")
    assert talk.again()
    assert talk.events(code).count("left") == 1
    before = len(talk.told("second")), len(talk.told("first"))
    talk.resolve(code)
    assert (len(talk.told("second")), len(talk.told("first"))) == (before[0], before[1] + 1)
    page = officer(talk).get(f"/cases/{code}").text
    assert "+1 người cùng báo" in page and "Một người cùng báo thôi theo dõi</b> · số 2" in page


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("ừ", 1),
        ("bỏ đi em", 1),
        ("đồng ý", 1),
        ("không theo dõi nữa", 1),
        ("thôi vẫn theo dõi", 0),
        ("không", 0),
        ("đừng bỏ", 0),
    ],
)
def test_the_confirmation_may_be_typed(talk: Talk, text: str, left: int) -> None:
    code = talk.file("reporter")
    joined(talk, "first")
    talk.say("bỏ theo dõi", "cancel")
    talk.say(text, "nlu_fallback")
    assert count(talk, code) == 1 - left


def test_a_followed_case_is_left_from_the_list_and_may_be_joined_again(talk: Talk) -> None:
    code = talk.file("reporter")
    joined(talk, "first")
    own = talk.file("first", category="noise", text="Loa kéo ồn ào")
    talk.say("hồ sơ của tôi", "track_case")
    assert talk.titles() == [own, code]
    assert "cùng theo dõi" in talk.tap(code)[0]
    assert talk.titles() == ["Bỏ theo dõi"]
    talk.tap("Bỏ theo dõi")
    talk.tap("Bỏ theo dõi")
    assert count(talk, code) == 0
    assert code not in talk.say("hồ sơ của tôi", "track_case")[0]
    joined(talk, "first")
    assert (count(talk, code), talk.events(code).count("joined")) == (1, 2)


def test_of_several_followed_cases_the_citizen_says_which(talk: Talk) -> None:
    first, second = talk.file("reporter"), talk.file("another", category="noise", text="Loa kéo ồn ào cả đêm")
    joined(talk, "first")
    with transaction(talk.database) as session:
        case = session.scalars(select(Case).where(Case.code == second)).one()
        followers.join(session, case, talk.conversation().id, None, talk.clock())
    talk.say("bỏ theo dõi", "cancel")
    assert sorted(talk.titles()) == sorted([first, second])
    talk.tap(second)
    talk.tap("Bỏ theo dõi")
    assert (count(talk, first), count(talk, second)) == (1, 0)


def test_a_stranger_leaves_nothing_and_learns_nothing(talk: Talk) -> None:
    code = talk.file("reporter")
    joined(talk, "first")
    talk.user = "stranger"
    assert "không tìm thấy" in talk.say(f"bỏ theo dõi hồ sơ {code}", "cancel")[0]
    assert (count(talk, code), "left" in talk.events(code)) == (1, False)


def test_the_own_case_is_asked_about_as_one_taken_back(talk: Talk) -> None:
    code = talk.file("reporter")
    talk.user = "reporter"
    talk.say(f"bỏ theo dõi hồ sơ {code}", "cancel")
    assert talk.titles() == ["Rút hồ sơ", "Không rút"]


@pytest.mark.parametrize(
    "text",
    [
        "sao lại bỏ theo dõi hồ sơ của tôi",
        "bỏ theo dõi trang Zalo này thế nào",
        "tôi không biết theo dõi hồ sơ ở đâu",
        "không theo dõi được hồ sơ",
        "tôi vẫn theo dõi hồ sơ",
    ],
)
def test_words_that_only_sound_like_it_leave_nothing(talk: Talk, text: str) -> None:
    code = talk.file("reporter")
    joined(talk, "first")
    talk.say(text, "track_case")
    assert "Vẫn theo dõi" not in talk.titles()
    assert count(talk, code) == 1


def test_a_photo_is_asked_for_and_goes_to_the_followed_case(talk: Talk) -> None:
    code = talk.file("reporter")
    joined(talk, "first")
    assert code in talk.say("tôi muốn bổ sung ảnh", "add_info")[0]
    talk.say(photos=2)
    assert talk.events(code)[-1] == "follower_said"
    arrive(talk)
    assert len(photos_on(officer(talk).get(f"/cases/{code}").text)) == 2
