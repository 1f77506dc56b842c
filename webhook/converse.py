"""One turn from claim to replies, through Rasa or to the case an officer asked about; called by the worker."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError
from sqlalchemy.orm import Session

from cases.attention import call_attention
from cases.in_force import RulebookInForce
from cases.masking import mask, without_papers
from cases.model import Case
from cases.queries import recently_filed, recently_resolved
from cases.rulebook import Rulebook
from cases.service import add_information, citizen_answered
from cases.workflow import OPEN, Status
from core import inbox, metrics, outbox
from core.db import Database, reading, transaction
from core.model import Conversation, Inbound, Turn
from core.vault import Vault
from webhook.options import Tap, offer, stands_alone, tap_of
from webhook.rasa_client import Answer, RasaAwayError, RasaClient, RasaFailedError
from webhook.typing import Typing

log = logging.getLogger(__name__)

MOST_FAILURES = 4
PATIENCE = timedelta(minutes=15)  # how long Rasa may be away before the citizen gets an apology instead
LONGEST_WAIT = timedelta(seconds=5)
RESUMED_AFTER = timedelta(minutes=30)  # a draft left alone this long is brought to mind again
DROPPED_AFTER = timedelta(hours=24)  # and after this long it is let go
SILENCE = timedelta(minutes=30)  # after a person wrote in the platform's own inbox
FORGOTTEN = "[nội dung đã được xoá theo quy định về tố cáo, khiếu nại]"


@dataclass(frozen=True)
class ClaimedTurn:
    """A leased turn with all that is needed to ask Rasa while no session is open."""

    id: int
    conversation_id: int
    channel: str
    user_id: str = field(repr=False)
    question: Mapping[str, Any]
    phone: str | None
    papers: bool  # numbers of identity papers or cards were typed
    choice: str | None
    for_case: bool
    silent: bool


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
    typing: Typing = field(default_factory=lambda: Typing({}))

    @cached_property
    def in_force(self) -> RulebookInForce:
        return RulebookInForce(self.rulebook)

    def step(self, worker: str) -> bool:
        """Take and finish one turn; False when there was none."""
        with transaction(self.database) as session:
            turn = inbox.claim(session, worker, self.clock(), stands_alone, self.settle)
            turn_id = None if turn is None else turn.id
        if turn_id is None:
            return False
        try:
            self._take_or_fail(turn_id, worker)
        except inbox.LeaseLostError:
            log.warning("lease lost", extra={"turn_id": turn_id, "outcome": "lease_lost"})
        return True

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
            claimed = _snapshot(session, session.get_one(Turn, turn_id), self.clock(), self.silence)
        if claimed.silent:
            self._stay_silent(claimed, worker)
            return
        if claimed.for_case:
            self._give_to_case(claimed, worker)
            return
        try:
            with self.typing.while_slow(claimed.channel, claimed.user_id):
                answer = self.rasa.turn(claimed.question)
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
            self._keep_phone(turn, claimed)
            inbox.finish(turn, now, "person_answers")
        log.info("bot stays silent", extra={"turn_id": claimed.id, "outcome": "done"})

    def _keep_phone(self, turn: Turn, claimed: ClaimedTurn) -> None:
        if claimed.phone:
            turn.conversation.phone = self.vault.seal(claimed.phone)
            turn.conversation.phone_hash = self.vault.fingerprint(claimed.phone)
        _drop_contact_cards(turn)
        _blank_papers(turn)

    def _give_to_case(self, claimed: ClaimedTurn, worker: str) -> None:
        now = self.clock()
        with transaction(self.database) as session:
            turn = inbox.held(session, claimed.id, worker)
            if turn.conversation.awaiting_case_id is None:  # the officer is done meanwhile: the bot takes it at once
                inbox.fail(turn, now, now, counts=False)
                return
            case = session.get_one(Case, turn.conversation.awaiting_case_id)
            citizen_answered(session, self.in_force.at(session), case, turn.id, now)
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
                )
            if answer.forget:
                _forget(turn)
            _drop_contact_cards(turn)
            _blank_papers(turn)
            if claimed.choice:
                turn.members[0].choice = claimed.choice[:120]
            inbox.finish(turn, now, answer.intent)
        metrics.TURNS.labels("answered").inc()
        log.info("turn answered", extra={"turn_id": claimed.id, "count": len(answer.replies), "outcome": "done"})

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


def _snapshot(session: Session, turn: Turn, now: datetime, silence: timedelta) -> ClaimedTurn:
    conversation = session.get_one(Conversation, turn.conversation_id)
    members = list(turn.members)
    tap = tap_of(conversation, members[0]) if len(members) == 1 else None
    masked = mask("\n".join(member.text for member in members if member.text))
    shared = [phone for member in members if member.kind == "other" for phone in mask(member.payload or "").phones]
    phones = [*masked.phones, *shared]
    facts = {
        "resolved": recently_resolved(session, conversation.id, now),
        "fresh": recently_filed(session, conversation.id, now),
    }
    return ClaimedTurn(
        id=turn.id,
        conversation_id=turn.conversation_id,
        channel=conversation.channel,
        user_id=conversation.user_id,
        question=_question(turn, members, tap, masked.text, facts | _state(session, conversation, now)),
        phone=phones[-1] if phones else None,
        papers=masked.had_id or masked.had_card,
        choice=tap.title if tap else None,
        # A tap, or opening the conversation anew, is a wish of its own and no answer to an officer.
        for_case=tap is None and members[0].kind != "start" and _officer_waits(session, conversation, now),
        silent=conversation.human_at is not None and now - conversation.human_at < silence,
    )


def _officer_waits(session: Session, conversation: Conversation, now: datetime) -> bool:
    """An officer asked about a case, or has just been answered, and the bot has asked nothing since."""
    if conversation.awaiting_case_id is None or (conversation.state.get("loop") and not conversation.officer_spoke):
        return False
    if conversation.awaiting_until is not None and conversation.awaiting_until < now:
        return False
    case = session.get(Case, conversation.awaiting_case_id)
    return case is not None and Status(case.status) in OPEN


def _filed_from(session: Session, conversation: Conversation) -> Case | None:
    """The case that was already made from the draft in the conversation's state."""
    draft = (conversation.state.get("slots") or {}).get("draft") or {}
    query = select(Case).where(Case.source == f"turn:{draft.get('began')}:{draft.get('ordinal', 0)}")
    return session.scalars(query.where(Case.conversation_id == conversation.id)).first()


def _state(session: Session, conversation: Conversation, now: datetime) -> dict[str, Any]:
    """The dialogue state; a draft left alone is resumed within a day and let go after."""
    state = dict(conversation.state)
    last = select(func.max(Turn.finished_at)).where(Turn.conversation_id == conversation.id)
    finished = session.scalar(last)
    idle = now - finished if finished else timedelta()
    if state.get("loop") and idle > DROPPED_AFTER:
        state |= {"slots": {}, "loop": None}
    return {"state": state, "resumed": bool(state.get("loop")) and idle > RESUMED_AFTER}


def _question(turn: Turn, members: list[Inbound], tap: Tap | None, text: str, facts: dict[str, Any]) -> dict[str, Any]:
    """What Rasa gets: no phone number, no platform id; words as typed, or the payload of a chosen button."""
    conversation = turn.conversation
    payload = _payload(members, tap, text)
    pins = [member.location for member in members if member.location]
    return {
        "turn_id": str(turn.id),
        "text": None if payload else text,
        "payload": payload,
        "state": facts["state"],
        "metadata": {
            "turn_id": turn.id,
            "conversation_id": conversation.id,
            "channel": conversation.channel,
            "tapped": tap is not None and tap.payload is not None,
            "stale": tap is not None and tap.payload is None,
            "wordless": payload is not None,
            "interrupted": conversation.officer_spoke,
            **{name: facts[name] for name in ("resolved", "fresh", "resumed")},
            "sticker": any(member.kind in {"sticker", "other"} for member in members),
            "media": sum(len(member.attachments) for member in members),
            "location": pins[-1] if pins else None,
        },
    }


def _payload(members: list[Inbound], tap: Tap | None, text: str) -> str | None:
    if tap is not None:
        return tap.payload or "/inform"
    if members[0].kind == "start":
        return "/greet"
    if any(member.payload == "user_withdraw" for member in members):  # Zalo: a person asks to be forgotten
        return "/privacy_request"
    # A photo, a pin or a sticker without words: the form reads it from the metadata.
    return None if text.strip() else "/inform"


def _drop_contact_cards(turn: Turn) -> None:
    """A shared contact card or form gave us its phone number, which is sealed now; the rest of it is not kept."""
    for member in turn.members:
        if member.kind == "other":
            member.payload = None


def _blank_papers(turn: Turn) -> None:
    """Numbers of identity papers and bank cards are not kept: nobody here needs them to work a case."""
    for member in turn.members:
        blanked = without_papers(member.text)
        if blanked != member.text:
            member.text = blanked


def _forget(turn: Turn) -> None:
    """What was told of a denunciation or petition is not kept (Luật Tố cáo Art. 8, 9)."""
    for member in turn.members:
        member.text = FORGOTTEN if member.text else ""
        member.payload = member.location = member.original = None
        for attachment in member.attachments:
            attachment.url, attachment.status, attachment.error = "", "failed", "forgotten"
