"""What every channel is: the words in which gateway and worker speak with Zalo, Messenger and whatever comes next."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from cases.windows import Route
from core.events import InboundEvent
from webhook.options import is_link


@dataclass(frozen=True)
class Button:
    """A choice offered below a message; `payload` is an opaque token of ours that comes back when it is tapped.

    A payload that is an address makes it a link, which is opened and does not come back.
    """

    title: str
    payload: str

    @property
    def is_link(self) -> bool:
        return is_link(self.payload)


@dataclass(frozen=True)
class File:
    """A picture or document that goes with a message; `title` is its name for people, with its ending."""

    title: str = field(repr=False)
    mime: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class ContactRequest:
    """A form of the platform that asks for name and phone number."""

    title: str
    subtitle: str


@dataclass(frozen=True)
class Outgoing:
    """One message to one citizen; `author` is bot, officer or system, `key` names the fact it reports.

    `route` is the permission that `windows.plan` found for it; a channel only says it in the platform's words.
    """

    user_id: str = field(repr=False)
    text: str = field(repr=False)
    buttons: tuple[Button, ...] = field(repr=False)
    author: str
    key: str
    route: Route = Route.REPLY
    file: File | None = None
    contact: ContactRequest | None = None


@dataclass(frozen=True)
class Notice:
    """Outside the reply window: that an answer about a case waits, and where to read it. `user_id` may be a phone."""

    user_id: str = field(repr=False)
    code: str
    link: str
    text: str = field(repr=False)
    key: str


@dataclass(frozen=True)
class Parsed:
    """What a webhook body holds: events to store, reasons for what was left out, and the HTTP status to answer."""

    events: tuple[InboundEvent, ...] = field(default=(), repr=False)
    ignored: tuple[str, ...] = ()
    status: int = 200


class ChannelError(Exception):
    """A message was not sent; `retry` says whether trying again can help, `code` is short: no text, no token."""

    retry: ClassVar[bool] = False
    reason: ClassVar[str] = ""  # a word of cases/windows.py, when it is the citizen who cannot be written to

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ChannelUnavailable(ChannelError):
    """The platform did not answer, or not with an answer: time-out, reset, 5xx, broken JSON. Try again.

    Whether it took the message may be unknown then (`unsure`): its echo may still say so.
    """

    retry = True

    @property
    def unsure(self) -> bool:
        return self.code in {"timeout", "connection", "bad_json"}


class ChannelBusy(ChannelError):
    """The platform takes no more just now: rate limits, quotas that refill, night hours. Try again later."""

    retry = True


class TokenRejected(ChannelError):
    """Our access token is no longer good, and could not be renewed yet. Try again: a new one may be there."""

    retry = True


class RecipientUnreachable(ChannelError):
    """This citizen cannot be written to just now; the message is kept until they write again."""

    reason = "unreachable"


class WindowClosed(RecipientUnreachable):
    """Too long since the citizen's last message."""

    reason = "window_closed"


class Blocked(RecipientUnreachable):
    """The citizen does not want to hear from us, or has left."""

    reason = "blocked"


class MessageRefused(ChannelError):
    """The platform will never take this message as it is. Not worth a retry."""


class ChannelMisconfigured(ChannelError):
    """An operator has to act first: account disabled, package, permission. Retry by hand after that."""


class WalletEmpty(ChannelMisconfigured):
    """A billed message and no money behind it: it waits for the wallet, or for the citizen to write."""

    reason = "wallet"


class Channel(ABC):
    """One platform. The gateway calls `challenge`, `verify` and `parse`; the worker calls `send`."""

    name: ClassVar[str]
    refusal_status: ClassVar[int]  # for a missing or wrong signature
    too_large_status: ClassVar[int]  # for a body above the limit

    @abstractmethod
    def challenge(self, args: Mapping[str, str]) -> str | None:
        """The plain-text answer to the platform's GET handshake, None to refuse it."""

    @abstractmethod
    def verify(self, raw: bytes, headers: Mapping[str, str]) -> bool:
        """Whether the platform signed exactly these bytes, with any of the secrets we know; never raises."""

    @abstractmethod
    def parse(self, raw: bytes) -> Parsed:
        """Everything in a verified body; never raises: what cannot be used is ignored with a reason."""

    @abstractmethod
    def send(self, outgoing: Outgoing) -> str | None:
        """Send one message and return the platform's id of it; raises a ChannelError. May send it in several parts."""

    def notify(self, notice: Notice) -> str | None:
        """Say by an approved template that an answer waits; returns the platform's id. Raises a ChannelError."""
        raise ChannelMisconfigured("no_template")

    def typing(self, user_id: str) -> None:
        """Show that an answer is on its way, where the platform can; raises a ChannelError."""
        return
