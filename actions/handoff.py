"""Requests that a person answers: a talk with an officer, praise, a question about one's own data."""

import asyncio
from collections.abc import Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.context import Context
from actions.said import Said, read_said
from cases.attention import call_attention
from core.db import transaction

REASONS = frozenset({"ask_human", "praise", "privacy_request"})


def note_request(context: Context, said: Said, intent: str) -> dict[str, str]:
    """Put the conversation on the desk's list with the reason; returns the values of its answer."""
    with transaction(context.database) as session:
        call_attention(session, said.conversation_id, intent, context.clock())
    return {"link": f"{context.config.public_url}/privacy"}


class NoteRequest(Action):  # type: ignore[misc]
    """One action for the three reasons; the intent says which."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def name(self) -> str:
        return "action_note_request"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        said = read_said(tracker)
        intent = said.intent if said.intent in REASONS else "ask_human"
        values = await asyncio.to_thread(note_request, self._context, said, intent)
        dispatcher.utter_message(response=f"utter_{intent}", **values)
        return []
