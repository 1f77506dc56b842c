"""One turn of the dialogue as a function: (state, message) -> (replies, new state); called by `bot.channel`.

Nothing is kept: the tracker is rebuilt from the state, lives for the turn, and is never given to a tracker store.
Rasa's own loop goes on after a failed action, with the slots already moved; the loop here lets the failure through, so
that a failed turn leaves nothing behind and can be taken again.
"""

import copy
import functools
import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Text, Tuple

from rasa.core.actions.action import Action, ActionExecutionRejection
from rasa.core.agent import Agent
from rasa.core.channels.channel import OutputChannel, UserMessage
from rasa.core.policies.policy import PolicyPrediction
from rasa.core.processor import MessageProcessor
from rasa.shared.core.constants import ACTION_LISTEN_NAME, REQUESTED_SLOT, SESSION_START_METADATA_SLOT
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActionExecutionRejected, ActiveLoop, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.core.training_data.story_reader.yaml_story_reader import YAMLStoryReader
from rasa.shared.nlu.training_data.message import Message

from bot.matters import Read, complaint_beside, complaint_in, matters_of, question_beside

STATE_VERSION = 1
NOTICE_VERSION = "2026-11-28"  # a new one when the wording of utter_notice changes: everybody is told again
NOTICE = "utter_notice"
CHANNEL = "turn"
MAX_PARSED_CHARS = 10_000
SURE_ABOUT_A_CASE = 0.50

_COMMAND_START = re.compile(r"^[\s/]+")
_PAYLOAD = re.compile(r"/(?P<intent>\w+)(?:\{.*\})?", re.DOTALL)


class MalformedTurn(ValueError):
    """The request cannot be a turn; trying again will not help."""


class ActionFailed(Exception):
    """An action or a validation broke; the turn left nothing behind and may be tried again."""


class ActionsUnavailable(ActionFailed):
    """The action server did not answer; try again later."""


class NothingToSay(ActionFailed):
    """The dialogue ended without a reply, which is a fault of its rules: silence would look like a lost message."""


@dataclass(frozen=True)
class Turn:
    """A message with the state it meets: exactly one of `text` (a person typed it) and `payload` (we chose it)."""

    turn_id: Text
    text: Optional[Text]
    payload: Optional[Text]
    slots: Optional[Dict[Text, Any]]  # None: the first turn of a conversation
    loop: Optional[Text] = None
    noticed: Optional[Text] = None
    missed: int = 0  # how many turns in a row were not understood
    metadata: Dict[Text, Any] = field(default_factory=dict)


class TurnOutput(OutputChannel):
    """Collects the replies of one turn, one per answer, buttons and picture included."""

    def __init__(self) -> None:
        self.replies: List[Dict[Text, Any]] = []

    @classmethod
    def name(cls) -> Text:
        return CHANNEL

    async def send_response(self, recipient_id: Text, message: Dict[Text, Any]) -> None:
        reply = reply_from(message)
        if reply:
            self.replies.append(reply)


async def take(agent: Agent, turn: Turn) -> Dict[Text, Any]:
    """Answers the turn: `{"replies": [...], "state": {...}, "understood": {...}}`; raises one of the errors above."""
    processor = agent.processor
    parse_data = _understand(processor, turn)
    tracker, output = _rebuilt_tracker(processor.domain, turn), TurnOutput()
    metadata = {**turn.metadata, "missed": turn.missed, "noticed": turn.noticed is not None}
    message = UserMessage("", output, turn.turn_id, parse_data, CHANNEL, turn.turn_id, metadata)
    message.text = parse_data["text"]  # as written: the constructor would strip it
    await processor._handle_message_with_tracker(message, tracker)
    await processor.run_action_extract_slots(output, tracker)
    await _run_actions(processor, tracker, output)
    if not output.replies:
        raise NothingToSay(turn.turn_id)
    understood = _understood(parse_data)
    return {
        "replies": await _with_notice(processor, tracker, turn, output.replies, understood["intent"]),
        "state": {**_state_of(tracker), "missed": turn.missed + 1 if _missed(output.replies) else 0},
        "understood": understood,
    }


def reply_from(message: Dict[Text, Any]) -> Dict[Text, Any]:
    """The parts of a Rasa answer a reply may have; empty when there is nothing to show."""
    buttons = [
        {"title": button.get("title"), "payload": button.get("payload")}
        for button in (message.get("buttons") or []) + (message.get("quick_replies") or [])
    ]
    parts = {**{name: message.get(name) for name in ("text", "image", "custom")}, "buttons": buttons}
    return {name: value for name, value in parts.items() if value}


def _understand(processor: MessageProcessor, turn: Turn) -> Dict[Text, Any]:
    if turn.payload is not None:
        return _from_payload(turn.payload, processor.domain)
    meant = turn.metadata.get("meant")
    if meant is None and (turn.metadata.get("location") or turn.metadata.get("media")):
        data = _from_text(processor, turn.text or "", None)
        # "Alo" with a pin or a photo opens a report as the pin alone would.
        return {**data, "intent": {"name": "inform", "confidence": 1.0}} if _only_polite(data) else data
    return _from_text(processor, turn.text or "", meant if meant in processor.domain.intents else None)


def _only_polite(parse_data: Dict[Text, Any]) -> bool:
    """Says nothing but a greeting or a call for help ("xử lý giúp"), which is hardly about a case filed before."""
    intent, confidence = parse_data["intent"].get("name"), parse_data["intent"].get("confidence") or 0.0
    perhaps = intent in {"track_case", "dispute_result"} and confidence < SURE_ABOUT_A_CASE
    return perhaps or intent in {"greet", "thank", "help", "nlu_fallback"}


def _from_text(processor: MessageProcessor, text: Text, meant: Optional[Text]) -> Dict[Text, Any]:
    """What a person typed never becomes a command: whatever makes it look like one is taken off before parsing."""
    parsed = UserMessage(_COMMAND_START.sub("", text)[:MAX_PARSED_CHARS])
    tracker = DialogueStateTracker.from_events("parse", [])
    parse_data = processor._parse_message_with_graph(parsed, tracker)
    parse_data["text"] = text
    if meant is not None:  # the citizen has said since what these words are
        parse_data["intent"] = {"name": meant, "confidence": 1.0}

    @functools.cache
    def read(part: Text) -> Tuple[Text, Tuple[Tuple[Text, float], ...]]:
        data = processor._parse_message_with_graph(UserMessage(part), tracker)
        ranking = tuple((entry["name"], float(entry["confidence"])) for entry in data.get("category_ranking") or [])
        return data["intent"].get("name") or "", ranking

    intent = parse_data["intent"].get("name") or ""
    may_ask = intent == "report" or intent.startswith("faq_")
    asks, rest = question_beside(parsed.text, read) if may_ask else ("", "")
    beside = complaint_beside(parsed.text, read) if intent == "praise" else ()
    if asks and intent != "report":
        beside = complaint_in(rest, read)
    if beside:
        parse_data["intent"] = {"name": "report", "confidence": 1.0}
        parse_data["category_ranking"] = [{"name": name, "confidence": chance} for name, chance in beside]
        parse_data["category"] = parse_data["category_ranking"][0]
    if parse_data["intent"].get("name") == "report":
        parse_data["asks"] = asks
        parse_data["matters"] = _matters(rest or parsed.text, read)
    return parse_data


def _matters(text: Text, read: Read) -> List[Dict[Text, Any]]:
    """The things one message tells of, each read on its own; empty when it is one."""
    return [
        {"text": matter.text, "category_ranking": [list(entry) for entry in matter.ranking[:3]]}
        for matter in matters_of(text, read)
    ]


def _from_payload(payload: Text, domain: Domain) -> Dict[Text, Any]:
    match = _PAYLOAD.fullmatch(payload)
    if not match or match.group("intent") not in domain.intents:
        raise MalformedTurn("payload names no intent of the domain")
    message = YAMLStoryReader.unpack_regex_message(Message.build(payload), domain, CHANNEL)
    return {"entities": [], **message.as_dict(only_output_properties=True), "text": payload}


def _rebuilt_tracker(domain: Domain, turn: Turn) -> DialogueStateTracker:
    """A conversation that is waiting for an answer: its slots, its form, and nothing of what was said."""
    events: List[Event] = []
    known = {slot.name: slot for slot in domain.slots}
    if turn.slots is not None:
        events += [SlotSet(name, None) for name, slot in known.items() if slot.initial_value is not None]
        events += [SlotSet(name, copy.deepcopy(value)) for name, value in turn.slots.items() if name in known]
    if turn.loop in domain.form_names:
        events.append(ActiveLoop(turn.loop))
    elif REQUESTED_SLOT in known:
        events.append(SlotSet(REQUESTED_SLOT, None))  # the form it belonged to is gone since the last release
    events.append(ActionExecuted(ACTION_LISTEN_NAME))
    return DialogueStateTracker.from_events(turn.turn_id, events, domain.slots, domain=domain)


async def _run_actions(processor: MessageProcessor, tracker: DialogueStateTracker, output: TurnOutput) -> None:
    """Rasa's prediction loop, but a failed action ends the turn; so does a circle of rules, by Rasa's action limit."""
    while processor._should_handle_message(tracker):
        action, prediction = processor.predict_next_with_tracker_if_should(tracker)
        await _run_action(processor, tracker, output, action, prediction)
        if not processor.should_predict_another_action(action.name()):
            return


async def _run_action(
    processor: MessageProcessor,
    tracker: DialogueStateTracker,
    output: TurnOutput,
    action: Action,
    prediction: PolicyPrediction,
) -> None:
    try:
        attempt = tracker.copy()  # a rejected action must not leave the events of its prediction
        attempt.update_with_events(prediction.events, processor.domain)
        events = await action.run(output, processor.nlg, attempt, processor.domain)
    except ActionExecutionRejection:
        tracker.update(ActionExecutionRejected(action.name(), prediction.policy_name, prediction.max_confidence))
        return
    processor._log_action_on_tracker(tracker, action, events, prediction)
    if any(isinstance(event, UserUttered) for event in events):
        await processor.run_action_extract_slots(output, tracker)
    await processor._send_bot_messages(events, tracker, output)


async def _with_notice(
    processor: MessageProcessor,
    tracker: DialogueStateTracker,
    turn: Turn,
    replies: List[Dict[Text, Any]],
    intent: Optional[Text],
) -> List[Dict[Text, Any]]:
    """Says once who is answering and what becomes of people's words: before all else, but after emergency numbers."""
    if turn.noticed == NOTICE_VERSION:
        return replies
    link = str(turn.metadata.get("privacy_link") or "")
    notice = reply_from(await processor.nlg.generate(NOTICE, tracker, CHANNEL, privacy_link=link) or {})
    if not notice:
        raise NothingToSay(NOTICE)
    return [*replies, notice] if intent == "emergency" else [notice, *replies]


def _missed(replies: List[Dict[Text, Any]]) -> bool:
    """Whether an action says that it did not understand."""
    return any((reply.get("custom") or {}).get("missed") for reply in replies)


def _state_of(tracker: DialogueStateTracker) -> Dict[Text, Any]:
    slots = {
        name: value
        for name, value in tracker.current_slot_values().items()
        if value is not None and name != SESSION_START_METADATA_SLOT
    }
    return {"v": STATE_VERSION, "slots": slots, "loop": tracker.active_loop_name, "noticed": NOTICE_VERSION}


def _understood(parse_data: Dict[Text, Any]) -> Dict[Text, Any]:
    return {
        "intent": parse_data["intent"].get("name"),
        "confidence": parse_data["intent"].get("confidence"),
        "category": (parse_data.get("category") or {}).get("name"),
        "category_ranking": (parse_data.get("category_ranking") or [])[:3],
    }
