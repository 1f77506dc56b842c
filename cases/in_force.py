"""The rulebook with the city's own words over the catalogue, without a restart; called by desk, actions and webhook.

An entry that no longer fits (a key the catalogue has dropped, a date that cannot be) is left aside: an editor's
mistake of last year must not stop the bot today.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from cases import kept
from cases.casebook import Casebook, Template
from cases.deadlines import Calendar, DeadlineRules
from cases.faq import Certainty, Entry, Faq
from cases.kept import Kind
from cases.rulebook import Rulebook
from cases.settings import load_catalogue, with_kept

log = logging.getLogger(__name__)

Entries = Mapping[str, Mapping[str, Any]]


class RulebookInForce:
    """Reads the city's entries when one of them has changed, otherwise hands out what it made before."""

    def __init__(self, base: Rulebook) -> None:
        self.base = base
        self._settings = load_catalogue()
        self._made: tuple[int, Rulebook] = (0, base)

    def at(self, session: Session) -> Rulebook:
        """The rulebook of this moment; one short query while nothing has changed."""
        stamp = kept.stamp(session)
        if stamp != self._made[0]:
            self._made = (stamp, self._with_kept(session))
        return self._made[1]

    def _with_kept(self, session: Session) -> Rulebook:
        of_kind = {kind: kept.of_kind(session, kind) for kind in Kind}
        base = self.base
        return replace(
            base,
            faq=faq_with(base.faq, of_kind[Kind.FAQ], of_kind[Kind.GUIDE]),
            calendar=calendar_with(base.calendar, of_kind[Kind.DAY], of_kind[Kind.YEAR]),
            deadlines=limits_with(base.deadlines, of_kind[Kind.LIMIT]),
            casebook=templates_with(base.casebook, of_kind[Kind.REPLY]),
            settings=with_kept(base.settings, self._settings, of_kind[Kind.SETTING]),
        )


def entry_of(data: Mapping[str, Any]) -> Entry:
    """An answer as it is kept (dates as ISO text); raises KeyError, TypeError or ValueError when it is none."""
    until = data["valid_to"]
    return Entry(
        answer=data["answer"],
        source=data["source"],
        valid_from=date.fromisoformat(data["valid_from"]),
        valid_to=date.fromisoformat(until) if until else None,
        review_by=date.fromisoformat(data["review_by"]),
        certainty=Certainty(data["certainty"]),
        follow_up=data["follow_up"] or None,
    )


def data_of(entry: Entry) -> dict[str, Any]:
    """An answer in the form in which it is kept."""
    return {
        "answer": entry.answer,
        "source": entry.source,
        "valid_from": entry.valid_from.isoformat(),
        "valid_to": entry.valid_to.isoformat() if entry.valid_to else None,
        "review_by": entry.review_by.isoformat(),
        "certainty": entry.certainty.value,
        "follow_up": entry.follow_up,
    }


def faq_with(base: Faq, topics: Entries, guides: Entries) -> Faq:
    """The catalogue's answers with the city's own in their place."""
    return replace(
        base,
        topics={**base.topics, **_fitting(Kind.FAQ, topics, base.topics, entry_of)},
        guides={**base.guides, **_fitting(Kind.GUIDE, guides, base.guides, entry_of)},
    )


def calendar_with(base: Calendar, days: Entries, years: Entries) -> Calendar:
    """Days the city has off or works on, which win over the catalogue's; years whose days are all entered."""
    kinds = _fitting(Kind.DAY, days, None, lambda data: str(data["kind"]))
    off = {date.fromisoformat(day) for day, kind in kinds.items() if kind == "off"}
    announced = base.announced_years | {int(year) for year in years if year.isdecimal()}
    work = {date.fromisoformat(day) for day, kind in kinds.items() if kind == "work"}
    return replace(base, off=(base.off | off) - work, work=(base.work | work) - off, announced_years=announced)


def templates_with(base: Casebook, replies: Entries) -> Casebook:
    """Reply templates of the city instead of, or beside, those delivered; hidden ones are not offered."""
    own = _fitting(Kind.REPLY, replies, None, _template)
    made = {code: replace(template, code=code) for code, template in own.items() if template is not None}
    delivered = [made.pop(one.code, one) for one in base.templates if one.code not in own or one.code in made]
    return replace(base, templates=(*delivered, *made.values()))


def _template(data: Mapping[str, Any]) -> Template | None:
    """None for one that is hidden; the code is the key under which it is kept."""
    made = Template("", data["move"], tuple(data["categories"]), data["label"], data["text"])
    return None if data["hidden"] else made


def limits_of(rules: DeadlineRules) -> dict[str, float]:
    """The limits an administrator may set: every figure of the rules that the catalogue gives a source for."""
    values = {field.name: getattr(rules, field.name) for field in fields(rules)}
    return {name: value for name, value in values.items() if isinstance(value, float) and name in rules.sources}


def limits_with(base: DeadlineRules, limits: Entries) -> DeadlineRules:
    """The figures the city has set; a figure that was set is no assumption any more, and its source is the city's."""
    known = limits_of(base)
    values: dict[str, Any] = _fitting(Kind.LIMIT, limits, known, lambda data: float(data["value"]))
    sources = {name: str(limits[name].get("source", "")) for name in values}
    return replace(base, **values, assumptions=base.assumptions - values.keys(), sources={**base.sources, **sources})


def _fitting[Value](
    kind: Kind, entries: Entries, known: Mapping[str, Any] | None, read: Callable[[Mapping[str, Any]], Value]
) -> dict[str, Value]:
    """What can be read of the kept entries, by key; the rest is left aside with a line in the log."""
    found: dict[str, Value] = {}
    for key, data in entries.items():
        if known is not None and key not in known:
            continue
        try:
            if kind is Kind.DAY:
                date.fromisoformat(key)
            found[key] = read(data)
        except (KeyError, TypeError, ValueError) as error:
            log.warning("kept entry left aside", extra={"event": f"{kind}:{key}", "error": type(error).__name__})
    return found
