"""The message path in a test's hands: a worker over one database; fixture `house` in tests/conftest.py."""

import logging
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, select

from cases import service
from cases.model import Case, CaseEvent, Officer
from cases.queries import messages_of
from cases.rulebook import Rulebook
from cases.service import Draft, open_case
from core import arrivals
from core.db import Database, reading, transaction
from core.events import InboundEvent
from core.log import JsonFormatter
from core.model import Conversation, Inbound, Outbound, Turn
from core.vault import Vault
from tests.support import DONG_DA, KIM_LIEN, Clock, FakeChannel, FakeRasa, said
from webhook.converse import Converser
from webhook.deliver import Deliverer
from webhook.rasa_client import RasaClient

TURN = "host:0/turn-0"
SEND = "host:0/send-0"
NAME, NUMBER, USER = "Bà Hồng", "0912345678", "6093184725501938472"
PERSONAL = (NAME, NUMBER, "912 345", USER, "Chùa Bộc", "trợ lý bí mật")
FORM = {"v": 1, "slots": {"description": "x"}, "loop": "report_form"}


@dataclass
class House:
    """A worker over one database, with a scripted Rasa, a channel that remembers, and a clock of the test."""

    database: Database
    rulebook: Rulebook
    rasa: FakeRasa
    clock: Clock
    channel: FakeChannel = field(default_factory=FakeChannel)
    vault: Vault = field(default_factory=lambda: Vault(["test-key"]))

    @property
    def converser(self) -> Converser:
        return Converser(self.database, self.rulebook, RasaClient([self.rasa.url], 2.0), self.vault, self.clock)

    @property
    def deliverer(self) -> Deliverer:
        return Deliverer(self.database, {"zalo": self.channel}, self.clock)

    def hear(self, *events: InboundEvent) -> None:
        """What the gateway does, in its one transaction."""
        with transaction(self.database) as session:
            for event in events:
                arrivals.accept(session, [event], self.clock(), self.vault)

    def say(self, text: str = "", **values: Any) -> None:
        """A message of the citizen, one second after the one before."""
        self.clock.advance(seconds=1)
        self.hear(said(text, at=self.clock(), **{"user": USER, **values}))

    def work(self) -> str:
        """What is not done yet: "turn", "message" or nothing."""
        with reading(self.database) as session:
            waiting = select(Inbound.id).outerjoin(Turn).where(Inbound.turn_id.is_(None) | (Turn.status == "open"))
            if session.scalar(waiting.limit(1)) is not None:
                return "turn"
            unsent = session.scalar(select(Outbound.id).where(Outbound.status == "waiting").limit(1))
            return "message" if unsent is not None else ""

    def settle(self, worker: str = "host:0", *, patience: int = 120) -> None:
        """Work until nothing waits; when nothing is due, let a second pass."""
        for _ in range(patience):
            work = self.work()
            if not work:
                return
            step = self.converser.step if work == "turn" else self.deliverer.step
            if not step(f"{worker}/{work}"):
                self.clock.advance(seconds=1)
        raise AssertionError(f"still not done: {self.work()}")

    def talk(self, text: str = "", **values: Any) -> None:
        self.say(text, **values)
        self.settle()

    def rows(self, query: Select[tuple[Any]]) -> list[Any]:
        with reading(self.database) as session:
            found = list(session.scalars(query))
            session.expunge_all()  # so that they can be looked at when the session is gone
            return found

    def conversation(self, user: str = USER) -> Conversation:
        found: Conversation = self.rows(select(Conversation).where(Conversation.user_id == user))[0]
        return found

    def turns(self) -> list[Turn]:
        return self.rows(select(Turn).order_by(Turn.id))

    def texts_kept(self) -> list[str]:
        return self.rows(select(Inbound.text).order_by(Inbound.sent_at, Inbound.id))

    def read_by_officers(self, user: str = USER) -> list[str]:
        """What the desk shows of the citizen's words."""
        with reading(self.database) as session:
            lines = messages_of(session, self.conversation(user).id, self.vault)
        return [line.text for line in lines if line.author == "citizen"]

    def outbounds(self) -> list[Outbound]:
        return self.rows(select(Outbound).order_by(Outbound.id))

    def case(self) -> Case:
        [found] = self.rows(select(Case))
        assert isinstance(found, Case)
        return found

    def events(self) -> list[str]:
        return self.rows(select(CaseEvent.kind).order_by(CaseEvent.id))

    def file(self) -> str:
        """A case of this citizen, as the action server would open it; returns its code."""
        with transaction(self.database) as session:
            conversation = arrivals.get_conversation(session, "zalo", USER, self.clock())
            draft = Draft(conversation.id, "waste", "Rác ở ngõ 12 Chùa Bộc", ward_id=KIM_LIEN, area_id=DONG_DA)
            return open_case(session, self.rulebook, draft, "turn:0:0", self.clock()).code

    def officer_asks(self, text: str = "Số nhà nào ạ?") -> None:
        with transaction(self.database) as session:
            officer = session.scalars(select(Officer)).one()
            case = session.scalars(select(Case)).one()
            service.ask(session, self.rulebook, case, officer, text, self.clock())


def personal_in(records: list[logging.LogRecord]) -> list[str]:
    """Personal words that would reach a log file, or that a record carries in any of its fields."""
    written = "\n".join(JsonFormatter().format(record) + repr(vars(record)) for record in records)
    return [word for word in PERSONAL if word in written]
