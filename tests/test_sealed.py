"""A denunciation leaves no trace: it goes the whole way through, and every place that keeps anything is searched."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cases import service
from cases.service import Draft
from core import intake
from core.db import reading, transaction
from core.log import JsonFormatter
from core.model import Conversation, Inbound
from tests.fakes import Reply
from tests.sealing import House, open_house, places_with
from tests.support import KIM_LIEN, add_officer, answer_with
from webhook.kept import FORGOTTEN

NEIGHBOUR = "7093184725501938473"
NAME, DEED = "Nguyễn Văn Khuất", "ăn hối lộ bảy mươi triệu"
DENUNCIATION = f"Tôi tố cáo ông {NAME} chủ tịch phường {DEED}"
REPORT = "Đèn đường ngõ chợ hỏng ba hôm"
GUIDE = answer_with("Dạ, xin gửi đơn có chữ ký.", custom={"forget": True})
MAYBE = answer_with("Tố cáo hay phản ánh ạ?", custom={"forget": True, "hold": True})


def answer(question: Mapping[str, Any]) -> Reply:
    return GUIDE if "tố cáo" in (question["text"] or "").lower() else answer_with("Dạ vâng ạ.")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path, answer) as house:
        yield house


def traces(house: House, records: list[logging.LogRecord]) -> list[str]:
    logged = "\n".join(JsonFormatter().format(record) + repr(vars(record)) for record in records).encode()
    places = house.everything_kept() | {"log": logged}
    return sorted({*places_with(NAME, places), *places_with(DEED, places)})


@pytest.mark.parametrize("text", [DENUNCIATION, f"to cao, tố cáo {NAME} {DEED}"])
def test_a_denunciation_is_found_nowhere_before_and_after_it_is_understood(
    house: House, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    house.post(text, 1)
    house.post(text, 1)
    assert traces(house, caplog.records) == []
    house.work()
    assert traces(house, caplog.records) == []
    assert house.rasa.questions[0]["text"] == text, "it was read, once, as written"
    with reading(house.database) as session:
        assert session.scalars(select(Inbound.text)).all() == [FORGOTTEN]


def test_what_may_be_one_rests_sealed_until_it_is_called_one(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.rasa.next_answers(MAYBE)
    house.post(DENUNCIATION, 1)
    house.work()
    with reading(house.database) as session:
        assert session.scalars(select(Conversation.held)).one() is not None
    assert traces(house, caplog.records) == []


def test_one_that_nobody_could_read_stays_sealed(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Rasa breaks on it four times; the officer who is called reads it on the desk, the store does not hold it."""
    caplog.set_level(logging.DEBUG)
    house.rasa.next_answers(*[Reply(status=500)] * 4)
    house.post(DENUNCIATION, 1)
    house.work()
    assert traces(house, caplog.records) == ["conversation"]


def test_one_that_waits_on_the_disk_is_sealed_there_and_leaves_nothing_behind(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with house.database_away():
        house.post(DENUNCIATION, 1)
        assert not house.spool.is_empty()
        waiting = {path.name: path.read_bytes() for path in (house.config.var_dir / "spool").iterdir()}
    assert places_with(NAME, waiting) == [] and waiting
    intake.drain(house.spool, house.database, house.clock, house.vault)
    house.work()
    assert traces(house, caplog.records) == []


def test_the_search_would_find_an_ordinary_report(house: House) -> None:
    """The words of a report are kept, for the officer to read: so the places searched are the right ones."""
    house.post(REPORT, 1, NEIGHBOUR)
    assert places_with(REPORT, house.everything_kept()) == []
    house.work()
    with transaction(house.database) as session:
        conversation = session.scalars(select(Conversation.id)).one()
        draft = Draft(conversation, "power_lighting", REPORT, ward_id=KIM_LIEN)
        case = service.open_case(session, house.rulebook, draft, "turn:1:0", house.clock())
        officer = add_officer(session, "o", KIM_LIEN)
        service.correct_category(session, house.rulebook, case, officer, "waste", house.clock())
    found = places_with(REPORT, house.everything_kept())
    assert {"test.db-wal", "after checkpoint", "table inbounds", "table cases", "export"} <= set(found)


def test_what_is_erased_is_overwritten_in_the_file(house: House) -> None:
    house.post(REPORT, 1, NEIGHBOUR)
    house.work()
    for text in (f"{REPORT} " * 1000, ""):  # long enough for pages of its own, which are free afterwards
        with transaction(house.database) as session:
            session.scalars(select(Inbound)).one().text = text
        house.everything_kept()  # brings what was written into the file
        found = places_with(REPORT, house.everything_kept())
        assert ("after checkpoint" in found) == bool(text), found
