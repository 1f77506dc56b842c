"""The official report of a period, in Vietnamese, as a Word file with charts; called by the worker's exporter.

A whole month of the whole city that has been frozen is reported as it was frozen; everything else as it stands now.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from cases import docx_layout as layout
from cases.deadlines import LOCAL
from cases.docx_chart import add_chart
from cases.figures_model import Snapshot, SnapshotCase
from cases.measures import FEW, Cases, Filter, load_definitions, month_of, with_dots
from cases.model import Case, Officer, Unit
from cases.place_types import CITY_ID
from cases.queries import visible_to
from cases.rulebook import Rulebook
from cases.snapshots import frozen_scope
from cases.statistics import SHARES, Figures, Line, figures
from cases.trends import balance, twelve_months

COLUMNS = ("received", "closed", "open", "late_now", "on_time_share", "handled_hours", "not_done_share")
TIMES = {"answer_hours": "answered", "handled_hours": "handled", "handled_p90": "handled", "rating": "rated"}
CHARTED = 12
DEFINED = ("received", "closed", "late_now", "ever_late", "on_time_share", "answer_hours", "handled_hours",
           "handled_p90", "not_done_share", "satisfied_share", "undelivered")  # fmt: skip


@dataclass(frozen=True)
class _Source:
    """Whom the report speaks of: frozen cases or those of today, as far as the officer sees them."""

    session: Session
    rulebook: Rulebook
    officer: Officer
    filters: Filter
    scope: ColumnElement[bool]
    live_scope: ColumnElement[bool]
    as_of: datetime
    cases: Cases

    def figures(self, by: str) -> Figures:
        calendar = self.rulebook.calendar
        return figures(self.session, self.scope, calendar, self.filters, self.as_of, by, self.cases)


def write(session: Session, rulebook: Rulebook, officer: Officer, filters: Filter, now: datetime, path: Path) -> None:
    """Write the report to a file."""
    source, words, paper = _source(session, rulebook, officer, filters, now), load_sentences(), layout.new_paper()
    _head(paper, words, source, now)
    categories = source.figures("category")
    _general(paper, words, source, categories.total)
    _results(paper, words, source, categories)
    _places(paper, words, source)
    _quality(paper, words, source, categories.total)
    layout.add_head(paper, words["heads"]["opinion"])
    layout.say(paper, words["opinion"], italic=True)
    layout.add_head(paper, words["heads"]["method"])
    for name in DEFINED:
        entry = load_definitions()[name]
        layout.say(paper, f"- {entry.label}: {entry.definition}", size=11)
    layout.add_signature(paper, (words["recipients"], *words["recipient_list"]), (words["signer"], words["signature"]))
    paper.save(str(path))


@cache
def load_sentences() -> dict[str, Any]:
    """The sentences of the report, from `catalogue/report.yml`."""
    text = Path(__file__).with_name("catalogue").joinpath("report.yml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def _source(session: Session, rulebook: Rulebook, officer: Officer, filters: Filter, now: datetime) -> _Source:
    month, live = f"{filters.first:%Y-%m}", visible_to(session, officer)
    if filters == month_of(month):
        snapshot = session.scalars(select(Snapshot).where(Snapshot.month == month)).first()
        if snapshot is not None:
            scope = frozen_scope(session, officer) & (SnapshotCase.snapshot_id == snapshot.id)
            return _Source(session, rulebook, officer, filters, scope, live, snapshot.as_of, SnapshotCase)
    return _Source(session, rulebook, officer, filters, live, live, now, Case)


def _head(paper: layout.Paper, words: dict[str, Any], source: _Source, now: datetime) -> None:
    today, unit = now.astimezone(LOCAL), source.session.get_one(Unit, source.officer.unit_id)
    own = words["city"] if unit.id == CITY_ID else unit.name.upper()
    nation = (words["nation"], words["motto"])
    day = words["place_and_day"].format(day=f"{today:%d}", month=f"{today:%m}", year=today.year)
    layout.add_masthead(paper, (words["committee"], own), words["number"], nation, day)
    layout.add_title(paper, words["title"], words["subject"], _period(words, source.filters))
    layout.say(paper, words["opening"].format(period=_period(words, source.filters)))
    if what := _narrowed(source):
        layout.say(paper, words["narrowed"].format(what=what))
    moment = f"{source.as_of.astimezone(LOCAL):%H:%M ngày %d/%m/%Y}"
    layout.say(paper, words["frozen" if source.cases is SnapshotCase else "live"].format(moment=moment))


def _general(paper: layout.Paper, words: dict[str, Any], source: _Source, total: Line) -> None:
    layout.add_head(paper, words["heads"]["general"])
    sums = asdict(balance(source.session, source.scope, source.filters, source.as_of, source.cases))
    layout.say(paper, words["general"].format(**{name: with_dots(value) for name, value in sums.items()}))
    if total.counts["demo"]:
        layout.say(paper, words["demo"].format(count=with_dots(total.counts["demo"])), bold=True)
    rows = [(words["balance"][name], with_dots(value)) for name, value in sums.items()]
    layout.add_table(paper, words["tables"]["balance"], words["balance_heads"], rows)
    months = twelve_months(source.session, source.live_scope, source.filters, source.as_of)
    drawn = words["charts"]
    series = [(drawn["received"], [m.received for m in months]), (drawn["closed"], [m.closed for m in months])]
    layout.add_caption(paper, drawn["months"])
    add_chart(paper, drawn["months"], [f"{month.key[5:]}/{month.key[2:4]}" for month in months], series)


def _results(paper: layout.Paper, words: dict[str, Any], source: _Source, found: Figures) -> None:
    layout.add_head(paper, words["heads"]["results"])
    layout.say(paper, words["results"].format(**_said(found.total)))
    _breakdown(paper, words, source, found)
    largest = found.lines[:CHARTED]
    if largest:
        names = [_name(words, source, "category", line.key) for line in largest]
        values = [line.counts["received"] for line in largest]
        layout.add_caption(paper, words["charts"]["category"])
        add_chart(paper, words["charts"]["category"], names, [(words["charts"]["received"], values)], lying=True)
    _breakdown(paper, words, source, source.figures("channel"))


def _places(paper: layout.Paper, words: dict[str, Any], source: _Source) -> None:
    layout.add_head(paper, words["heads"]["places"])
    layout.say(paper, words["places"])
    for by in ("ward", "area"):
        _breakdown(paper, words, source, source.figures(by))


def _quality(paper: layout.Paper, words: dict[str, Any], source: _Source, total: Line) -> None:
    layout.add_head(paper, words["heads"]["quality"])
    layout.say(paper, words["quality"].format(**_said(total)))
    layout.say(paper, words["few"], italic=True, size=11)


def _breakdown(paper: layout.Paper, words: dict[str, Any], source: _Source, found: Figures) -> None:
    heads = (words["line_names"][found.by], *(load_definitions()[name].short for name in COLUMNS))
    rows = [(_name(words, source, found.by, line.key), *_cells(line)) for line in found.lines]
    rows.append((words["total"], *_cells(found.total)))
    layout.add_table(paper, words["tables"][found.by], heads, rows)


def _cells(line: Line) -> Sequence[str]:
    said = _said(line)
    return [said[name] for name in COLUMNS]


def _said(line: Line) -> dict[str, str]:
    """Every figure as it is printed; what rests on few cases carries a star."""
    said = {name: with_dots(count) for name, count in line.counts.items()}
    for name, (_, whole) in SHARES.items():
        share = line.share(name)
        said[name] = "–" if share is None else f"{share * 100:.1f}%{_star(line, whole)}".replace(".", ",")
    for name, whole in TIMES.items():
        value = getattr(line, name)
        said[name] = "–" if value is None else f"{value:.1f}{_star(line, whole)}".replace(".", ",")
    return said


def _star(line: Line, measure: str) -> str:
    return "*" if line.counts[measure] < FEW else ""


def _name(words: dict[str, Any], source: _Source, by: str, key: str) -> str:
    if key in ("", "none"):
        return str(words["no_place"])
    if by == "category":
        known = source.rulebook.categories.get(key)
        return known.label if known else key
    if by == "channel":
        return key.title()
    unit = source.session.get(Unit, key)
    return unit.name[:1].upper() + unit.name[1:] if unit else key


def _narrowed(source: _Source) -> str:
    filters = source.filters
    parts = [_name(load_sentences(), source, by, getattr(filters, by)) for by in ("ward", "area", "category", "channel")
             if getattr(filters, by)]  # fmt: skip
    if filters.urgency:
        parts.append(source.rulebook.words.urgencies.get(filters.urgency, filters.urgency))
    return ", ".join(parts)


def _period(words: dict[str, Any], filters: Filter) -> str:
    month = month_of(f"{filters.first:%Y-%m}")
    if (filters.first, filters.last) == (month.first, month.last):
        return str(words["whole_month"].format(month=f"{filters.first:%m}", year=filters.first.year))
    return str(words["some_days"].format(first=f"{filters.first:%d/%m/%Y}", last=f"{filters.last:%d/%m/%Y}"))
