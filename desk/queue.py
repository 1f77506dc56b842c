"""The queue of an officer: their cases, filtered, what needs them first on top."""

from dataclasses import dataclass

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from cases import queries, statistics
from cases.model import Case
from cases.unit_search import units_below
from cases.workflow import Status
from core.db import reading
from desk.context import clean, is_htmx, now, officer, services, whole_number
from desk.show import deadline_mark

blueprint = Blueprint("queue", __name__)
PAGE = 50


@dataclass(frozen=True)
class Row:
    """A case in the queue with the mark its deadline carries and whether nobody received it in time."""

    case: Case
    mark: str
    unreceived: bool


@blueprint.get("/")
def show_queue() -> ResponseReturnValue:
    """The page, or only its table when htmx refreshes it."""
    at, rulebook = now(), services().rulebook
    filters, page = _filters(), max(1, whole_number(request.args.get("page", ""), 1))
    with reading(services().database) as session:
        found, total = queries.queue(session, officer(), filters, at, limit=PAGE, offset=(page - 1) * PAGE)
        rows = [
            Row(
                case=case,
                mark=deadline_mark(case, rulebook.calendar, rulebook.deadlines, at),
                unreceived=case.status == Status.NEW and case.received_at is None and case.receive_by < at,
            )
            for case in found
        ]
        table = {"rows": rows, "total": total, "page": page, "pages": -(-total // PAGE), "filters": filters, "at": at}
        if is_htmx():
            return render_template("_queue_table.html", **table)
        counts = statistics.queue_counts(session, queries.visible_to(session, officer()), officer().id, at)
        units = units_below(session, officer().unit_id)
        return render_template("queue.html", **table, counts=counts, units=units, categories=rulebook.categories)


def _filters() -> queries.Filters:
    """The filters live in the address, so that a page can be kept, sent and refreshed."""
    read = request.args.get
    status = clean(read("status", "open"))
    return queries.Filters(
        status="" if status == "all" else status,
        category=clean(read("category", "")),
        unit_id=clean(read("unit", "")),
        text=clean(read("text", ""))[:100],
        mine=read("mine") == "1",
    )
