"""Units: name, contact, open or closed; called by `desk.app`."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases import unit_book
from cases.unit_search import find_units
from core.db import reading, transaction
from desk.admin import door
from desk.context import clean, now, officer, services

blueprint = door.pages("units")
LONGEST_NAME, LONGEST_CONTACT = 80, 300


@blueprint.get("/units")
def show_units() -> ResponseReturnValue:
    text = clean(request.args.get("text", ""))[:60]
    with reading(services().database) as session:
        return render_template(
            "admin/units.html",
            units=find_units(session, text, closed=True),
            cases=unit_book.open_cases(session),
            officers=unit_book.officers_of(session),
            text=text,
        )


@blueprint.get("/units/<unit_id>")
def show_unit(unit_id: str) -> ResponseReturnValue:
    return _page(unit_id, "")


@blueprint.post("/units/<unit_id>")
def change(unit_id: str) -> ResponseReturnValue:
    name, contact = clean(request.form.get("name", "")), clean(request.form.get("contact", ""))
    if not name or len(name) > LONGEST_NAME or len(contact) > LONGEST_CONTACT:
        return _page(unit_id, "unit_incomplete"), 422
    try:
        with transaction(services().database) as session:
            found = unit_book.unit_for(session, unit_id, lock=True)
            unit_book.change(session, found, name, contact, request.form.get("active") == "1", officer(), now())
    except unit_book.RootUnitError:
        return _page(unit_id, "unit_root"), 422
    flash("", "unit_changed")
    return redirect(url_for("admin_units.show_unit", unit_id=unit_id))


def _page(unit_id: str, problem: str) -> str:
    with reading(services().database) as session:
        found = unit_book.unit_for(session, unit_id)
        cases = unit_book.open_cases(session).get(unit_id, 0)
        staff = unit_book.officers_of(session).get(unit_id, 0)
        return render_template("admin/unit.html", found=found, cases=cases, staff=staff, problem=problem)
