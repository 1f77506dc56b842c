"""A case that its citizen has taken back, as officers and the public see it."""

from sqlalchemy import select

from cases.model import Case
from cases.ratings import rate
from cases.withdrawal import withdraw
from cases.workflow import Move, Status, moves_from
from core.db import transaction
from tests.desk import Desk, move, post


def take_back(desk: Desk, code: str, turn: int = 77) -> None:
    with transaction(desk.database) as session:
        case = session.scalars(select(Case).where(Case.code == code)).one()
        withdraw(session, desk.rulebook, case, turn, desk.clock.now)


def test_the_desk_says_that_the_citizen_took_it_back_and_finds_it_by_that(desk: Desk) -> None:
    code, other = desk.file(), desk.file()
    take_back(desk, code)
    client = desk.log_in("kimlien")
    page = client.get(f"/cases/{code}").text
    assert "Người dân đã rút" in page and "Người dân rút hồ sơ" in page
    queue, withdrawn = client.get("/").text, client.get("/?status=withdrawn").text
    assert (code in queue, other in queue, code in withdrawn, other in withdrawn) == (False, True, True, False)


def test_an_officer_at_work_loses_nothing_and_may_take_the_case_up_again(desk: Desk) -> None:
    code = desk.file()
    client = desk.log_in("kimlien")
    version = desk.case(code).version
    assert move(client, code, "reply", version, "Chúng tôi đang kiểm tra.").status_code == 302
    version = desk.case(code).version
    take_back(desk, code)
    late = move(client, code, "reply", version, "Tổ vệ sinh đến lúc 16 giờ.")
    assert late.status_code == 409 and "Tổ vệ sinh đến lúc 16 giờ." in late.text
    assert post(client, f"/cases/{code}/reopen", version=desk.case(code).version, text="Nguy hiểm").status_code == 302
    assert desk.events(code) == ["opened", "taken", "replied", "withdrawn", "reopened"]
    assert desk.case(code).officer_id is not None


def test_taking_back_is_the_citizens_move_alone(desk: Desk) -> None:
    assert all(Move.WITHDRAW not in moves_from(status) for status in Status)
    code = desk.file()
    client = desk.log_in("kimlien")
    assert post(client, f"/cases/{code}/withdraw", version=desk.case(code).version).status_code in {404, 405}
    assert desk.case(code).status == "new"


def test_a_rating_is_shown_on_the_case(desk: Desk) -> None:
    code = desk.file()
    client = desk.log_in("kimlien")
    move(client, code, "resolve", desk.case(code).version, "Đã dọn xong.")
    with transaction(desk.database) as session:
        rate(session, session.scalars(select(Case).where(Case.code == code)).one(), 4, 78, desk.clock.now)
    assert "4 trên 5 sao" in client.get(f"/cases/{code}").text
