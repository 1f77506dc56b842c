"""The tables of the message path: conversation, turn, inbound, attachment, outbound; see `inbox` and `outbox`."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base, UtcDateTime


class Conversation(Base):
    """One citizen on one channel: the dialogue state lives here, so that any process can take the next turn."""

    __tablename__ = "conversations"
    __table_args__ = (UniqueConstraint("channel", "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(20))
    user_id: Mapped[str] = mapped_column(String(128))  # the platform's id of the citizen, always a string
    state: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # what bot/channel.py returned last
    options: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)  # buttons offered last, in order
    phone: Mapped[bytes | None] = mapped_column(LargeBinary)  # encrypted; the bot only learns that there is one
    phone_hash: Mapped[str | None] = mapped_column(String(64), index=True)  # keyed: finds a number, tells none
    awaiting_case_id: Mapped[int | None]  # an officer asked about this case: the next words go to it
    awaiting_until: Mapped[datetime | None] = mapped_column(UtcDateTime)  # after an answer: what follows soon is part
    officer_spoke: Mapped[bool] = mapped_column(default=False)  # an officer said the last words, not the bot
    held: Mapped[bytes | None] = mapped_column(LargeBinary)  # words that may be a petition, sealed until we know
    attention: Mapped[str | None] = mapped_column(String(40))  # why a person should look: bot_failed, ask_human
    attention_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_inbound_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # opens the platform's reply window
    human_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # a person writes in the platform's own inbox
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # unfollowed us and has not written since
    source: Mapped[str | None] = mapped_column(String(100))  # the link or poster by which the citizen came last
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Turn(Base):
    """One step of a dialogue: a fixed set of inbound messages, answered together; a retry takes the same members."""

    __tablename__ = "turns"
    __table_args__ = (
        Index(
            "uq_turns_open_conversation",
            "conversation_id",
            unique=True,
            sqlite_where=text("status = 'open'"),
            postgresql_where=text("status = 'open'"),
        ),
        Index("ix_turns_status_next_at", "status", "next_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    status: Mapped[str] = mapped_column(String(10), default="open")  # open, done, failed
    attempts: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)  # answers that were no answers; being away does not count
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    worker: Mapped[str | None] = mapped_column(String(80))
    intent: Mapped[str | None] = mapped_column(String(60))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    conversation: Mapped[Conversation] = relationship()
    members: Mapped[list["Inbound"]] = relationship(order_by="(Inbound.sent_at, Inbound.id)", viewonly=True)


class Inbound(Base):
    """One event from a citizen, stored before it is acknowledged; its words as written, sealed until understood."""

    __tablename__ = "inbounds"
    __table_args__ = (
        UniqueConstraint("channel", "external_id"),
        Index("ix_inbounds_conversation_id_turn_id", "conversation_id", "turn_id"),
        Index("ix_inbounds_turn_id_id", "turn_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(20))
    external_id: Mapped[str] = mapped_column(String(200))
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    turn_id: Mapped[int | None] = mapped_column(ForeignKey("turns.id"))
    kind: Mapped[str] = mapped_column(String(20))  # text, tap, media, location, sticker, start, other, contact
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)  # text, payload and original, encrypted; see `sealed`
    text: Mapped[str] = mapped_column(Text, default="")
    payload: Mapped[str | None] = mapped_column(Text)  # what a tapped button carried, when the platform says so
    choice: Mapped[str | None] = mapped_column(String(120))  # the wording of the option it chose, for people to read
    location: Mapped[dict[str, float] | None] = mapped_column(JSON(none_as_null=True))  # {"lat","lon"} in degrees
    settles: Mapped[bool] = mapped_column(default=False, server_default=false())  # free words: more may follow
    original: Mapped[str | None] = mapped_column(Text)  # the first words, when the citizen edited them later
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)  # by the platform's clock: the order of a conversation
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)

    attachments: Mapped[list["Attachment"]] = relationship(order_by="Attachment.id", viewonly=True)


class Attachment(Base):
    """A photo, voice note, video or file of an inbound message: fetched at once, because platform links expire."""

    __tablename__ = "attachments"
    __table_args__ = (
        Index("ix_attachments_status_next_at", "status", "next_at"),
        Index("ix_attachments_fingerprint", "fingerprint"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    inbound_id: Mapped[int] = mapped_column(ForeignKey("inbounds.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))  # image, audio, video, file
    url: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(10), default="waiting")  # waiting, stored, failed
    stored_name: Mapped[str | None] = mapped_column(String(80))  # random name under VAR_DIR/media
    mime: Mapped[str | None] = mapped_column(String(80))
    size: Mapped[int | None]  # bytes
    fingerprint: Mapped[str | None] = mapped_column(String(16))  # what a picture looks like; see `core.content`
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(String(80))


class Outbound(Base):
    """One message to a citizen, written in the transaction of the fact it reports and sent later by the worker."""

    __tablename__ = "outbounds"
    __table_args__ = (
        Index("ix_outbounds_status_next_at", "status", "next_at"),
        Index("ix_outbounds_conversation_id_status", "conversation_id", "status"),
        Index("ix_outbounds_external_id", "external_id"),
        Index("ix_outbounds_charged_at", "charged_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(80), unique=True)  # the fact it reports: a repeat is the same row
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    case_id: Mapped[int | None]  # the case it speaks of, if any
    author: Mapped[str] = mapped_column(String(10))  # bot, officer, system
    text: Mapped[str] = mapped_column(Text)
    buttons: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)  # {"title","payload"} for the platform
    attachment: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))  # see core/enclosure.py
    status: Mapped[str] = mapped_column(String(10), default="waiting")  # waiting, held, sent, dead, dropped
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    worker: Mapped[str | None] = mapped_column(String(80))
    external_id: Mapped[str | None] = mapped_column(String(200))  # the platform's id of the sent message
    error: Mapped[str | None] = mapped_column(String(200))  # outcome of the last failed attempt: a code, no text
    route: Mapped[str | None] = mapped_column(String(20))  # by which permission it went last; see cases/windows.py
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    noticed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # a template or SMS said that it waits
    charged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # the platform bills it
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reaction: Mapped[str | None] = mapped_column(String(40))  # the sign or rating the citizen gave it

    conversation: Mapped[Conversation] = relationship()


class ChannelToken(Base):
    """A platform's access token with its single-use refresh token, both encrypted with DATA_KEY."""

    __tablename__ = "channel_tokens"

    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    access_token: Mapped[bytes | None] = mapped_column(LargeBinary)
    refresh_token: Mapped[bytes | None] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    refreshing_until: Mapped[datetime | None] = mapped_column(UtcDateTime)  # somebody is refreshing: wait for it
    version: Mapped[int] = mapped_column(default=0)
    spending_since: Mapped[datetime | None] = mapped_column(UtcDateTime)  # the refresh token is on its way: it may be
    # spent although we have not seen the answer
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)  # no renewal has succeeded since
    failure: Mapped[str | None] = mapped_column(String(60))  # why: a code


class ChannelConnection(Base):
    """An administrator is on the way to the platform to connect the account: what must come back with them."""

    __tablename__ = "channel_connections"

    state: Mapped[str] = mapped_column(String(64), primary_key=True)  # a digest of what the platform will bring back
    channel: Mapped[str] = mapped_column(String(20))
    officer_id: Mapped[int]
    verifier: Mapped[bytes] = mapped_column(LargeBinary)  # PKCE, encrypted
    code: Mapped[bytes | None] = mapped_column(LargeBinary)  # what came back, encrypted; the worker spends it once
    outcome: Mapped[str | None] = mapped_column(String(60))  # connected, or a code of what went wrong
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PlatformNotice(Base):
    """What a platform told the operator (a warning, a quota), or an event nobody here knows; counted, no content."""

    __tablename__ = "platform_notices"
    __table_args__ = (UniqueConstraint("channel", "reason"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(80))
    count: Mapped[int] = mapped_column(default=0)
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
