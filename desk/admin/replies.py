"""The editor of officers' reply templates: change, hide, add; in force at once; called by `desk.app`."""

import re
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases import kept
from cases.casebook import Template
from cases.codes import fold
from cases.kept import Kind, StaleKeptError
from cases.queries import NotFoundError
from core.db import reading, transaction
from desk.admin import door
from desk.context import LONGEST_TEXT, clean, now, officer, services, whole_number

blueprint = door.pages("replies")
MOVES = ("reply", "ask", "resolve")
LONGEST_LABEL = 80
NEW = "new"


@blueprint.get("/replies")
def show_replies() -> ResponseReturnValue:
    with reading(services().database) as session:
        own = kept.of_kind(session, Kind.REPLY)
    shown = {template.code: template for template in services().rulebook.casebook.templates}
    hidden = [template for template in services().in_force.base.casebook.templates if template.code not in shown]
    return render_template(
        "admin/replies.html", shown=sorted(shown.values(), key=_order), hidden=hidden, own=own, moves=MOVES
    )


@blueprint.get("/replies/<code>")
def show_reply(code: str) -> ResponseReturnValue:
    return _page(code, _known(code), "")


@blueprint.post("/replies/<code>")
def change(code: str) -> ResponseReturnValue:
    """Keep the words, hide the template from officers, or go back to the one as delivered."""
    _known(code)
    data, do = _typed(), request.form.get("do", "")
    data["hidden"] = do == "hide"
    problem = _problem(data) if do == "keep" else ""
    if problem or do not in {"keep", "hide", "withdraw"}:
        return _page(code, data, problem or "setting_wrong"), 422
    version = whole_number(request.form.get("version", ""), -1)
    try:
        with transaction(services().database) as session:
            key = _free_key(data["label"], set(_all_codes())) if code == NEW else code
            kept.keep(session, Kind.REPLY, key, None if do == "withdraw" else data, officer(), now(), version)
    except StaleKeptError:
        return _page(code, data, "kept_stale"), 409
    flash(data["label"], "reply_kept" if do == "keep" else "reply_hidden" if do == "hide" else "reply_withdrawn")
    return redirect(url_for("admin_replies.show_replies"))


def _typed() -> dict[str, Any]:
    return {
        "move": request.form.get("move", ""),
        "categories": request.form.getlist("categories"),
        "label": clean(request.form.get("label", "")),
        "text": clean(request.form.get("text", "")),
    }


def _problem(data: dict[str, Any]) -> str:
    if data["move"] not in MOVES or not 0 < len(data["label"]) <= LONGEST_LABEL:
        return "reply_incomplete"
    if not set(data["categories"]) <= set(services().rulebook.categories):
        return "unknown_category"
    return "" if 0 < len(data["text"]) <= LONGEST_TEXT else "reply_incomplete"


def _known(code: str) -> dict[str, Any]:
    """The template as it stands, hidden or not; an empty one for a new one. Raises NotFoundError."""
    if code == NEW:
        return {"move": "reply", "categories": [], "label": "", "text": "", "hidden": False}
    with reading(services().database) as session:
        own = kept.of_kind(session, Kind.REPLY)
    if code in own:
        return own[code]
    for template in services().in_force.base.casebook.templates:
        if template.code == code:
            return {**_as_data(template), "hidden": False}
    raise NotFoundError(code)


def _as_data(template: Template) -> dict[str, Any]:
    return {
        "move": template.move,
        "categories": list(template.categories),
        "label": template.label,
        "text": template.text,
    }


def _page(code: str, data: dict[str, Any], problem: str) -> str:
    with reading(services().database) as session:
        version = kept.version_of(session, Kind.REPLY, code)
        own = code in kept.of_kind(session, Kind.REPLY)
    return render_template(
        "admin/reply.html",
        code=code,
        data=data,
        problem=problem,
        version=request.form.get("version", version),
        own=own,
        delivered=any(template.code == code for template in services().in_force.base.casebook.templates),
        moves=MOVES,
        categories=services().rulebook.categories,
    )


def _all_codes() -> list[str]:
    with reading(services().database) as session:
        own = list(kept.of_kind(session, Kind.REPLY))
    return [*own, *(template.code for template in services().in_force.base.casebook.templates), NEW]


def _free_key(label: str, taken: set[str]) -> str:
    """A code of plain letters from the label, which nothing else has."""
    stem = re.sub(r"[^a-z0-9]+", "_", fold(label)).strip("_")[:40] or "reply"
    number, key = 1, stem
    while key in taken:
        number += 1
        key = f"{stem}_{number}"
    return key


def _order(template: Template) -> tuple[int, bool, str]:
    return (
        MOVES.index(template.move) if template.move in MOVES else len(MOVES),
        bool(template.categories),
        template.label,
    )
