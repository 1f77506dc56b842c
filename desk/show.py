"""How things look to people: filters of the desk's templates; registered by `desk.app`."""

from datetime import date, datetime
from typing import Any

from flask import Flask

from cases.clocks import warns_at
from cases.deadlines import LOCAL, Calendar, DeadlineRules, OutsideCalendar, format_deadline
from cases.model import Case, Unit
from cases.rulebook import Rulebook
from cases.workflow import OPEN, Status


def register(app: Flask, rulebook: Rulebook) -> None:
    """Give the templates their filters and words."""
    words = rulebook.words
    filters: dict[str, Any] = {
        "local": local,
        "deadline": format_deadline,
        "unit_name": unit_name,
        "browser_name": browser_name,
        "day": day,
        "percent": percent,
        "hours": hours,
        "status_word": lambda code: words.statuses.get(code, code),
        "urgency_word": lambda code: words.urgencies.get(code, code),
        "role_word": lambda code: words.roles.get(code, code),
        "author_word": lambda code: words.authors.get(code, code),
        "event_word": lambda code: words.events.get(code, code),
        "undelivered_word": lambda code: words.undelivered.get(code, words.undelivered["dead"]),
        "next_step": lambda code: words.next_steps.get(code, words.next_steps["dead"]),
        "category_label": lambda code: rulebook.categories[code].label if code in rulebook.categories else code,
    }
    app.jinja_env.filters.update(filters)


def local(moment: datetime | None) -> str:
    """Local time for people: "16:05 27/11/2026"."""
    return f"{moment.astimezone(LOCAL):%H:%M %d/%m/%Y}" if moment else ""


def unit_name(unit: Unit | None) -> str:
    """As it stands at the head of a cell: "Khu vực Đống Đa"."""
    return unit.name[:1].upper() + unit.name[1:] if unit else ""


def browser_name(browser: str) -> str:
    """ "Chrome, Windows" out of how a browser calls itself; as it stands when it is none we know."""
    names = ("Edg", "OPR", "CocCoc", "Firefox", "Chrome", "Safari")
    systems = ("Windows", "Android", "iPhone", "iPad", "Mac OS", "Linux")
    name = next((known for known in names if known in browser), "")
    system = next((known for known in systems if known in browser), "")
    spoken = {"Edg": "Edge", "OPR": "Opera", "CocCoc": "Cốc Cốc"}.get(name, name)
    return f"{spoken}, {system}" if name and system else browser


def day(text: str) -> str:
    """ "2026-11-27", as it stands in an address, for people."""
    return f"{date.fromisoformat(text):%d/%m/%Y}"


def percent(share: float | None) -> str:
    """A share as people read it: "12,5%"; a dash when there is none."""
    return "–" if share is None else f"{share * 100:.1f}%".replace(".", ",")


def hours(value: float | None) -> str:
    """Hours with one decimal, after a comma; a dash when there are none."""
    return "–" if value is None else f"{value:.1f}".replace(".", ",")


def deadline_mark(case: Case, calendar: Calendar, rules: DeadlineRules, now: datetime) -> str:
    """ "resting", "late", "soon", "done" or "": which mark the deadline of a case carries."""
    if case.status not in OPEN:
        return "done"
    if case.status == Status.WAITING_CITIZEN:
        return "resting"
    if case.due_at < now:
        return "late"
    try:
        return "soon" if warns_at(calendar, rules, case) <= now else ""
    except OutsideCalendar:
        return ""
