"""The HTTP door of the bot, `POST /webhooks/turn/`: the webhook's worker sends a turn, gets replies and the new state.

Named in bot/credentials.yml, loaded by Rasa. A sample request:

    {"turn_id": "t-81", "text": "rác chất đống ở ngõ 12", "payload": null, "state": {}, "metadata": {"conversation": 7}}

Answers 200 with replies, 400 when the request is malformed, 503 when the action server is away, 500 when an action
failed or nothing was said. Never 200 without a reply. Logs carry the turn id and the kind of error, never text.
"""

import logging
from typing import Any, Awaitable, Callable, Dict, Optional, Text

from rasa.core.agent import Agent
from rasa.core.channels.channel import InputChannel, UserMessage
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.turn import CHANNEL, STATE_VERSION, ActionsUnavailable, MalformedTurn, Turn, take

log = logging.getLogger("bot")

_MAX_ID = 200


class TurnChannel(InputChannel):
    """Rasa's extension point for channels, used as a function."""

    @classmethod
    def name(cls) -> Text:
        return CHANNEL

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        blueprint = Blueprint("turn_channel")
        blueprint.add_route(_health, "/", methods=["GET"])
        blueprint.add_route(_receive, "/", methods=["POST"])
        return blueprint


async def _health(request: Request) -> HTTPResponse:
    if _ready_agent(request) is None:
        return response.json({"status": "no_model"}, status=503)
    return response.json({"status": "ok"})


async def _receive(request: Request) -> HTTPResponse:
    agent = _ready_agent(request)
    if agent is None:
        return response.json({"error": "no_model"}, status=503)
    try:
        turn = parse_turn(request.json)
    except MalformedTurn as error:
        return response.json({"error": "malformed", "detail": str(error)}, status=400)
    return await _answer(agent, turn)


async def _answer(agent: Agent, turn: Turn) -> HTTPResponse:
    try:
        return response.json(await take(agent, turn))
    except MalformedTurn as error:
        return response.json({"error": "malformed", "detail": str(error)}, status=400)
    except ActionsUnavailable:
        log.warning("turn %s: action server unavailable", turn.turn_id)
        return response.json({"error": "actions_unavailable"}, status=503)
    except Exception as error:  # whatever broke, the turn can be taken again; an error's message may quote the person
        log.error("turn %s failed: %s", turn.turn_id, _kinds(error))
        return response.json({"error": "action_failed"}, status=500)


def _ready_agent(request: Request) -> Optional[Agent]:
    agent = getattr(request.app.ctx, "agent", None)
    return agent if agent is not None and agent.is_ready() else None


def _kinds(error: Optional[BaseException]) -> Text:
    kinds = []
    while error is not None:
        kinds.append(type(error).__name__)
        error = error.__cause__ or error.__context__
    return " from ".join(kinds)


def parse_turn(body: Any) -> Turn:
    """The turn in a request body; raises MalformedTurn with the name of what is wrong."""
    if not isinstance(body, dict):
        raise MalformedTurn("body is no object")
    turn_id, text, payload = body.get("turn_id"), body.get("text"), body.get("payload")
    if not isinstance(turn_id, str) or not 0 < len(turn_id) <= _MAX_ID:
        raise MalformedTurn("turn_id")
    if (text is None) == (payload is None):
        raise MalformedTurn("exactly one of text and payload")
    if not isinstance(text if payload is None else payload, str):
        raise MalformedTurn("text or payload is no string")
    metadata = body.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise MalformedTurn("metadata")
    return Turn(turn_id, text, payload, metadata=metadata, **_parse_state(body.get("state")))


def _parse_state(state: Any) -> Dict[Text, Any]:
    if not state and (state is None or isinstance(state, dict)):
        return {"slots": None}
    if not isinstance(state, dict) or state.get("v") != STATE_VERSION:
        raise MalformedTurn("state version")
    slots, loop, noticed = state.get("slots"), state.get("loop"), state.get("noticed")
    missed = state.get("missed", 0)
    if not isinstance(slots, dict):
        raise MalformedTurn("state slots")
    if not all(value is None or isinstance(value, str) for value in (loop, noticed)):
        raise MalformedTurn("state loop or noticed")
    if not isinstance(missed, int):
        raise MalformedTurn("state missed")
    return {"slots": slots, "loop": loop, "noticed": noticed, "missed": missed}
