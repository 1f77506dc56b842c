"""Sends one message of the outbox as the platform's rules allow, and records what became of it; called by threads."""

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from cases import consents, windows
from cases.model import Case
from cases.service import note_undelivered
from cases.windows import Facts, Plan, Policy, Route
from cases.words import Words
from core import enclosure, metrics, outbox
from core.config import Config
from core.db import Database, transaction
from core.inbox import LeaseLostError
from core.model import Conversation, Outbound
from core.vault import SealBrokenError, Vault
from webhook.channels.base import (
    Button,
    Channel,
    ChannelBusy,
    ChannelError,
    ChannelUnavailable,
    ContactRequest,
    File,
    MessageRefused,
    Notice,
    Outgoing,
)
from webhook.pace import Pace

log = logging.getLogger(__name__)

FOR_THE_ECHO = timedelta(seconds=10)  # the answer was lost: the platform's echo may still say that it took the message
BUSY_PAUSE = 1.0  # seconds for the whole channel; the message itself waits longer each time


@dataclass(frozen=True)
class Means:
    """What sending needs besides a channel: what is allowed and paid for, how to read a phone, where the portal is."""

    policy: Policy = field(default_factory=Policy)
    vault: Vault | None = None
    public_url: str = ""
    folder: Path | None = None  # of the files that go out
    link_words: str = "{link}"
    notice_words: str = "{code} {link}"


def means_of(config: Config, vault: Vault, words: Words) -> Means:
    """As the settings and the catalogue say."""
    zalo, messenger = config.zalo, config.messenger
    policy = Policy(
        human_agent=messenger is not None and messenger.human_agent,
        utility=messenger is not None and bool(messenger.utility_template),
        zbs=zalo is not None and bool(zalo.zbs_template_id),
        sms=config.sms is not None,
        billed_a_day=zalo.billed_a_day if zalo else 0,
        silence=timedelta(minutes=config.silence_minutes),
    )
    folder = config.var_dir / "outgoing"
    return Means(policy, vault, config.public_url, folder, words.notices["status_link"], words.notices["answer_waits"])


@dataclass(frozen=True)
class Claimed:
    """A leased message, and how it goes."""

    outbound_id: int
    plan: Plan
    channel: Channel | None
    outgoing: Outgoing
    notice: Notice | None
    attachment: dict[str, str] | None


@dataclass(frozen=True)
class Deliverer:
    """Takes messages, one call of `step` each; the first unsent one of a conversation goes first."""

    database: Database
    channels: Mapping[str, Channel]
    clock: Callable[[], datetime]
    means: Means = field(default_factory=Means)
    paces: Mapping[str, Pace] = field(default_factory=dict)

    def step(self, worker: str) -> bool:
        """Send one message, or say why it stays; False when there was none."""
        claimed = self._claim(worker)
        if claimed is None:
            return False
        try:
            if claimed.plan.route in {Route.HOLD, Route.DROP}:
                self._keep(claimed, worker)
            elif claimed.channel is None:
                self._failed(claimed, worker, ChannelUnavailable("channel_not_configured"))
            else:
                self._send(claimed, worker, claimed.channel)
        except LeaseLostError:
            log.warning("lease lost", extra={"outbound_id": claimed.outbound_id, "outcome": "lease_lost"})
        return True

    def _claim(self, worker: str) -> Claimed | None:
        now = self.clock()
        with transaction(self.database) as session:
            row = outbox.claim(session, worker, now)
            if row is None:
                return None
            phone = self._phone(session, row.conversation)
            plan = windows.plan(self._facts(session, row, phone, now), self.means.policy, now)
            name = "sms" if plan.route == Route.SMS else row.conversation.channel
            return Claimed(
                outbound_id=row.id,
                plan=plan,
                channel=self.channels.get(name),
                outgoing=self._outgoing(session, row, plan),
                notice=self._notice(session, row, plan, phone) if plan.route in windows.NOTICES else None,
                attachment=row.attachment,
            )

    def _facts(self, session: Session, row: Outbound, phone: str, now: datetime) -> Facts:
        conversation = row.conversation
        return Facts(
            channel=conversation.channel,
            author=row.author,
            about_case=row.case_id is not None and bool(row.text),  # a file alone: its words tell that something waits
            last_inbound_at=conversation.last_inbound_at,
            left_at=conversation.left_at,
            human_at=conversation.human_at,
            refused=row.error or "",
            noticed=row.noticed_at is not None,
            has_phone=bool(phone),
            charged_today=outbox.charged_since(session, windows.day_began(now)),
        )

    def _outgoing(self, session: Session, row: Outbound, plan: Plan) -> Outgoing:
        return Outgoing(
            user_id=row.conversation.user_id,
            text=self._with_link(session, row),
            buttons=tuple(Button(button["title"], button["payload"]) for button in row.buttons),
            author=row.author,
            key=row.key,
            route=plan.route,
            contact=_contact(row.attachment or {}),
        )

    def _with_file(self, claimed: Claimed) -> Outgoing:
        """Read from the disk while no session is open; raises a ChannelError when the file is gone."""
        found = claimed.attachment
        if found is None or found["kind"] != "file" or claimed.notice is not None:
            return claimed.outgoing
        try:
            data = enclosure.load(self.means.folder or Path(), found)
        except OSError:
            raise MessageRefused("file_gone") from None
        return replace(claimed.outgoing, file=File(found["title"], found["mime"], data))

    def _with_link(self, session: Session, row: Outbound) -> str:
        """A notice about a case says where its state can be read at any time, also when the chat is closed."""
        is_form = (row.attachment or {}).get("kind") == "contact"
        if row.author == "bot" or row.case_id is None or not self.means.public_url or not row.text or is_form:
            return row.text
        return f"{row.text}\n{self.means.link_words.format(link=self._link(session, row))}"

    def _link(self, session: Session, row: Outbound) -> str:
        return f"{self.means.public_url}/?ma={session.get_one(Case, row.case_id).code}"

    def _notice(self, session: Session, row: Outbound, plan: Plan, phone: str) -> Notice:
        code, link = session.get_one(Case, row.case_id).code, self._link(session, row)
        text = self.means.notice_words.format(code=code, link=link)
        return Notice(phone if plan.route == Route.SMS else row.conversation.user_id, code, link, text, row.key)

    def _phone(self, session: Session, conversation: Conversation) -> str:
        """Only for a paid notice, and never for who does not want to be reached there."""
        if conversation.phone is None or self.means.vault is None or not self.means.policy.sms:
            return ""
        if consents.refused(session, conversation.id, consents.Purpose.CONTACT):
            return ""
        try:
            return self.means.vault.unseal(conversation.phone)
        except SealBrokenError:
            return ""

    def _send(self, claimed: Claimed, worker: str, channel: Channel) -> None:
        pace = self.paces.get(channel.name)
        if pace is not None:
            pace.wait()
        try:
            external_id = channel.notify(claimed.notice) if claimed.notice else channel.send(self._with_file(claimed))
        except ChannelError as error:
            if isinstance(error, ChannelBusy) and pace is not None:
                pace.pause(BUSY_PAUSE)
            self._failed(claimed, worker, error)
            return
        except Exception:
            # Ours, not the platform's: said in the log, and tried again with growing waits like any other failure.
            log.exception("sending broke", extra={"outbound_id": claimed.outbound_id})
            self._failed(claimed, worker, ChannelUnavailable("unexpected"))
            return
        self._sent(claimed, worker, external_id, channel.name)

    def _sent(self, claimed: Claimed, worker: str, external_id: str | None, channel: str) -> None:
        now, route = self.clock(), claimed.plan.route
        with transaction(self.database) as session:
            row = outbox.held(session, claimed.outbound_id, worker)
            row.route = route.value
            row.charged_at = now if route in windows.CHARGED else row.charged_at
            if claimed.notice is None:
                outbox.sent(row, external_id, now)
            else:
                row.noticed_at, row.external_id = now, external_id
                outbox.hold(row, "noticed")
        extra = {"outbound_id": claimed.outbound_id, "channel": channel, "outcome": "sent", "reason": route.value}
        metrics.SENT.labels(channel).inc()
        log.info("message sent", extra=extra)

    def _keep(self, claimed: Claimed, worker: str) -> None:
        now, plan = self.clock(), claimed.plan
        with transaction(self.database) as session:
            row = outbox.held(session, claimed.outbound_id, worker)
            if plan.route == Route.DROP:
                outbox.drop(row, plan.reason)
            else:
                outbox.hold(row, plan.reason, plan.until)
                _note_held(session, row, plan, now)
        extra = {"outbound_id": claimed.outbound_id, "reason": plan.reason, "outcome": plan.route.value}
        log.info("message kept back", extra=extra)

    def _failed(self, claimed: Claimed, worker: str, error: ChannelError) -> None:
        now = self.clock()
        with transaction(self.database) as session:
            row = outbox.held(session, claimed.outbound_id, worker)
            outcome = self._after(session, row, claimed, error, now)
        extra = {"outbound_id": claimed.outbound_id, "reason": error.code, "outcome": outcome}
        name = claimed.channel.name if claimed.channel else "none"
        metrics.NOT_SENT.labels(name, type(error).__name__, outcome).inc()
        log.warning("message not sent", extra=extra)

    def _after(self, session: Session, row: Outbound, claimed: Claimed, error: ChannelError, now: datetime) -> str:
        """What becomes of a message the platform did not take."""
        if claimed.notice is not None and not error.retry:
            row.noticed_at = now  # this way is closed as well: the words wait for the citizen
            outbox.hold(row, claimed.plan.reason)
            note_undelivered(session, row, now)
            return "held"
        if error.reason in windows.CLOSED:
            row.error, row.leased_until, row.next_at = error.reason, None, now  # planned anew, knowing this
            return "planned_anew"
        if error.reason == "wallet":
            outbox.hold(row, "wallet", windows.next_day(now))
            note_undelivered(session, row, now)
            return "held"
        patience = FOR_THE_ECHO if isinstance(error, ChannelUnavailable) and error.unsure else timedelta(0)
        jitter = random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, hides nothing
        if error.retry and outbox.retry(row, error.code, now, jitter=jitter, at_least=patience):
            return "retry"
        outbox.dead(row, error.code)
        note_undelivered(session, row, now)
        return "dead"


def _contact(attachment: dict[str, str]) -> ContactRequest | None:
    is_form = attachment.get("kind") == "contact"
    return ContactRequest(attachment["title"], attachment["subtitle"]) if is_form else None


def _note_held(session: Session, row: Outbound, plan: Plan, now: datetime) -> None:
    """Only what an officer should know: the citizen has not got it, and nothing says that it waits."""
    if plan.reason not in {"noticed", "person_answers"} and row.text:
        note_undelivered(session, row, now)
