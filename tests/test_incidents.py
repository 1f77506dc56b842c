"""Incidents: a burst of alike reports becomes one, everybody is told once, and nobody sees another ward's."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from cases import incidents
from cases.incident_model import Incident, IncidentCase
from cases.incidents import CurrentIncident
from core.db import reading
from tests.offices import Office
from tests.pages import post
from tests.support import KIM_LIEN, LANG

NEWS = "Xe thu gom hỏng từ sáng, 16 giờ hôm nay sẽ dọn xong ạ."


def burst(office: Office, number: int = 5, **values: str) -> list[str]:
    return [office.file(**values) for _ in range(number)]


def current(office: Office, category: str = "waste", ward: str = KIM_LIEN) -> CurrentIncident | None:
    with reading(office.database) as session:
        return incidents.current_for(session, category, ward, office.clock())


def in_it(office: Office) -> int:
    with reading(office.database) as session:
        rows = session.scalars(select(IncidentCase).where(IncidentCase.removed_at.is_(None))).all()
        return len(rows)


def path_of_the(office: Office) -> str:
    found = current(office)
    assert found
    return f"/incidents/{found.id}"


def test_the_report_that_is_one_too_many_makes_it_an_incident_with_all_before(office: Office) -> None:
    codes = burst(office, 4)
    assert current(office) is None
    codes += burst(office, 1)
    assert (in_it(office), [office.events(code)[-1] for code in codes]) == (5, ["incident_joined"] * 5)
    office.file()
    found = current(office)
    assert found
    assert (found.reports, found.status_text) == (6, "")


@pytest.mark.parametrize(
    "last",
    [
        {"category": "noise"}, {"ward": LANG}, {"ward": None}, {"user": "u1"},
    ],
    ids=["another category", "another ward", "no ward", "the same citizen again"],
)  # fmt: skip
def test_reports_that_are_not_alike_make_none(office: Office, last: dict[str, str]) -> None:
    burst(office, 4)
    office.file(**last)
    assert current(office) is None


def test_reports_spread_over_time_make_none_and_late_ones_stay_apart(office: Office) -> None:
    burst(office, 4)
    office.clock.advance(hours=6, minutes=1)
    office.file()
    assert current(office) is None
    burst(office, 4)
    assert in_it(office) == 5
    office.clock.advance(hours=48, minutes=1)
    office.file()
    assert in_it(office) == 5


def test_sensitive_matters_and_complaints_about_an_office_join_nothing(office: Office) -> None:
    sensitive = next(code for code, one in office.rulebook.categories.items() if one.sensitive)
    burst(office, 6, category=sensitive)
    burst(office, 6, description="Cán bộ phường vòi tiền, thái độ hách dịch")
    with reading(office.database) as session:
        assert session.scalars(select(Incident)).all() == []


def test_the_thresholds_are_settings(office: Office) -> None:
    admin = office.log_in("quantri")
    office.set(admin, "incident_reports", 3)
    burst(office, 3)
    assert current(office)


def test_an_officer_writes_the_status_that_the_bot_says_first(office: Office) -> None:
    burst(office)
    client, path = office.log_in("kimlien"), path_of_the(office)
    assert post(client, f"{path}/status", text=NEWS, version=1).status_code == 302
    found = current(office)
    assert found
    assert (found.status_text, found.status_at) == (NEWS, office.clock())
    assert post(client, f"{path}/status", text="Khác", version=1).status_code == 409
    assert post(client, f"{path}/status", text="", version=2).status_code == 422
    assert post(client, f"{path}/resolve", version=2).status_code == 302
    assert current(office) is None
    assert post(client, f"{path}/status", text="Khác", version=3).status_code == 409


def test_a_message_reaches_every_citizen_once_however_often_it_is_pressed(office: Office) -> None:
    burst(office, 5)
    office.file(user="u1")  # one who reported twice
    client, path = office.log_in("kimlien"), path_of_the(office)
    for _ in range(3):
        post(client, f"{path}/tell", text=NEWS, token="a" * 32)
    told = [conversation for conversation, text in office.told() if text == NEWS]
    assert (len(told), len(set(told))) == (5, 5)
    post(client, f"{path}/tell", text=f"{NEWS} Lần hai.", token="b" * 32)
    assert len(office.told()) == 10
    assert office.audits().count(("incident_told", f"incident:{path.split('/')[-1]}")) == 2
    assert "5 người" in client.get(path).text


def test_a_case_taken_out_stays_out(office: Office) -> None:
    codes = burst(office)
    client, path = office.log_in("kimlien"), path_of_the(office)
    assert post(client, f"{path}/remove/{codes[0]}").status_code == 302
    assert (in_it(office), office.events(codes[0])[-1]) == (4, "incident_left")
    post(client, f"{path}/tell", text=NEWS, token="c" * 32)
    assert len(office.told()) == 4
    assert post(client, f"{path}/resolve", version=2).status_code == 302
    burst(office, 4)
    assert current(office) is None  # four new ones; the one taken out counts for nothing


def test_the_case_leads_to_its_incident_and_back(office: Office) -> None:
    codes = burst(office)
    client, path = office.log_in("kimlien"), path_of_the(office)
    assert path in client.get(f"/cases/{codes[0]}").text
    page = client.get(path).text
    assert all(code in page for code in codes)
    assert path in client.get("/incidents").text


def test_two_matters_after_each_other_are_two_incidents(office: Office) -> None:
    burst(office)
    client, path = office.log_in("kimlien"), path_of_the(office)
    post(client, f"{path}/resolve", version=1)
    office.clock.advance(days=1)
    burst(office)
    assert path_of_the(office) != path


# Harm.


@pytest.mark.parametrize("username", ["lang", "caugiay"])
def test_somebody_reads_or_moves_another_wards_incident(office: Office, username: str) -> None:
    codes = burst(office)
    client, path = office.log_in(username), path_of_the(office)
    answers = [client.get(path), post(client, f"{path}/status", text=NEWS, version=1)]
    answers += [post(client, f"{path}/{what}", text=NEWS, token="d", version=1) for what in ("tell", "resolve")]
    answers.append(post(client, f"{path}/remove/{codes[0]}"))
    assert [answer.status_code for answer in answers] == [404] * 5
    assert client.get("/incidents/999").status_code == 404
    assert (path in client.get("/incidents").text, office.told(), in_it(office)) == (False, [], 5)


def test_a_supervisor_who_only_reads_tells_everybody_something(office: Office) -> None:
    burst(office)
    client, path = office.log_in("giamsat"), path_of_the(office)
    assert client.get(path).status_code == 200
    assert [
        post(client, f"{path}/{what}", text=NEWS, token="e", version=1).status_code
        for what in ("tell", "status", "resolve")
    ] == [403] * 3
    assert office.told() == []


def test_one_person_makes_an_incident_alone(office: Office) -> None:
    burst(office, 8, user="u1")
    assert current(office) is None


def test_the_bot_speaks_of_an_incident_that_is_not_open_yet(office: Office) -> None:
    burst(office)
    with reading(office.database) as session:
        assert incidents.current_for(session, "waste", KIM_LIEN, office.clock() - timedelta(hours=1)) is None
        assert incidents.current_for(session, "waste", None, office.clock()) is None
