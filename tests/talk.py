"""Citizens who talk with the bot through the worker and the real actions: messages in, rows and replies out.

Rasa's part is tests/dialogue.py: a test says with each message what the classifiers make of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.model import Case, Officer
from cases.rulebook import Rulebook
from cases.service import Draft, open_case, resolve
from core import arrivals
from core.db import Database, reading, transaction
from core.model import Attachment, Conversation, Inbound, Outbound, Turn
from core.vault import Vault
from tests.dialogue import Dialogue, Heard
from tests.support import DONG_DA, KIM_LIEN, Clock, FakeRasa, Filed, said
from webhook.converse import Converser
from webhook.rasa_client import RasaClient


@dataclass
class Talk(Filed):
    """Citizens, the worker and the officer of Kim Liên over one database; `user` is the citizen who talks."""

    database: Database
    rulebook: Rulebook
    clock: Clock
    folder: Path
    user: str = "u1"
    dialogue: Dialogue = field(init=False)
    rasa: FakeRasa = field(init=False)
    messages: int = 0
    before: dict[int, tuple[Any, Any, bool]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dialogue = Dialogue(self.database, self.clock, self.folder)
        self.rasa = FakeRasa(self.dialogue.answer)

    @property
    def vault(self) -> Vault:
        return Vault(self.dialogue.context.config.data_keys)

    @property
    def converser(self) -> Converser:
        return Converser(self.database, self.rulebook, RasaClient([self.rasa.url], 5.0), self.vault, self.clock)

    def file(self, user: str = "u1", category: str = "waste", text: str = "Rác chất đống ba ngày") -> str:
        """A case of this citizen at Kim Liên, filed a minute later than the one before; returns the code."""
        self.clock.advance(minutes=1)
        with transaction(self.database) as session:
            conversation = arrivals.get_conversation(session, "zalo", user, self.clock())
            draft = Draft(conversation.id, category, text, "ngõ 12 Chùa Bộc", KIM_LIEN, DONG_DA)
            return open_case(session, self.rulebook, draft, f"filed:{self.clock()}", self.clock()).code

    def act(self, code: str, move: Callable[[Session, Case, Officer], object]) -> None:
        """What the officer of Kim Liên does, a minute later."""
        self.clock.advance(minutes=1)
        with transaction(self.database) as session:
            officer = session.scalars(select(Officer).where(Officer.username == "kimlien")).one()
            move(session, session.scalars(select(Case).where(Case.code == code)).one(), officer)

    def resolve(self, code: str, text: str = "Đã dọn xong lúc 16 giờ") -> None:
        self.act(code, lambda session, case, by: resolve(session, self.rulebook, case, by, text, self.clock()))

    def say(
        self,
        text: str = "",
        intent: str = "nlu_fallback",
        *,
        confidence: float = 0.9,
        category: str = "waste",
        sure: float = 0.3,
        runner_up: tuple[str, float] | None = None,
        asks: str = "",
        photos: int = 0,
        **values: Any,
    ) -> list[str]:
        """One message and the bot's replies to it; `intent` and `category` are the classifier's."""
        self.dialogue.heard = Heard(intent, confidence, category, sure, runner_up, asks)
        self.hear(text, photos=photos, **values)
        found = self._conversations()
        self.before = {row.id: (row.state, row.options, row.officer_spoke) for row in found}
        return self.work()

    def hear(self, text: str = "", *, photos: int = 0, **values: Any) -> None:
        """A message arrives and waits for the worker."""
        self.clock.advance(seconds=1)
        self.messages += 1
        kind = "media" if photos else "text"
        event = said(text, at=self.clock(), **{"user": self.user, "kind": kind, **values})
        with transaction(self.database) as session:
            arrivals.accept(session, [event], self.clock(), self.vault)
            row = session.scalars(select(Inbound).where(Inbound.external_id == event.external_id)).one()
            for _ in range(photos):
                photo = Attachment(inbound_id=row.id, kind="image", url="http://127.0.0.1/p", next_at=self.clock())
                session.add(photo)

    def work(self) -> list[str]:
        """Take every waiting turn; the texts it enqueued."""
        before = len(self.told())
        for _ in range(20):
            if not self.converser.step("host:0/turn-0"):
                break
        return self.told()[before:]

    def tap(self, title: str) -> list[str]:
        """The button of this title among those offered last, as Zalo sends it: its payload as text."""
        option = next(option for option in self.conversation().options if option["title"] == title)
        return self.say(option["token"])

    def conversation(self, user: str | None = None) -> Conversation:
        with reading(self.database) as session:
            query = select(Conversation).where(Conversation.user_id == (user or self.user))
            found = session.scalars(query).one()
            session.expunge_all()
            return found

    def titles(self) -> list[str]:
        return [option["title"] for option in self.conversation().options]

    def told(self, user: str | None = None) -> list[str]:
        with reading(self.database) as session:
            mine = Conversation.user_id == (user or self.user)
            query = select(Outbound.text).join(Conversation, Conversation.id == Outbound.conversation_id)
            return list(session.scalars(query.where(mine).order_by(Outbound.id)))

    def cases(self) -> int:
        with reading(self.database) as session:
            return len(session.scalars(select(Case.id)).all())

    def again(self) -> bool:
        """The worker died when the actions had done their work: the last turn once more. Was the answer the same?"""
        with transaction(self.database) as session:
            turn = session.scalars(select(Turn).order_by(Turn.id.desc())).first()
            assert turn is not None
            turn.status, turn.leased_until, turn.next_at, turn.finished_at = "open", None, self.clock(), None
            row = session.get_one(Conversation, turn.conversation_id)
            row.state, row.options, row.officer_spoke = self.before[row.id]
        told, answers = self.told(), len(self.dialogue.answers)
        self.work()
        assert len(self.dialogue.answers) == answers + 1
        return self.told() == told and self.dialogue.answers[-1] == self.dialogue.answers[-2]

    def _conversations(self) -> list[Conversation]:
        with reading(self.database) as session:
            found = list(session.scalars(select(Conversation)))
            session.expunge_all()
            return found
