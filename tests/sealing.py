"""The real gateway and worker over one file, and a search through every place that keeps anything; for harm tests."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from prometheus_client import generate_latest
from sqlalchemy import true

from cases import corrections, export
from cases.rulebook import Rulebook, load_rulebook
from cases.transcript import transcript
from core import outbox
from core.config import Config, load_config
from core.db import Database, open_database, reading, transaction
from core.spool import Spool
from core.vault import Vault
from tests.fakes import Reply, sign_zalo
from tests.support import Clock, FakeChannel, FakeRasa, add_units, migrate
from webhook import metrics
from webhook.app import create_app
from webhook.channels import build_channels
from webhook.converse import Converser
from webhook.deliver import Deliverer
from webhook.rasa_client import RasaClient

USER = "6093184725501938472"


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
        self.post_event("user_send_text", number, user, message={"text": text, "msg_id": f"m{number}"})

    def post_event(self, name: str, number: int, user: str = USER, **values: Any) -> None:
        zalo = self.config.zalo
        assert zalo is not None
        body = {
            "app_id": zalo.app_id,
            "sender": {"id": user},
            "recipient": {"id": zalo.oa_id},
            "event_name": name,
            "timestamp": str(int(self.clock().timestamp() * 1000) + number),
            **values,
        }
        raw = json.dumps(body, ensure_ascii=False).encode()
        headers = sign_zalo(raw, zalo.oa_secret_keys[0], zalo.app_id)
        assert self.client.post("/webhooks/zalo", data=raw, headers=headers).status_code == 200

    @contextmanager
    def database_away(self) -> Iterator[None]:
        """Nothing can be opened meanwhile; it comes back in one step, or who asks in between makes an empty one."""
        home, away = self.file.parent, self.file.parent.with_name("away")
        self.database.engine.dispose()
        home.rename(away)
        yield
        away.rename(home)

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


@contextmanager
def open_house(tmp_path: Path, answer: Callable[[Mapping[str, Any]], Reply]) -> Iterator[House]:
    config = load_config({"TIEPDAN_DEMO": "1", "VAR_DIR": str(tmp_path / "var")}, Path("/nonexistent"))
    file = tmp_path / "store" / "test.db"
    file.parent.mkdir()
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
