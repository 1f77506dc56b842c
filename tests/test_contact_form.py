"""What a citizen gives by the platform's contact form is read where it is used and lies in clear nowhere."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from cases import officers, service
from cases.service import Draft
from core import intake
from core.db import reading, transaction
from core.model import Conversation, Inbound
from core.vault import SealBrokenError, Vault
from desk.app import create_app as create_desk
from tests.desk import PASSWORD
from tests.fakes import Reply
from tests.pages import post, token_in
from tests.sealing import House, open_house, places_with
from tests.support import KIM_LIEN, answer_with

PHONE, AS_TYPED = "0900000456", "0900 000 456"
PERSON, STREET = "Lê Thị Mẫu Mực", "12 đường Mẫu Đơn"
FORM = {
    "name": PERSON,
    "phone": "84900000456",
    "full_address": {"user_city": "Hà Nội", "user_ward": "Phường Kim Liên", "user_address": STREET},
}
WRITTEN = ("84900000456", PHONE, AS_TYPED, PERSON, STREET)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path, lambda _: answer_with("Dạ vâng ạ.")) as house:
        yield house


def give(house: House) -> None:
    house.post_event("user_submit_info", 1, info=FORM)


def found(house: House) -> list[str]:
    places = house.everything_kept()
    return sorted({place for words in WRITTEN for place in places_with(words, places)})


def stored_phone(house: House) -> bytes:
    with reading(house.database) as session:
        sealed = session.scalars(select(Conversation.phone)).one()
    assert sealed is not None
    return sealed


def open_desk(house: House, code: str) -> tuple[str, str]:
    """The page of the case, and what an officer reads who asks for the number, with the keys the house has now."""
    client = create_desk(house.config, house.database, house.rulebook, house.clock).test_client()
    form = {"csrf_token": token_in(client.get("/login")), "username": "kimlien", "password": PASSWORD}
    assert client.post("/login", data=form).status_code == 302
    return client.get(f"/cases/{code}").text, post(client, f"/cases/{code}/phone").text


def file_case(house: House) -> str:
    """A case of the citizen who wrote, with an officer who sees it."""
    with transaction(house.database) as session:
        officers.create_officer(session, "kimlien", "Cán bộ", "officer", KIM_LIEN, PASSWORD, house.clock())
        draft = Draft(session.scalars(select(Conversation.id)).one(), "waste", "Rác ba ngày", ward_id=KIM_LIEN)
        return service.open_case(session, house.rulebook, draft, "turn:1:0", house.clock()).code


def rotate(house: House, *keys: str) -> None:
    house.config, house.vault = replace(house.config, data_keys=keys), Vault(keys)


def test_a_form_lies_in_clear_nowhere_before_and_after_its_turn(house: House) -> None:
    give(house)
    give(house)
    assert found(house) == []
    house.work()
    house_places = house.everything_kept() | {"rasa": json.dumps(house.rasa.questions, ensure_ascii=False).encode()}
    assert [place for words in WRITTEN for place in places_with(words, house_places)] == []
    assert house.vault.unseal(stored_phone(house)) == PHONE


def test_the_search_would_find_a_form_kept_in_clear(house: House) -> None:
    give(house)
    with transaction(house.database) as session:
        session.scalars(select(Inbound)).one().payload = json.dumps(FORM, ensure_ascii=False)
    assert "table inbounds" in found(house)


def test_a_form_that_the_bot_breaks_on_keeps_no_clear_copy(house: House) -> None:
    house.rasa.next_answers(*[Reply(status=500)] * 4)
    give(house)
    house.work()
    assert found(house) == []


def test_a_form_that_comes_while_a_person_answers_keeps_no_clear_copy(house: House) -> None:
    house.post("chào em", 0)
    house.work()
    with transaction(house.database) as session:
        session.scalars(select(Conversation)).one().human_at = house.clock()
    give(house)
    house.work()
    assert found(house) == []
    assert house.vault.unseal(stored_phone(house)) == PHONE


def test_a_form_that_waits_on_the_disk_is_sealed_there(house: House) -> None:
    with house.database_away():
        give(house)
        waiting = {path.name: path.read_bytes() for path in (house.config.var_dir / "spool").iterdir()}
    assert waiting and [place for words in WRITTEN for place in places_with(words, waiting)] == []
    intake.drain(house.spool, house.database, house.clock, house.vault)
    assert found(house) == []


def test_the_officer_is_told_of_the_form_and_reads_the_number_only_on_asking(house: House) -> None:
    give(house)
    house.work()
    page, asked = open_desk(house, file_case(house))
    assert "đã gửi số điện thoại bằng biểu mẫu" in page
    assert not any(words in page for words in WRITTEN)
    assert PHONE in asked


def test_a_form_is_read_across_a_change_of_the_key(house: House) -> None:
    """It came under the old key, its turn was taken under both, and from then on the new one alone reads it."""
    [old] = house.config.data_keys
    give(house)
    rotate(house, "new-data-key", old)
    house.work()
    assert found(house) == []
    rotate(house, "new-data-key")
    assert PHONE in open_desk(house, file_case(house))[1]
    with pytest.raises(SealBrokenError):
        Vault([old]).unseal(stored_phone(house))


def test_a_number_that_was_typed_rests_sealed_until_understood_and_then_in_the_words_alone(house: House) -> None:
    """Deliberately kept there: what a citizen wrote is shown to them as written; officers' pages take numbers out."""
    house.post(f"gọi lại cho tôi số {AS_TYPED} nhé", 1)
    assert found(house) == []
    house.work()
    tables = [place for place in found(house) if place.startswith("table ")]
    assert tables == ["table inbounds"]
    page, asked = open_desk(house, file_case(house))
    assert not any(words in page for words in WRITTEN)
    assert PHONE in asked
