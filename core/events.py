"""What a channel understood from a webhook, in words of our own; made by the channels, taken by `arrivals.accept`."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# Kinds that no turn answers: they change what we know of a conversation or of a message that we sent.
SIGNALS = frozenset(
    {
        "delivered",  # payload: ids of our messages, one a line; none: all sent until `sent_at`
        "seen",  # the same
        "echo",  # the platform repeats what we sent; payload: the key of the message, if it carries one
        "human",  # a person wrote to the citizen in the platform's own inbox
        "reaction",  # payload: the id of our message; text: the sign, empty when it was taken back
        "edit",  # the citizen changed the words of a message; payload: its id
        "referral",  # the citizen came by a link or poster of ours
        "interaction",  # opens the reply window, says nothing
        "taken",  # a person took the conversation out of our hands
        "passed",  # and gave it back
        "left",  # the citizen follows us no longer
        "notice",  # for the operator; payload: a short code
    }
)


@dataclass(frozen=True)
class InboundEvent:
    """One event of one citizen, ready to be stored; `standby` when a person holds the conversation just now."""

    channel: str
    external_id: str
    user_id: str
    kind: str
    sent_at: datetime
    text: str = ""
    payload: str | None = None
    attachments: tuple[dict[str, Any], ...] = ()
    location: dict[str, float] | None = field(default=None)
    referral: str = ""  # the word of the link or poster by which the citizen came
    standby: bool = False
