"""What an action about filed cases says: one response with its values and buttons, and what it then waits for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rasa_sdk.executor import CollectingDispatcher

PENDING = "pending"  # the slot that keeps what was asked about a filed case


@dataclass(frozen=True)
class Answer:
    """`question` is asked after `response`; its answer is read by `pending` ({"what", "code"}) the next turn."""

    response: str
    values: Mapping[str, str] = field(default_factory=dict)
    buttons: Sequence[Mapping[str, str]] = ()
    question: str | None = None
    pending: Mapping[str, object] | None = None

    def speak(self, dispatcher: CollectingDispatcher) -> None:
        """All of it: the citizen's next words answer what is asked here."""
        texts = [self.response, self.question] if self.question else [self.response]
        for response in texts[:-1]:
            dispatcher.utter_message(response=response, **self.values)
        shown = {"buttons": [dict(button) for button in self.buttons]} if self.buttons else {}
        dispatcher.utter_message(response=texts[-1], **shown, **self.values)

    def mention(self, dispatcher: CollectingDispatcher) -> None:
        """Only what is the case: another question is open, and the next words answer that one."""
        dispatcher.utter_message(response=self.response, **self.values)
