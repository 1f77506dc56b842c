"""The editor of the bot's answers: text, source, dates, preview; in force at once; called by `desk.app`."""

from datetime import date
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases import kept
from cases.deadlines import LOCAL
from cases.faq import Certainty, Entry, FaqAnswer, format_answer
from cases.in_force import data_of, entry_of
from cases.kept import Kind, StaleKeptError
from core.db import reading, transaction
from desk.admin import door
from desk.context import clean, now, officer, services, whole_number

blueprint = door.pages("answers")
LONGEST_ANSWER, LONGEST_SOURCE = 600, 300  # characters: a chat message that is read to its end


@blueprint.get("/answers")
def show_answers() -> ResponseReturnValue:
    """All topics, those that need a look first."""
    faq, today = services().rulebook.faq, _today()
    with reading(services().database) as session:
        own = {kind: set(kept.of_kind(session, kind)) for kind in (Kind.FAQ, Kind.GUIDE)}
    lines = [
        (kind, key, entry, key in own[kind])
        for kind, entries in ((Kind.FAQ, faq.topics), (Kind.GUIDE, faq.guides))
        for key, entry in entries.items()
    ]
    lines.sort(key=lambda line: (_mark(line[2], today) == "", line[2].review_by))
    return render_template("admin/answers.html", lines=lines, titles=faq.titles, mark=_mark, today=today)


@blueprint.get("/answers/<any(faq, guide):kind>/<key>")
def show_answer(kind: str, key: str) -> ResponseReturnValue:
    entry = _entry(Kind(kind), key)
    return _page(Kind(kind), key, data_of(entry), "")


@blueprint.post("/answers/<any(faq, guide):kind>/<key>")
def change(kind: str, key: str) -> ResponseReturnValue:
    """The button says what is done: look first, keep, or go back to the answer as delivered."""
    _entry(Kind(kind), key)
    data, do = _typed(), request.form.get("do", "")
    problem = _problem(data) if do != "withdraw" else ""
    if problem or do not in {"keep", "withdraw"}:
        return _page(Kind(kind), key, data, problem), 422 if problem else 200
    version = whole_number(request.form.get("version", ""), -1)
    try:
        with transaction(services().database) as session:
            value = data if do == "keep" else None
            kept.keep(session, Kind(kind), key, value, officer(), now(), version)
    except StaleKeptError:
        return _page(Kind(kind), key, data, "kept_stale"), 409
    flash("", "answer_kept" if do == "keep" else "answer_withdrawn")
    return redirect(url_for("admin_answers.show_answer", kind=kind, key=key))


def _typed() -> dict[str, Any]:
    read = request.form.get
    return {
        "answer": clean(read("answer", "")),
        "source": clean(read("source", "")),
        "valid_from": read("valid_from", ""),
        "valid_to": read("valid_to", "") or None,
        "review_by": read("review_by", ""),
        "certainty": read("certainty", ""),
        "follow_up": read("follow_up", "") or None,
    }


def _problem(data: dict[str, Any]) -> str:
    """Which problem, by its code in `words.html`, keeps the answer from being told to people."""
    if not data["answer"] or len(data["answer"]) > LONGEST_ANSWER:
        return "answer_length"
    if not data["source"] or len(data["source"]) > LONGEST_SOURCE:
        return "answer_source"
    try:
        entry = entry_of(data)
    except ValueError:
        return "answer_dates"
    if entry.follow_up is not None and entry.follow_up not in services().rulebook.categories:
        return "unknown_category"
    ends = entry.valid_to or date.max
    return "" if entry.valid_from <= ends and entry.valid_from <= entry.review_by else "answer_dates"


def _page(kind: Kind, key: str, data: dict[str, Any], problem: str) -> str:
    with reading(services().database) as session:
        version = kept.version_of(session, kind, key)
        own = key in kept.of_kind(session, kind)
    return render_template(
        "admin/answer.html",
        kind=kind,
        key=key,
        data=data,
        problem=problem,
        preview=_preview(data),
        version=version if not request.form else request.form.get("version", version),
        own=own,
        titles=services().rulebook.faq.titles,
        categories=services().rulebook.categories,
        certainties=list(Certainty),
        longest=LONGEST_ANSWER,
    )


def _preview(data: dict[str, Any]) -> str:
    """What a citizen who asks today would read; "" while the form cannot be read."""
    try:
        entry = entry_of(data)
    except ValueError:
        return ""
    faq, today = services().rulebook.faq, _today()
    valid = entry.holds_on(today)
    text = entry.answer if valid else faq.texts["not_valid"]
    stale = today > entry.review_by
    return format_answer(faq, FaqAnswer(text, entry.source, entry.review_by, stale, valid, entry.certainty, None))


def _entry(kind: Kind, key: str) -> Entry:
    """The answer in force; 404 for a topic the bot does not know."""
    faq = services().rulebook.faq
    entries = faq.topics if kind is Kind.FAQ else faq.guides
    if key not in entries:
        abort(404)
    return entries[key]


def _mark(entry: Entry, today: date) -> str:
    """ "unheld", "stale" or "": what a look at the list must catch."""
    if not entry.holds_on(today):
        return "unheld"
    return "stale" if entry.review_by < today else ""


def _today() -> date:
    return now().astimezone(LOCAL).date()
