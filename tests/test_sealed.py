"""A denunciation leaves no trace: it goes the whole way through, and every place that keeps anything is searched."""

import json
import logging
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client import generate_latest
from sqlalchemy import select, true

from cases import corrections, export, service
from cases.rulebook import Rulebook, load_rulebook
from cases.service import Draft
from cases.transcript import transcript
from core import intake, outbox
from core.config import Config, load_config
from core.db import Database, open_database, reading, transaction
from core.log import JsonFormatter
from core.model import Conversation, Inbound
from core.spool import Spool
from core.vault import Vault
from tests.fakes import Reply, sign_zalo
from tests.support import KIM_LIEN, Clock, FakeChannel, FakeRasa, add_officer, add_units, answer_with, migrate
from webhook import metrics
from webhook.app import create_app
from webhook.channels import build_channels
from webhook.converse import Converser
from webhook.deliver import Deliverer
from webhook.kept import FORGOTTEN
from webhook.rasa_client import RasaClient

USER, NEIGHBOUR = "6093184725501938472", "7093184725501938473"
NAME, DEED = "Nguyễn Văn Khuất", "ăn hối lộ bảy mươi triệu"
DENUNCIATION = f"Tôi tố cáo ông {NAME} chủ tịch phường {DEED}"
REPORT = "Đèn đường ngõ chợ hỏng ba hôm"
GUIDE = answer_with("Dạ, xin gửi đơn có chữ ký.", custom={"forget": True})
MAYBE = answer_with("Tố cáo hay phản ánh ạ?", custom={"forget": True, "hold": True})


def answer(question: Mapping[str, Any]) -> Reply:
    return GUIDE if "tố cáo" in (question["text"] or "").lower() else answer_with("Dạ vâng ạ.")


@dataclass
class House:
    """The real gateway and the real worker over one SQLite file, with a scripted Rasa."""

    config: Config
    database: Database
    spool: Spool
    vault: Vault
    client: FlaskClient
    rulebook: Rulebook
    rasa: FakeRasa
    clock: Clock
    file: Path
    channel: FakeChannel = field(default_factory=FakeChannel)

    def post(self, text: str, number: int, user: str = USER) -> None:
        zalo = self.config.zalo
        assert zalo is not None
        body = {
            "app_id": zalo.app_id,
            "sender": {"id": user},
            "recipient": {"id": zalo.oa_id},
            "event_name": "user_send_text",
            "message": {"text": text, "msg_id": f"m{number}"},
            "timestamp": str(int(self.clock().timestamp() * 1000) + number),
        }
        raw = json.dumps(body, ensure_ascii=False).encode()
        headers = sign_zalo(raw, zalo.oa_secret_keys[0], zalo.app_id)
        assert self.client.post("/webhooks/zalo", data=raw, headers=headers).status_code == 200

    def work(self) -> None:
        rasa = RasaClient([self.rasa.url], 2.0)
        converser = Converser(self.database, self.rulebook, rasa, self.vault, self.clock)
        deliverer = Deliverer(self.database, {"zalo": self.channel}, self.clock)
        for _ in range(30):
            while converser.step("w/t") or deliverer.step("w/s"):
                pass
            self.clock.advance(seconds=2)

    def everything_kept(self) -> dict[str, bytes]:
        """By name of the place: each table, the bytes of the database and its log, the spool, figures and files."""
        places = {path.name: path.read_bytes() for path in self.file.parent.glob(f"{self.file.name}*")}
        with self.database.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        places["after checkpoint"] = self.file.read_bytes()
        with sqlite3.connect(self.file) as raw:
            tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                rows = raw.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - our own names
                places[f"table {table}"] = repr(rows).encode()
        raw.close()
        for path in self.config.var_dir.rglob("*"):
            if path.is_file():
                places[str(path.relative_to(self.config.var_dir))] = path.read_bytes()
        return places | self.everything_handed_out()

    def everything_handed_out(self) -> dict[str, bytes]:
        gauges = metrics.Gauges(self.database, self.spool, self.clock)
        with reading(self.database) as session:
            taken = list(export.rows(session, self.rulebook, true(), self.clock(), (lambda _: "", "x")))
            dead = [row.text for row in outbox.dead_letters(session)]
            taught = corrections.corrections(session)
            shown = transcript(session, "zalo", USER, self.vault)
        return {
            "metrics": generate_latest(metrics.registry(gauges)) + generate_latest(),
            "export": repr(taken).encode(),
            "dead letters": repr(dead).encode(),
            "corrections": repr(taught).encode(),
            "conversation": json.dumps(shown, ensure_ascii=False).encode(),
        }


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    config = load_config({"TIEPDAN_DEMO": "1", "VAR_DIR": str(tmp_path / "var")}, Path("/nonexistent"))
    file = tmp_path / "test.db"
    database, vault, clock = open_database(f"sqlite:///{file}"), Vault(config.data_keys), Clock()
    migrate(database)
    with transaction(database) as session:
        add_units(session)
    spool, rasa = Spool(config.var_dir / "spool", vault), FakeRasa(answer)
    app = create_app(config, database, build_channels(config, database, vault, clock), spool, clock)
    yield House(config, database, spool, vault, app.test_client(), load_rulebook(), rasa, clock, file)
    rasa.close()
    database.engine.dispose()


def places_with(words: str, places: Mapping[str, bytes]) -> list[str]:
    """Also as JSON and Python write what is not ASCII."""
    forms = {words.encode(), json.dumps(words)[1:-1].encode(), words.encode("utf-16-le"), ascii(words)[1:-1].encode()}
    return sorted(name for name, held in places.items() if any(form in held for form in forms))


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
    house.file.rename(house.file.with_name("away"))
    house.database.engine.dispose()
    house.file.mkdir()  # no database can be opened there
    house.post(DENUNCIATION, 1)
    assert not house.spool.is_empty()
    waiting = {path.name: path.read_bytes() for path in (house.config.var_dir / "spool").iterdir()}
    assert places_with(NAME, waiting) == [] and waiting
    house.file.rmdir()
    house.file.with_name("away").rename(house.file)
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
