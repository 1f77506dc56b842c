"""The audit log, to be searched and never changed; called by `desk.app`."""

from datetime import date, datetime, time, timedelta

from flask import render_template, request
from flask.typing import ResponseReturnValue

from cases import accounts, audit
from cases.deadlines import LOCAL
from core.db import reading
from desk.admin import door
from desk.context import clean, services, whole_number

blueprint = door.pages("log")
PAGE = 50


@blueprint.get("/audit")
def show_log() -> ResponseReturnValue:
    read, page = request.args.get, max(1, whole_number(request.args.get("page", ""), 1))
    wanted = audit.Wanted(
        action=clean(read("action", "")),
        subject=clean(read("subject", ""))[:80],
        officer_id=whole_number(read("officer", ""), 0) or None,
        start=_day(read("from", "")),
        end=_day(read("to", ""), after=True),
    )
    with reading(services().database) as session:
        entries, total = audit.search(session, wanted, limit=PAGE, offset=(page - 1) * PAGE)
        return render_template(
            "admin/audit.html",
            entries=entries,
            total=total,
            page=page,
            pages=-(-total // PAGE),
            officers=accounts.listed(session),
            words=services().rulebook.words.audits,
        )


def _day(text: str, *, after: bool = False) -> datetime | None:
    """The beginning of a local day, or of the day after it; what cannot be read does not narrow the search."""
    try:
        return datetime.combine(date.fromisoformat(text) + timedelta(days=after), time(), LOCAL)
    except (ValueError, OverflowError):
        return None
