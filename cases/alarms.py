"""What an administrator must look at before it hurts: what ends soon, what is stuck, who is missing; called by desk."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import unit_book
from cases.deadlines import LOCAL, Calendar
from cases.faq import Faq
from cases.model import Unit
from cases.rulebook import Rulebook
from core import connections
from core.model import ChannelToken
from core.vitals import vitals

CALENDAR_WARNING = timedelta(days=45)  # the decree on next year's days off comes in December at the latest
LONG_QUEUE = timedelta(minutes=10)
MOST_NAMES = 5


@dataclass(frozen=True)
class Spooled:
    """What waits on the disk of the gateway, as far as this machine can see it."""

    waiting: int = 0
    set_aside: int = 0
    has_room: bool = True


@dataclass(frozen=True)
class Alarm:
    """A code for which the template has the words, how many things it is about, and the names of some of them."""

    code: str
    count: int = 0
    names: tuple[str, ...] = ()


def alarms(session: Session, rulebook: Rulebook, spooled: Spooled, now: datetime, *, zalo: bool) -> list[Alarm]:
    """All that hold just now, the gravest first."""
    found = vitals(session, now)
    token = connections.alarm(session.get(ChannelToken, "zalo"), now) if zalo else ""
    late = found.inbox.age > LONG_QUEUE.total_seconds()
    alone = _units_without_officer(session)
    stale = _stale_answers(rulebook.faq, now)
    raised = (
        Alarm("disk_full", int(not spooled.has_room)),
        Alarm(f"token_{token}", int(bool(token))),
        Alarm("unanswered", found.inbox.depth if late else 0),
        Alarm("spool_set_aside", spooled.set_aside),
        Alarm("spool_waiting", spooled.waiting),
        Alarm("dead_letters", found.dead_letters),
        Alarm("units_without_officer", len(alone), alone[:MOST_NAMES]),
        Alarm("calendar_ends", int(_calendar_ends(rulebook.calendar, now))),
        Alarm("answers_overdue", len(stale), stale[:MOST_NAMES]),
    )
    return [alarm for alarm in raised if alarm.count]


def _units_without_officer(session: Session) -> tuple[str, ...]:
    """Units with open cases where nobody has an account, neither there nor in the area above."""
    staffed = unit_book.officers_of(session).keys()
    units = {unit.id: unit for unit in session.scalars(select(Unit).where(Unit.id.in_(unit_book.open_cases(session))))}
    alone = [unit for unit in units.values() if unit.id not in staffed and unit.parent_id not in staffed]
    return tuple(sorted(unit.name for unit in alone))


def _calendar_ends(calendar: Calendar, now: datetime) -> bool:
    """A year close enough for deadlines to fall into it, whose days off nobody has entered."""
    years = {now.astimezone(LOCAL).year, (now + CALENDAR_WARNING).astimezone(LOCAL).year}
    return not years <= calendar.announced_years or max(years) > calendar.last_year


def _stale_answers(faq: Faq, now: datetime) -> tuple[str, ...]:
    today = now.astimezone(LOCAL).date()
    entries = {**faq.topics, **faq.guides}
    return tuple(faq.titles.get(name, name) for name, entry in entries.items() if today > entry.review_by)
