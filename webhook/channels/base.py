"""What every channel is: the words in which gateway and worker speak with Zalo, Messenger and whatever comes next."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from core.inbox import InboundEvent


@dataclass(frozen=True)
class Button:
    """A choice offered below a message; `payload` is an opaque token of ours that comes back when it is tapped."""

    title: str
    payload: str


@dataclass(frozen=True)
class Outgoing:
    """One message to one citizen; `author` is bot, officer or system, `key` names the fact it reports."""

    user_id: str = field(repr=False)
    text: str = field(repr=False)
    buttons: tuple[Button, ...] = field(repr=False)
    author: str
    last_inbound_at: datetime | None
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

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ChannelUnavailable(ChannelError):
    """The platform did not answer, or not with an answer: time-out, reset, 5xx, broken JSON. Try again."""

    retry = True


class ChannelBusy(ChannelError):
    """The platform takes no more just now: rate limits, quotas that refill, night hours. Try again later."""

    retry = True


class TokenRejected(ChannelError):
    """Our access token is no longer good, and could not be renewed yet. Try again: a new one may be there."""

    retry = True


class RecipientUnreachable(ChannelError):
    """This citizen cannot be written to: the reply window is closed, they blocked us or left. Not worth a retry."""


class MessageRefused(ChannelError):
    """The platform will never take this message as it is. Not worth a retry."""


class ChannelMisconfigured(ChannelError):
    """An operator has to act first: account disabled, package, permission. Retry by hand after that."""


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
