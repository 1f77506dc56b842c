"""Keeps conversations in memory, bounded, in the order they happened; called by `world` and read by `api`."""

import threading
import zlib
from collections import OrderedDict
from dataclasses import asdict, dataclass, field
from typing import Any

MAX_CONVERSATIONS = 500
MAX_MESSAGES = 500


@dataclass(frozen=True)
class Button:
    """Something the citizen can tap; kind is query_show, query_hide, quick_reply, postback, url, phone or sms."""

    title: str
    kind: str
    value: str


@dataclass(frozen=True)
class Card:
    """One element of a list, a generic template or a request for contact details."""

    title: str
    subtitle: str = ""
    image: str = ""
    url: str = ""
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a person sees of one message, the same for both channels and both directions."""

    kind: str = "text"
    text: str = ""
    images: tuple[str, ...] = ()
    location: tuple[float, float] | None = None
    file: str = ""
    buttons: tuple[Button, ...] = ()
    quick_replies: tuple[Button, ...] = ()
    cards: tuple[Card, ...] = ()


@dataclass
class Message:
    """One message of a conversation; `sender` is citizen or page, times are milliseconds of the simulator's clock."""

    number: int
    sender: str
    content: Content
    message_id: str
    timestamp: int
    state: str
    status: int | None = None
    attempts: int = 0
    receipt: str = ""
    version: int = 0

    def as_json(self) -> dict[str, Any]:
        """Flat form for the page and for tests."""
        fields = asdict(self)
        content: dict[str, Any] = fields.pop("content")
        return content | fields


@dataclass
class Conversation:
    """One citizen on one channel."""

    channel: str
    user: str
    name: str
    messages: list[Message] = field(default_factory=list)
    version: int = 0
    counter: int = 0
    typing_until: int = 0
    following: bool = False


class Store:
    """All conversations; every method takes the one lock, so any thread may call."""

    def __init__(self, people: tuple[str, ...]) -> None:
        self._people = people
        self._lock = threading.RLock()
        self._conversations: OrderedDict[tuple[str, str], Conversation] = OrderedDict()

    def open(self, channel: str, user: str, name: str = "") -> Conversation:
        """Finds or starts the conversation; the one unused for longest goes when there are too many."""
        with self._lock:
            conversation = self._conversations.get((channel, user))
            if conversation is None:
                conversation = Conversation(channel, user, name or self._name_for(user))
                self._conversations[channel, user] = conversation
            elif name:
                conversation.name = name
            self._conversations.move_to_end((channel, user))
            while len(self._conversations) > MAX_CONVERSATIONS:
                self._conversations.popitem(last=False)
            return conversation

    def find(self, channel: str, user: str) -> Conversation | None:
        """The conversation, or None when this citizen never appeared."""
        with self._lock:
            return self._conversations.get((channel, user))

    def add(
        self, conversation: Conversation, sender: str, content: Content, message_id: str, timestamp: int
    ) -> Message:
        """Appends one message; a citizen's starts as sending, the page's is there at once."""
        with self._lock:
            conversation.counter += 1
            state = "sending" if sender == "citizen" else "sent"
            message = Message(conversation.counter, sender, content, message_id, timestamp, state)
            conversation.messages.append(message)
            del conversation.messages[:-MAX_MESSAGES]
            if sender == "page":
                conversation.typing_until = 0
            self._touch(conversation, message)
            return message

    def progress(self, conversation: Conversation, message: Message, state: str, status: int | None) -> None:
        """Records one delivery attempt of a citizen's message."""
        with self._lock:
            message.attempts += 1
            message.state, message.status = state, status
            self._touch(conversation, message)

    def receipt(self, conversation: Conversation, receipt: str) -> None:
        """Marks what the citizen wrote before as delivered or seen by the page."""
        with self._lock:
            for message in conversation.messages:
                if message.sender == "citizen" and message.receipt != receipt:
                    message.receipt = receipt
                    self._touch(conversation, message)

    def typing(self, conversation: Conversation, until: int) -> None:
        """Shows the typing dots until this moment (milliseconds)."""
        with self._lock:
            conversation.typing_until = until
            conversation.version += 1

    def by_id(self, conversation: Conversation, message_id: str) -> Message | None:
        """The message with this id, newest first."""
        with self._lock:
            return next((m for m in reversed(conversation.messages) if m.message_id == message_id), None)

    def offered(self, conversation: Conversation) -> list[Button]:
        """Every button the page offered in this conversation, newest first."""
        with self._lock:
            return [button for message in reversed(conversation.messages) for button in _buttons(message.content)]

    def view(self, conversation: Conversation, after: int = 0) -> dict[str, Any]:
        """The conversation with the messages that changed after a version."""
        with self._lock:
            return {
                "channel": conversation.channel,
                "user": conversation.user,
                "name": conversation.name,
                "following": conversation.following,
                "version": conversation.version,
                "messages": [m.as_json() for m in conversation.messages if m.version > after],
            }

    def people(self, channel: str) -> list[dict[str, Any]]:
        """Citizens of a channel, the most recent first."""
        with self._lock:
            rows = [c for c in self._conversations.values() if c.channel == channel]
            return [
                {"user": c.user, "name": c.name, "last": c.messages[-1].content.text if c.messages else ""}
                for c in reversed(rows)
            ]

    def clear(self) -> None:
        """Forgets every conversation."""
        with self._lock:
            self._conversations.clear()

    def _name_for(self, user: str) -> str:
        return self._people[zlib.crc32(user.encode()) % len(self._people)]

    def _touch(self, conversation: Conversation, message: Message) -> None:
        conversation.version += 1
        message.version = conversation.version


def _buttons(content: Content) -> tuple[Button, ...]:
    cards = tuple(button for card in content.cards for button in card.buttons)
    return content.quick_replies + content.buttons + cards
