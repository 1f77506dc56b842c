"""Requests that a person answers: a talk with an officer, praise."""

import asyncio
from collections.abc import Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.context import Context
from actions.said import Said, read_said
from cases.attention import call_attention
from core.db import transaction

REASONS = frozenset({"ask_human", "praise"})


def note_request(context: Context, said: Said, intent: str) -> None:
    """Put the conversation on the desk's list with the reason."""
    with transaction(context.database) as session:
        call_attention(session, said.conversation_id, intent, context.clock())


class NoteRequest(Action):  # type: ignore[misc]
    """One action for both reasons; the intent says which."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def name(self) -> str:
        return "action_note_request"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        said = read_said(tracker)
        intent = said.intent if said.intent in REASONS else "ask_human"
        await asyncio.to_thread(note_request, self._context, said, intent)
        dispatcher.utter_message(response=f"utter_{intent}")
        return []
