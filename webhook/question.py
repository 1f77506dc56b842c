"""What Rasa is asked in a turn: the words, how they stand to what was offered, the state; called by converse."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cases.answers import NO, YES, plain
from cases.codes import fold
from cases.masking import mask
from cases.model import Case
from cases.queries import recently_filed, recently_resolved
from cases.workflow import OPEN, Status
from core.model import Conversation, Turn
from core.sealed import Words, words_of
from core.vault import SealBrokenError, Vault
from webhook.options import Tap, tap_of

RESUMED_AFTER = timedelta(minutes=30)  # a draft left alone this long is brought to mind again
DROPPED_AFTER = timedelta(hours=24)  # and after this long it is let go
LONGEST_CALL = 8  # words
_REFUSES = re.compile(r"^khong\b(?:\W+\w+){0,4}$")  # "không cần lưu tên"
# "Đồng ý nhưng giấu tên nhé", "ok, nhanh lên"; what is longer may tell of something.
_AGREES = re.compile(r"^(?:dong y\b(?:\W+\w+){0,10}|(?:ok|duoc|vang)\b(?:\W+\w+){0,4})$")
_WHO = re.compile(r"^(?:toi|em|minh|chau|con|bac|co|chu|anh|chi|ba|ong) (?:co )?")
_CALLS_REPORT = re.compile(r"\b(?:phan anh|gui|ghi nhan|bao giup|bao ho)\b(?!.*\b(?:to cao|khieu nai)\b)")


@dataclass(frozen=True)
class ClaimedTurn:
    """A leased turn with all that is needed to ask Rasa while no session is open."""

    id: int
    conversation_id: int
    channel: str
    user_id: str = field(repr=False)
    question: Mapping[str, Any]
    words: str  # of all members, without numbers of people
    phone: str | None
    papers: bool  # numbers of identity papers or cards were typed
    choice: str | None
    for_case: bool
    silent: bool


def snapshot(session: Session, turn: Turn, vault: Vault, now: datetime, silence: timedelta) -> ClaimedTurn:
    """The turn as it stands now, with what Rasa is asked."""
    conversation = session.get_one(Conversation, turn.conversation_id)
    members = list(turn.members)
    told = [words_of(vault, member) for member in members]
    tap = tap_of(conversation, told[0]) if len(told) == 1 else None
    masked = mask("\n".join(words.text for words in told if words.text))
    shared = [phone for words in told if words.kind == "other" for phone in mask(words.payload or "").phones]
    phones = [*masked.phones, *shared]
    tap = tap or _of_the_two(conversation, masked.text)
    facts = {
        "resolved": recently_resolved(session, conversation.id, now),
        "fresh": recently_filed(session, conversation.id, now),
    }
    question = _question(turn, told, tap, masked.text, facts | _state(session, conversation, now))
    held = _held(conversation, tap, masked.text, vault)
    if held:
        question |= {"text": held, "payload": None}
        question["metadata"] |= {"meant": "report", "tapped": False, "wordless": False}
    return ClaimedTurn(
        id=turn.id,
        conversation_id=turn.conversation_id,
        channel=conversation.channel,
        user_id=conversation.user_id,
        question=question,
        words=masked.text,
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


def _of_the_two(conversation: Conversation, text: str) -> Tap | None:
    """A yes or a no to a question with two buttons, one for each ("Đồng ý", "Không"): the button that says the same."""
    words = _WHO.sub("", plain(text))
    chosen = next((kind for kind in (YES, NO) if words in kind), None)
    if chosen is None and _REFUSES.match(words):
        chosen = NO
    elif chosen is None and _AGREES.match(words):
        chosen = YES
    if (
        chosen is None
        or len(conversation.options) != 2
        or conversation.state.get("loop")
        or _CALLS_REPORT.search(words)
    ):
        return None
    fitting = [option for option in conversation.options if plain(option["title"].partition(",")[0]) in chosen]
    return Tap(fitting[0]["payload"], fitting[0]["title"]) if len(fitting) == 1 else None


def _held(conversation: Conversation, tap: Tap | None, text: str, vault: Vault) -> str | None:
    """The words the citizen now calls an ordinary report, after we asked whether they are a petition."""
    if conversation.held is None:
        return None
    words = fold(text)
    said = tap is None and len(words.split()) <= LONGEST_CALL and _CALLS_REPORT.search(words) is not None
    if not (said or (tap is not None and tap.payload == "/report")):
        return None
    try:
        return vault.unseal(conversation.held)
    except SealBrokenError:
        return None


def let_go(session: Session, now: datetime) -> None:
    """What nobody has called a report within a day is not kept (Luật Tố cáo Art. 8, 9)."""
    old = (Conversation.held.is_not(None), Conversation.last_inbound_at < now - DROPPED_AFTER)
    session.execute(update(Conversation).where(*old).values(held=None))


def _state(session: Session, conversation: Conversation, now: datetime) -> dict[str, Any]:
    """The dialogue state; a draft left alone is resumed within a day and let go after."""
    state = dict(conversation.state)
    last = select(func.max(Turn.finished_at)).where(Turn.conversation_id == conversation.id)
    finished = session.scalar(last)
    idle = now - finished if finished else timedelta()
    if idle > (DROPPED_AFTER if state.get("loop") else RESUMED_AFTER):  # without a loop: told, but not wanted filed
        state |= {"slots": {}, "loop": None}
    return {"state": state, "resumed": bool(state.get("loop")) and idle > RESUMED_AFTER}


def _question(turn: Turn, told: list[Words], tap: Tap | None, text: str, facts: dict[str, Any]) -> dict[str, Any]:
    """What Rasa gets: no phone number, no platform id; words as typed, or the payload of a chosen button."""
    conversation, members = turn.conversation, turn.members
    payload = _payload(told, tap, text)
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


def _payload(told: list[Words], tap: Tap | None, text: str) -> str | None:
    if tap is not None:
        return tap.payload or "/inform"
    if told[0].kind == "start":
        return "/greet"
    if any(words.payload == "user_withdraw" for words in told):  # Zalo: a person asks to be forgotten
        return '/privacy_request{"wish": "delete"}'
    # A photo, a pin or a sticker without words: the form reads it from the metadata.
    return None if text.strip() else "/inform"
