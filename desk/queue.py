"""The queue of an officer: their cases, filtered, what needs them first on top; many taken or handed on at once."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases import conflict, followers, queries, queue, service, undo
from cases.model import Case
from cases.officers import may_act
from cases.queries import NotFoundError
from cases.service import StaleCaseError, UnknownUnitError
from cases.unit_search import find_units, units_below
from cases.workflow import MoveNotAllowedError, Status
from core.db import reading, transaction
from core.vault import Vault
from desk.context import clean, is_htmx, now, officer, require, services, text_problem, whole_number
from desk.show import deadline_mark

blueprint = Blueprint("queue", __name__)
PAGE = 50
MOST_AT_ONCE = 50


@dataclass(frozen=True)
class Row:
    """A case in the queue: its deadline's mark, whether nobody received it in time, its place, who else reports it."""

    case: Case
    mark: str
    unreceived: bool
    key: str
    description: str
    followers: int


@blueprint.get("/")
def show_queue() -> ResponseReturnValue:
    """The page, or only its table when htmx refreshes it; 204 when nothing in it has changed."""
    at, rulebook = now(), services().rulebook
    filters, after = filters_of(request.args), clean(request.args.get("after", ""))[:60]
    with reading(services().database) as session:
        page = queue.queue(session, _vault(), officer(), filters, at, after=after, limit=PAGE)
        followed = followers.counts(session, page.cases)
        rows = [_row(case, followed.get(case.id, 0)) for case in page.cases]
        print_ = "-".join(f"{row.case.id}.{row.case.version}{row.mark}{row.followers or ''}" for row in rows)
        if is_htmx() and request.args.get("seen") == print_:
            return Response(status=204)
        kept = {key: value for key, value in request.args.items() if key not in {"after", "seen"}}
        table = {"rows": rows, "page": page, "after": after, "filters": filters, "at": at, "print": print_}
        table |= {"kept": kept, "kept_text": urlencode(kept), "may_act": may_act(officer())}
        if is_htmx():
            return render_template("_queue_table.html", **table)
        counts = queue.counts(session, officer(), at)
        units, targets = units_below(session, officer().unit_id), find_units(session)
        lists = {"units": units, "targets": targets, "categories": rulebook.categories}
        return render_template("queue.html", **table, counts=counts, **lists)


@blueprint.post("/bulk/<any(take, transfer):action>")
def act_on_many(action: str) -> ResponseReturnValue:
    """Each case in a transaction of its own: what somebody else has changed meanwhile stays and is named."""
    require(may_act)
    reason, unit_id = clean(request.form.get("text", "")), clean(request.form.get("unit_id", ""))
    back = redirect(url_for("queue.show_queue") + _query_of(request.form.get("kept", "")))
    chosen = request.form.getlist("case")[:MOST_AT_ONCE]
    if not chosen or (action == "transfer" and text_problem(reason)):
        flash("", "bulk_empty" if not chosen else "bulk_reason")
        return back
    left = [code for code, version in map(_split, chosen) if not _act(action, code, version, reason, unit_id)]
    if len(left) < len(chosen):
        flash(str(len(chosen) - len(left)), f"bulk_{action}")
    if left:
        flash(", ".join(left), "bulk_left")
    return back


@blueprint.get("/cases/<code>/next")
def show_next(code: str) -> ResponseReturnValue:
    """The case that needs this officer after this one, under the same filters."""
    kept = dict(parse_qsl(request.args.get("kept", "")[:500]))
    after = clean(request.args.get("after", ""))[:60]
    with reading(services().database) as session:
        found = queue.next_case(session, _vault(), officer(), filters_of(kept), now(), after=after, current=code)
        if found is not None:
            place = queue.key_of(found)
            return redirect(url_for("case.show_case", code=found.code, kept=urlencode(kept) or None, after=place))
    flash("", "queue_done")
    return redirect(url_for("queue.show_queue"))


def filters_of(read: dict[str, str]) -> queue.Filters:
    """The filters live in the address, so that a page can be kept, sent and refreshed."""
    status, need = clean(read.get("status", "open")), clean(read.get("need", ""))
    return queue.Filters(
        status="" if status == "all" else status,
        need=need if need in queue.NEEDS else "",
        category=clean(read.get("category", "")),
        unit_id=clean(read.get("unit", "")),
        text=clean(read.get("text", ""))[:100],
        mine=read.get("mine") == "1",
    )


def _row(case: Case, followed: int) -> Row:
    rulebook, at = services().rulebook, now()
    return Row(
        case=case,
        mark=deadline_mark(case, rulebook.calendar, rulebook.deadlines, at),
        unreceived=case.status == Status.NEW and case.received_at is None and case.receive_by < at,
        key=queue.key_of(case),
        description=conflict.masked_description(case) if conflict.is_masked(case) else case.description,
        followers=followed,
    )


def _act(action: str, code: str, version: int, reason: str, unit_id: str) -> bool:
    """Whether it was done; what is not this officer's, or was changed meanwhile, is left as it is."""
    try:
        with transaction(services().database) as session:
            case = queries.case_for(session, officer(), code, lock=True)
            with undo.offered(session, case, officer(), now()):
                if action == "take":
                    service.take(session, case, officer(), now(), version)
                else:
                    service.transfer(session, services().rulebook, case, officer(), unit_id, reason, now(), version)
    except (NotFoundError, StaleCaseError, MoveNotAllowedError, UnknownUnitError):
        return False
    return True


def _split(chosen: str) -> tuple[str, int]:
    code, _, version = chosen[:40].partition(":")
    return clean(code), whole_number(version, -1)


def _query_of(kept: str) -> str:
    pairs = urlencode(parse_qsl(kept[:500]))
    return f"?{pairs}" if pairs else ""


def _vault() -> Vault:
    return Vault(services().config.data_keys)
