"""May this message go to the citizen now, and by which permission of the platform? Pure rules; used by `deliver`.

Messenger: 24 hours after the citizen's last act everything goes; 7 days what an officer wrote (HUMAN_AGENT); later an
approved utility template. Zalo: 48 hours free, 7 days billed, later an approved ZBS template. A template or SMS only
says that an answer waits and where to read it; the message itself is held and goes out when the citizen returns.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from cases.deadlines import LOCAL

MESSENGER_WINDOW = timedelta(hours=24)
MESSENGER_HUMAN_WINDOW = timedelta(days=7)
ZALO_FREE_WINDOW = timedelta(hours=48)
ZALO_WINDOW = timedelta(days=7)
MARGIN = timedelta(minutes=5)  # our clock and the platform's differ, and sending takes its time
# Refusals of the platform that mean: not now, but again when the citizen writes.
CLOSED = frozenset({"window_closed", "never_wrote", "left", "blocked", "unreachable"})
OTHERS = frozenset({"budget", "wallet", "noticed", "person_answers"})  # all other reasons why a message is kept back
NOTICES_FROM, NOTICES_UNTIL = time(7), time(21)  # templates by phone and SMS are refused or rude at night


class Route(StrEnum):
    """How a message goes, or that it does not."""

    REPLY = "reply"
    HUMAN_AGENT = "human_agent"
    BILLED = "billed"
    UTILITY = "utility"
    ZBS = "zbs"
    SMS = "sms"
    HOLD = "hold"
    DROP = "drop"


NOTICES = frozenset({Route.UTILITY, Route.ZBS, Route.SMS})
CHARGED = frozenset({Route.BILLED, Route.ZBS})


@dataclass(frozen=True)
class Policy:
    """What the city has been granted and is ready to pay."""

    human_agent: bool = True
    utility: bool = False
    zbs: bool = False
    sms: bool = False
    billed_a_day: int = 1000
    silence: timedelta = timedelta(minutes=30)


@dataclass(frozen=True)
class Facts:
    """What decides about one message; `refused` is what the platform answered to the last try."""

    channel: str
    author: str
    about_case: bool
    last_inbound_at: datetime | None
    left_at: datetime | None = None
    human_at: datetime | None = None
    refused: str = ""
    noticed: bool = False
    has_phone: bool = False
    charged_today: int = 0


@dataclass(frozen=True)
class Plan:
    """The route; for a message that stays here why, and when to look again if time alone can help."""

    route: Route
    reason: str = ""
    until: datetime | None = None


def plan(facts: Facts, policy: Policy, now: datetime) -> Plan:
    """Never a breach of the platform's rules: what no rule allows is held."""
    person = _person_answers(facts, policy, now)
    if person is not None:
        return person
    closed = _closed(facts, policy, now)
    if closed is None:
        return _open(facts, policy, now)
    return _outside(facts, policy, closed, now)


def next_day(now: datetime) -> datetime:
    """When the day's budget for billed messages begins anew."""
    tomorrow = now.astimezone(LOCAL).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(0, 5), LOCAL)


def day_began(now: datetime) -> datetime:
    """Midnight in Hà Nội of this moment's day."""
    return datetime.combine(now.astimezone(LOCAL).date(), time(0), LOCAL)


def _person_answers(facts: Facts, policy: Policy, now: datetime) -> Plan | None:
    """While a person writes in the platform's inbox the bot does not talk in between; a case code waits for its end."""
    if facts.author != "bot" or facts.human_at is None or now - facts.human_at >= policy.silence:
        return None
    if not facts.about_case:
        return Plan(Route.DROP, "person_answers")
    return Plan(Route.HOLD, "person_answers", facts.human_at + policy.silence)


def _closed(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """Why nothing of this kind may go in the chat now; None when it may."""
    if facts.refused in CLOSED:
        return facts.refused
    if facts.channel not in {"messenger", "zalo"}:
        return None
    if facts.last_inbound_at is None:
        return "never_wrote"
    if facts.left_at is not None and facts.author != "officer":
        return "left"
    longest = MESSENGER_WINDOW if facts.channel == "messenger" else ZALO_WINDOW
    if facts.channel == "messenger" and facts.author == "officer" and policy.human_agent:
        longest = MESSENGER_HUMAN_WINDOW
    return None if now - facts.last_inbound_at <= longest - MARGIN else "window_closed"


def _open(facts: Facts, policy: Policy, now: datetime) -> Plan:
    age = now - facts.last_inbound_at if facts.last_inbound_at else timedelta(0)
    if facts.channel == "messenger" and age > MESSENGER_WINDOW - MARGIN:
        return Plan(Route.HUMAN_AGENT)
    if facts.channel == "zalo" and age > ZALO_FREE_WINDOW - MARGIN:
        if facts.charged_today >= policy.billed_a_day:
            return Plan(Route.HOLD, "budget", next_day(now))
        return Plan(Route.BILLED)
    return Plan(Route.REPLY)


def _outside(facts: Facts, policy: Policy, closed: str, now: datetime) -> Plan:
    """Say once, by what is configured, that an answer waits; the words themselves are held."""
    route = _notice(facts, policy)
    if route is None or facts.noticed or not facts.about_case:
        return Plan(Route.HOLD, "noticed" if facts.noticed else closed)
    if not NOTICES_FROM <= now.astimezone(LOCAL).time() < NOTICES_UNTIL:
        return Plan(Route.HOLD, closed, _morning(now))
    if route in CHARGED and facts.charged_today >= policy.billed_a_day:
        return Plan(Route.HOLD, "budget", next_day(now))
    return Plan(route, closed)


def _notice(facts: Facts, policy: Policy) -> Route | None:
    reachable = facts.refused not in {"blocked", "unreachable"}
    if facts.channel == "messenger" and policy.utility and reachable:
        return Route.UTILITY
    if facts.channel == "zalo" and policy.zbs and reachable:
        return Route.ZBS
    return Route.SMS if policy.sms and facts.has_phone else None


def _morning(now: datetime) -> datetime:
    local = now.astimezone(LOCAL)
    day = local.date() + timedelta(days=int(local.time() >= NOTICES_FROM))
    return datetime.combine(day, NOTICES_FROM, LOCAL)
