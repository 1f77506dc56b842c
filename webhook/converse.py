"""One turn from claim to replies, through Rasa or to the case an officer asked about; called by the worker."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError
from sqlalchemy.orm import Session

from cases.attention import call_attention
from cases.in_force import RulebookInForce
from cases.letters import document, load_letters
from cases.model import Case
from cases.rulebook import Rulebook
from cases.service import add_information, citizen_answered
from core import enclosure, inbox, metrics, outbox, sealed
from core.db import Database, reading, transaction
from core.model import Conversation, Inbound, Turn
from core.vault import SealBrokenError, Vault
from webhook import kept
from webhook.options import offer, stands_alone
from webhook.question import ClaimedTurn, snapshot
from webhook.rasa_client import Answer, RasaAwayError, RasaClient, RasaFailedError
from webhook.typing import Typing

log = logging.getLogger(__name__)

MOST_FAILURES = 4
PATIENCE = timedelta(minutes=15)  # how long Rasa may be away before the citizen gets an apology instead
LONGEST_WAIT = timedelta(seconds=5)
SILENCE = timedelta(minutes=30)  # after a person wrote in the platform's own inbox


@dataclass(frozen=True)
class Converser:
    """Takes turns, one call of `step` each; any number of threads and processes may share the work."""

    database: Database
    rulebook: Rulebook
    rasa: RasaClient
    vault: Vault
    clock: Callable[[], datetime]
    started: datetime | None = None  # when this worker began, if that matters
    silence: timedelta = SILENCE
    settle: timedelta = timedelta()  # how long free words wait for more of the same thought
    privacy_link: str = ""  # told once, with the notice of first contact
    outgoing: Path | None = None  # where files that go out lie
    typing: Typing = field(default_factory=lambda: Typing({}))

    @cached_property
    def in_force(self) -> RulebookInForce:
        return RulebookInForce(self.rulebook)

    def step(self, worker: str) -> bool:
        """Take and finish one turn; False when there was none."""
        with transaction(self.database) as session:
            turn = inbox.claim(session, worker, self.clock(), self._stands_alone, self.settle)
            turn_id = None if turn is None else turn.id
        if turn_id is None:
            return False
        try:
            self._take_or_fail(turn_id, worker)
        except inbox.LeaseLostError:
            log.warning("lease lost", extra={"turn_id": turn_id, "outcome": "lease_lost"})
        return True

    def _with_link(self, question: Mapping[str, Any]) -> dict[str, Any]:
        return {**question, "metadata": {**question["metadata"], "privacy_link": self.privacy_link}}

    def _stands_alone(self, conversation: Conversation, message: Inbound) -> bool:
        try:
            return stands_alone(conversation, sealed.words_of(self.vault, message))
        except SealBrokenError:
            return True  # nobody can read it: it fails by itself, and takes no other with it

    def _take_or_fail(self, turn_id: int, worker: str) -> None:
        """A message that breaks us counts as failed like any other, or it would come back for ever."""
        try:
            self._take(turn_id, worker)
        except (OperationalError, InterfaceError, TimeoutError, inbox.LeaseLostError):
            raise
        except Exception:
            log.exception("turn broke", extra={"turn_id": turn_id})
            self._failed(turn_id, worker, "unexpected", counts=True)

    def _take(self, turn_id: int, worker: str) -> None:
        with reading(self.database) as session:
            claimed = snapshot(session, session.get_one(Turn, turn_id), self.vault, self.clock(), self.silence)
        if claimed.silent:
            self._stay_silent(claimed, worker)
            return
        if claimed.for_case:
            self._give_to_case(claimed, worker)
            return
        try:
            with self.typing.while_slow(claimed.channel, claimed.user_id):
                answer = self.rasa.turn(self._with_link(claimed.question))
        except RasaAwayError:
            self._failed(turn_id, worker, "rasa_away", counts=False)
        except RasaFailedError:
            self._failed(turn_id, worker, "rasa_failed", counts=True)
        else:
            self._answered(claimed, worker, answer)

    def _stay_silent(self, claimed: ClaimedTurn, worker: str) -> None:
        """A person is answering in the platform's own inbox: the words are kept, on the case if one waits for them."""
        now = self.clock()
        with transaction(self.database) as session:
            turn = inbox.held(session, claimed.id, worker)
            if claimed.for_case and turn.conversation.awaiting_case_id is not None:
                case = session.get_one(Case, turn.conversation.awaiting_case_id)
                add_information(session, self.in_force.at(session), case, turn.id, now)
                kept.keep_plain(turn, self.vault)
            else:
                kept.keep_sealed(turn, self.vault)
            self._keep_phone(turn, claimed)
            inbox.finish(turn, now, "person_answers")
        log.info("bot stays silent", extra={"turn_id": claimed.id, "outcome": "done"})

    def _keep_phone(self, turn: Turn, claimed: ClaimedTurn) -> None:
        if claimed.phone:
            turn.conversation.phone = self.vault.seal(claimed.phone)
            turn.conversation.phone_hash = self.vault.fingerprint(claimed.phone)

    def _give_to_case(self, claimed: ClaimedTurn, worker: str) -> None:
        now = self.clock()
        with transaction(self.database) as session:
            turn = inbox.held(session, claimed.id, worker)
            if turn.conversation.awaiting_case_id is None:  # the officer is done meanwhile: the bot takes it at once
                inbox.fail(turn, now, now, counts=False)
                return
            case = session.get_one(Case, turn.conversation.awaiting_case_id)
            citizen_answered(session, self.in_force.at(session), case, turn.id, now, turn.conversation)
            kept.keep_plain(turn, self.vault)
            self._keep_phone(turn, claimed)
            inbox.finish(turn, now, "case_answer")
        metrics.TURNS.labels("given_to_case").inc()
        log.info("turn given to case", extra={"turn_id": claimed.id, "case_id": case.id, "outcome": "done"})

    def _answered(self, claimed: ClaimedTurn, worker: str, answer: Answer) -> None:
        """State, replies and the end of the turn are one fact: all three or none."""
        now = self.clock()
        buttons, options = offer(answer.replies, claimed.id)
        with transaction(self.database) as session:
            turn = inbox.held(session, claimed.id, worker)
            conversation = turn.conversation
            conversation.state = answer.state
            conversation.options = options
            conversation.officer_spoke = False
            if claimed.phone and not answer.forget:
                conversation.phone = self.vault.seal(claimed.phone)
                conversation.phone_hash = self.vault.fingerprint(claimed.phone)
            if claimed.papers:
                warning = self.rulebook.words.notices["papers_blanked"]
                outbox.enqueue(session, conversation.id, f"turn:{turn.id}:papers", warning, now, author="system")
            for number, reply in enumerate(answer.replies):
                key = f"turn:{turn.id}:{number}"
                text = str(reply["text"])
                outbox.enqueue(
                    session,
                    conversation.id,
                    key,
                    text,
                    now,
                    author="bot",
                    buttons=buttons[number],
                    case_id=answer.case_id,
                    attachment=self._letter(reply),
                )
            conversation.held = self.vault.seal(claimed.words) if answer.hold and claimed.words else None
            keep = kept.forget if answer.forget else kept.keep_plain
            keep(turn, self.vault)
            if claimed.choice:
                turn.members[0].choice = claimed.choice[:120]
            inbox.finish(turn, now, answer.intent)
        metrics.TURNS.labels("answered").inc()
        log.info("turn answered", extra={"turn_id": claimed.id, "count": len(answer.replies), "outcome": "done"})

    def _letter(self, reply: Mapping[str, Any]) -> dict[str, str] | None:
        """The empty letter a reply speaks of, as a file."""
        letter = load_letters().get(str((reply.get("custom") or {}).get("letter")))
        if letter is None or self.outgoing is None:
            return None
        return enclosure.keep(self.outgoing, document(letter.kind), letter.file_name, letter.stored_name)

    def _failed(self, turn_id: int, worker: str, reason: str, *, counts: bool) -> None:
        now = self.clock()
        with transaction(self.database) as session:
            turn = inbox.held(session, turn_id, worker)
            failures = turn.failures + int(counts)
            # After a long stop everybody waits since long ago: patience with Rasa begins when we began to ask it.
            waited = now - max(turn.created_at, self.started or turn.created_at)
            if failures < MOST_FAILURES and waited < PATIENCE:
                wait = min(timedelta(seconds=2 ** min(turn.attempts, 5) / 4), LONGEST_WAIT)
                inbox.fail(turn, now, now + wait, counts=counts)
            else:
                self._give_up(session, turn, now, counts=counts)
                inbox.fail(turn, now, None, counts=counts)
        metrics.TURNS.labels(reason).inc()
        log.warning("turn failed", extra={"turn_id": turn_id, "reason": reason, "attempt": failures})

    def _give_up(self, session: Session, turn: Turn, now: datetime, *, counts: bool) -> None:
        """An apology and a person; or the code, when the case was stored and only the telling failed."""
        conversation = turn.conversation
        filed = _filed_from(session, conversation)
        if filed is None:
            text = self.rulebook.words.notices["bot_failed"]
            call_attention(session, conversation.id, "bot_failed", now)
        else:
            text = self.rulebook.words.notices["filed_after_all"].format(code=filed.code, unit=filed.unit.name)
        key, case_id = f"turn:{turn.id}:sorry", filed.id if filed else None
        outbox.enqueue(session, conversation.id, key, text, now, author="system", case_id=case_id)
        if counts or filed:  # a state that breaks Rasa would break every later turn as well
            conversation.state, conversation.options = {}, []


def _filed_from(session: Session, conversation: Conversation) -> Case | None:
    """The case that was already made from the draft in the conversation's state."""
    draft = (conversation.state.get("slots") or {}).get("draft") or {}
    query = select(Case).where(Case.source == f"turn:{draft.get('began')}:{draft.get('ordinal', 0)}")
    return session.scalars(query.where(Case.conversation_id == conversation.id)).first()
