"""Public figures and Open311 through HTTP: what a stranger reads, and who cannot be recognised in it."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from cases.kept import Kept
from cases.model import Case
from cases.rulebook import Rulebook
from core.db import Database, reading, transaction
from portal.app import create_app
from tests.offices import Office, furnish
from tests.support import CAU_GIAY, CAU_GIAY_WARD, KIM_LIEN, LANG, Clock

SAID = "Nhà ông Tư số 5 ngõ 10 đổ trộm rác"
REQUESTS = "/open311/v2/requests"


@dataclass
class City:
    """The desk's cases as the portal shows them."""

    office: Office
    client: FlaskClient

    def file(self, number: int, **values: Any) -> list[str]:
        return [self.office.file(description=SAID, address="số 5 ngõ 10", **values) for _ in range(number)]

    def month_goes_by(self) -> None:
        self.office.clock.advance(days=31)

    def set(self, **settings: object) -> None:
        with transaction(self.office.database) as session:
            for name, value in settings.items():
                row = Kept(kind="setting", key=name, data={"value": value}, version=1, changed_at=self.office.clock())
                session.add(row)

    def json(self, path: str = f"{REQUESTS}.json", **query: object) -> Any:
        return self.client.get(path, query_string=query).json

    def told(self, **query: object) -> list[Any]:
        found: list[Any] = self.json(start_date="2026-12-01", **query)
        return found


@pytest.fixture
def shut(database: Database, rulebook: Rulebook, clock: Clock, tmp_path: Path) -> Iterator[City]:
    office = furnish(database, rulebook, clock, tmp_path)
    yield City(office, create_app(office.config, database, rulebook, clock).test_client())


@pytest.fixture
def city(shut: City) -> City:
    shut.set(public_pages=True)
    return shut


def test_figures_of_a_finished_month_are_told_by_ward_and_category(city: City) -> None:
    city.file(6, ward=KIM_LIEN)
    city.file(7, ward=LANG, category="noise")
    city.month_goes_by()
    page = city.client.get("/figures").text
    assert "tháng 12/2026" in page
    assert "Tổng số phản ánh: <b>13</b>" in page
    assert page.count("<td>6</td>") == page.count("<td>7</td>") == 2  # each in its category and in its ward
    ward = city.client.get(f"/figures?month=2026-12&ward={LANG}").text
    assert ("<td>7</td>" in ward, "<td>6</td>" in ward) == (True, False)


def test_a_month_that_is_not_over_or_never_was_is_not_told(city: City) -> None:
    city.file(9)
    for month in ("2026-12", "2031-01", "1999-01", "x", "2026-13"):
        page = city.client.get(f"/figures?month={month}").text
        assert ("tháng 11/2026" in page, "<td>9</td>" in page) == (True, False), month
    assert city.told(end_date="2027-06-01") == []


def test_open311_lists_services_and_requests_in_both_forms(city: City) -> None:
    city.file(5)
    city.month_goes_by()
    services = city.json("/open311/v2/services.json")
    assert {"service_code", "service_name", "description", "metadata", "type", "keywords", "group"} == set(services[0])
    assert "waste" in {one["service_code"] for one in services}
    first, *others = city.told()
    assert len(others) == 4
    assert (first["status"], first["service_code"], first["address"]) == ("open", "waste", "Phường Kim Liên")
    assert first["requested_datetime"] == "2026-12-01T00:00:00+07:00"
    answer = city.client.get(f"{REQUESTS}.xml?start_date=2026-12-01")
    assert answer.mimetype == "text/xml"
    root = ElementTree.fromstring(answer.data)  # noqa: S314 - made by us
    assert (root.tag, [child.tag for child in root]) == ("service_requests", ["request"] * 5)
    assert {element.tag for element in root[0]} == set(first)
    xml = ElementTree.fromstring(city.client.get("/open311/v2/services.xml").data)  # noqa: S314 - made by us
    assert (xml.tag, len(xml)) == ("services", len(services))


def test_requests_are_paged_narrowed_and_found_by_their_name(city: City) -> None:
    city.file(6)
    city.file(5, category="noise", ward=LANG)
    city.office.clock.advance(days=3)
    with transaction(city.office.database) as session:
        session.execute(
            update(Case).where(Case.category == "noise").values(status="resolved", resolved_at=city.office.clock())
        )
    city.month_goes_by()
    assert len(city.told()) == 11
    assert [len(city.told(page_size=4, page=page)) for page in (1, 2, 3, 4)] == [4, 4, 3, 0]
    assert {one["service_code"] for one in city.told(service_code="noise")} == {"noise"}
    assert len(city.told(service_code="noise,waste")) == 11
    assert [len(city.told(status=status)) for status in ("open", "closed")] == [6, 5]
    assert city.told(status="closed")[0]["updated_datetime"] == "2026-12-04T00:00:00+07:00"
    assert len(city.json(start_date="2026-12-01T00:00:00+07:00", end_date="2026-12-02")) == 11
    assert city.json(start_date="2026-12-02", end_date="2026-12-20") == []
    assert len(city.json(start_date="2019-01-01", end_date="2027-01-02")) == 11  # cut to the last 90 days
    assert city.json(start_date="2019-01-01", end_date="2019-02-01") == []
    wanted = city.told(service_code="noise")[0]
    assert city.json(f"{REQUESTS}/{wanted['service_request_id']}.json") == [wanted]
    assert city.json(service_request_id=wanted["service_request_id"], status="open") == [wanted]


@pytest.mark.parametrize(
    "query",
    [
        {"status": "done"}, {"service_code": "no_such"}, {"start_date": "yesterday"}, {"end_date": "9999-12-31"},
        {"page": "0"}, {"page": "x"}, {"page_size": "501"}, {"page_size": "99999999999999"},
        {"start_date": "2026-12-02", "end_date": "2026-12-01"}, {"start_date": "0001-01-01"},
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_in_the_form_asked_for(city: City, query: dict[str, str]) -> None:
    answer = city.client.get(f"{REQUESTS}.json", query_string=query)
    assert (answer.status_code, answer.json[0]["code"], len(answer.json[0]["description"]) > 10) == (400, 400, True)  # type: ignore[index]
    xml = city.client.get(f"{REQUESTS}.xml", query_string=query)
    assert (xml.status_code, ElementTree.fromstring(xml.data).tag) == (400, "errors")  # noqa: S314 - made by us


# Harm.


def test_a_stranger_reads_figures_that_nobody_has_opened(shut: City) -> None:
    shut.file(9)
    shut.month_goes_by()
    for path in ("/figures", f"{REQUESTS}.json", f"{REQUESTS}.xml", "/open311/v2/services.json", f"{REQUESTS}/ab.json"):
        answer = shut.client.get(path)
        assert (answer.status_code, "Rác" in answer.text) == (404, False), path


def test_a_neighbour_is_recognised_in_a_small_number(city: City) -> None:
    city.file(1, ward=KIM_LIEN, category="noise")
    city.file(8, ward=KIM_LIEN)
    city.file(6, ward=LANG)
    city.month_goes_by()
    page = city.client.get(f"/figures?ward={KIM_LIEN}").text
    assert "<td>1</td>" not in page
    total, rest = "Tổng số phản ánh: <b>9</b>" in page, "<td>8</td>" in page
    assert not (total and rest), "nine in all and eight of waste would leave one"
    assert [one for one in city.told() if one["service_code"] == "noise"] == []


def test_a_single_request_out_of_a_hidden_count_is_fetched_by_its_name(city: City) -> None:
    city.file(5)
    city.month_goes_by()
    name = city.told()[0]["service_request_id"]
    city.office.clock.advance(minutes=11)
    with transaction(city.office.database) as session:  # the count has become small since the name was told
        first = session.scalars(select(Case.id).order_by(Case.id).limit(1)).one()
        session.execute(update(Case).where(Case.id == first).values(category="noise"))
    assert city.client.get(f"{REQUESTS}/{name}.json").status_code == 404
    assert city.json(service_request_id=name) == []


@pytest.mark.parametrize("form", ["json", "xml"])
def test_a_request_tells_what_was_written_where_or_by_whom(city: City, form: str) -> None:
    codes = city.file(5)
    city.month_goes_by()
    answer = city.client.get(f"{REQUESTS}.{form}?start_date=2026-12-01")
    text = repr(answer.json) if form == "json" else answer.text
    assert "Phường Kim Liên" in text
    with reading(city.office.database) as session:
        cases = session.scalars(select(Case)).all()
        secrets = [*codes, "ông Tư", "ngõ 10", "0912345678", *(f"{case.opened_at:%H:%M:%S}" for case in cases)]
    assert [secret for secret in secrets if secret in text and secret != "00:00:00"] == []


def test_names_of_requests_are_counted_through_or_lead_to_a_case_code(city: City) -> None:
    city.file(5)
    city.month_goes_by()
    names = {one["service_request_id"] for one in city.told()}
    assert (len(names), {len(name) for name in names}) == (5, {48})
    real = next(iter(names))
    for guessed in ("1", "5", "0" * 48, real[:-1] + ("0" if real[-1] != "0" else "1"), "PA-100-000-006", "../x", "é"):
        assert city.client.get(f"{REQUESTS}/{guessed}.json").status_code == 404, guessed


def test_what_must_not_be_public_is_counted(city: City) -> None:
    sensitive = next(code for code, one in city.office.rulebook.categories.items() if one.sensitive)
    city.file(6, category=sensitive)
    spam, merged, demo, about = (
        city.file(6, ward=LANG, category=name) for name in ("waste", "noise", "traffic", "drainage")
    )
    with transaction(city.office.database) as session:
        for codes, values in (
            (spam, {"status": "abuse"}), (merged, {"status": "merged"}), (demo, {"is_demo": True}),
            (about, {"about_unit_id": LANG}),
        ):  # fmt: skip
            session.execute(update(Case).where(Case.code.in_(codes)).values(**values))
    city.month_goes_by()
    assert "<td>6</td>" not in city.client.get("/figures").text
    assert city.told() == []
    assert sensitive not in {one["service_code"] for one in city.json("/open311/v2/services.json")}


def test_a_machine_asks_without_end(city: City) -> None:
    city.set(public_requests_per_minute=5)
    answers = [city.client.get("/figures").status_code for _ in range(7)]
    assert answers == [200] * 5 + [429] * 2
    other = city.client.get("/figures", environ_base={"REMOTE_ADDR": "10.0.0.9"})
    assert other.status_code == 200
    limited = city.client.get(f"{REQUESTS}.json")
    assert (limited.status_code, limited.json[0]["code"]) == (429, 429)  # type: ignore[index]


def test_somebody_writes_through_the_public_door(city: City) -> None:
    for path in ("/figures", f"{REQUESTS}.json", "/open311/v2/services.xml"):
        assert city.client.post(path, data={"service_code": "waste"}).status_code in {400, 405}, path


def test_an_area_that_crosses_a_border_counts_once(city: City) -> None:
    city.file(5, ward=CAU_GIAY_WARD, area=CAU_GIAY)
    city.file(5, ward=None)
    city.month_goes_by()
    page = city.client.get("/figures").text
    assert "Tổng số phản ánh: <b>5</b>" in page
    assert len(city.told()) == 5


def test_the_edges_of_a_month_are_those_of_hanoi(city: City) -> None:
    city.office.clock.now = city.office.clock.now.replace(month=12, day=31, hour=16, minute=59)  # 23:59 in Hà Nội
    city.file(5)
    city.office.clock.advance(minutes=2)
    city.file(6)
    city.office.clock.advance(days=40)
    counts = [city.client.get(f"/figures?month={month}").text for month in ("2026-12", "2027-01")]
    assert ["Tổng số phản ánh: <b>5</b>" in counts[0], "Tổng số phản ánh: <b>6</b>" in counts[1]] == [True, True]
