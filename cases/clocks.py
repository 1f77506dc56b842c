"""The clocks of one case: resting, waking, being late for ever, warning and escalating; called by service and worker.

What happened to a clock stays on the case: `late_at` and `unreceived_at` keep the first moment a limit had passed, so
that no later extension, pause, closing or reopening takes a case out of the figures of late ones.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from cases.coordination import units_with_keepers
from cases.deadlines import (
    Calendar,
    DeadlineRules,
    OutsideCalendar,
    Urgency,
    add_working_hours,
    due_by,
    extension_hours,
    handling_hours,
    warn_at,
    working_hours_between,
)
from cases.history import record
from cases.model import Case
from cases.rulebook import Rulebook
from cases.workflow import OPEN, Status
from core.db import ROW_LOCK

log = logging.getLogger(__name__)

RUNNING = OPEN - {Status.WAITING_CITIZEN}
TICK = timedelta(seconds=1)  # a limit is missed after its moment, not in it
QUIET = timedelta(days=7)  # how long the sweeper leaves a case alone that has nothing more to tell


def warns_at(calendar: Calendar, rules: DeadlineRules, case: Case) -> datetime:
    """When the one who holds the case is reminded: three quarters of its time are used."""
    hours = handling_hours(calendar, rules, Urgency(case.urgency), extended=case.extended_at is not None)
    return warn_at(calendar, rules, case.opened_at, case.due_at, hours)


def note_lateness(session: Session, case: Case, now: datetime) -> None:
    """Keep what has been missed so far. Called before every change, so that no change can hide it."""
    if case.status not in RUNNING:
        return
    if case.unreceived_at is None and case.received_at is None and case.receive_by < now:
        case.unreceived_at = case.receive_by
        record(session, case, "unreceived", now, unit=case.unit_id)
    if case.late_at is None and case.due_at < now:
        case.late_at = case.due_at
        record(session, case, "overdue", now, unit=case.unit_id)


def wake(rulebook: Rulebook, case: Case, now: datetime) -> None:
    """The citizen is no longer waited for: give back the working time that passed meanwhile."""
    if case.waiting_since is None:
        return
    rested = working_hours_between(rulebook.calendar, case.waiting_since, now)
    case.due_at = add_working_hours(rulebook.calendar, case.due_at, rested)
    case.waiting_since = None
    case.alarm_at = None


def reopen(rulebook: Rulebook, case: Case, now: datetime) -> None:
    """A closed case comes back: the time it was closed is given back, and one working day is left at least."""
    calendar = rulebook.calendar
    if case.resolved_at is not None:
        closed = working_hours_between(calendar, case.resolved_at, now)
        case.due_at = add_working_hours(calendar, case.due_at, closed)
    case.due_at = max(case.due_at, add_working_hours(calendar, now, rulebook.deadlines.reopened_hours))
    case.alarm_at = None


def extend(rulebook: Rulebook, case: Case, now: datetime) -> None:
    """Add the one extension."""
    hours = extension_hours(rulebook.calendar, rulebook.deadlines, Urgency(case.urgency))
    case.due_at = add_working_hours(rulebook.calendar, case.due_at, hours)
    case.extended_at = now
    case.alarm_at = None


def change_urgency(session: Session, rulebook: Rulebook, case: Case, urgency: Urgency, now: datetime) -> None:
    """Another urgency counts from the arrival of the case; pauses and the extension already given stay."""
    note_lateness(session, case, now)
    calendar, rules = rulebook.calendar, rulebook.deadlines
    given = working_hours_between(calendar, due_by(calendar, rules, Urgency(case.urgency), case.opened_at), case.due_at)
    case.urgency = urgency
    case.due_at = add_working_hours(calendar, due_by(calendar, rules, urgency, case.opened_at), given)
    case.alarm_at = None


def sweep(session: Session, rulebook: Rulebook, now: datetime, limit: int = 200) -> int:
    """Look at running cases whose moment has come; says how many. Running it twice tells nothing twice."""
    due = or_(Case.alarm_at.is_(None), Case.alarm_at <= now)
    query = select(Case).where(Case.status.in_(RUNNING), due).order_by(Case.alarm_at, Case.id).limit(limit)
    cases = session.scalars(query.with_for_update(**ROW_LOCK, skip_locked=True, of=Case)).all()
    for case in cases:
        try:
            _look_at(session, rulebook, case, now)
        except OutsideCalendar:
            log.warning("the calendar ends before the clocks of this case", extra={"case_id": case.id})
            case.alarm_at = now + QUIET
    return len(cases)


def _look_at(session: Session, rulebook: Rulebook, case: Case, now: datetime) -> None:
    note_lateness(session, case, now)
    warning = warns_at(rulebook.calendar, rulebook.deadlines, case)
    if case.warned_at is None and warning <= now <= case.due_at:
        case.warned_at = now
        record(session, case, "due_soon", now, unit=case.unit_id)
    coming = [case.receive_by] if case.received_at is None else []
    coming += [warning, case.due_at, *_escalate(session, rulebook, case, now)]
    case.alarm_at = min((moment + TICK for moment in coming if moment >= now), default=now + QUIET)


def _escalate(session: Session, rulebook: Rulebook, case: Case, now: datetime) -> Sequence[datetime]:
    """Tell one unit further up for every `escalate_hours` of lateness; gives the moment of the next step, if any."""
    missed = [case.due_at] + ([case.receive_by] if case.received_at is None else [])
    since, step = min(missed), rulebook.deadlines.escalate_hours
    if since >= now:
        return ()
    line = units_with_keepers(session, case.unit_id)
    told = line.index(case.escalated_to) + 1 if case.escalated_to in line else 0
    steps = int(working_hours_between(rulebook.calendar, since, now) / step)
    for unit_id in line[told:steps]:
        case.escalated_to = unit_id
        record(session, case, "escalated", now, unit=case.unit_id, target=unit_id)
    told = max(told, min(steps, len(line)))
    return (add_working_hours(rulebook.calendar, since, (told + 1) * step),) if told < len(line) else ()
