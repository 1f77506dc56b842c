"""Accounts of officers: list, make, move, close, leave, hand-over, links, sessions; called by `desk.app`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import accounts, audit, officers, second_factor, sessions
from cases.accounts import OwnAccountError, UnfitColleagueError, UnfitUnitError
from cases.deadlines import LOCAL
from cases.model import Officer
from cases.officers import OfficerError, Role, UsernameTakenError
from cases.unit_search import find_units
from core.db import reading, transaction
from desk.admin import door
from desk.context import clean, now, officer, services

blueprint = door.pages("people")

PROBLEMS: dict[type[Exception], str] = {
    OwnAccountError: "own_account",
    UnfitUnitError: "unfit_unit",
    UnfitColleagueError: "unfit_colleague",
    UsernameTakenError: "username_taken",
    OfficerError: "officer_incomplete",
}


class WrongDayError(OfficerError):
    """A day of the leave form cannot be read, or the leave would end before it begins."""


PROBLEMS[WrongDayError] = "wrong_day"


@dataclass(frozen=True)
class Typed:
    """The form of a new account as typed, to be shown again with what is wrong."""

    username: str = ""
    name: str = ""
    role: str = Role.OFFICER.value
    unit_id: str = ""


@blueprint.get("/officers")
def show_officers() -> ResponseReturnValue:
    return _list(Typed(), "")


@blueprint.post("/officers")
def make() -> ResponseReturnValue:
    """A new account; the link for its password is shown this once, to be handed over."""
    typed = Typed(*(clean(request.form.get(name, ""))[:120] for name in ("username", "name", "role", "unit_id")))
    try:
        if not typed.name or typed.role not in set(Role):
            raise OfficerError("a new account needs a name and a role")
        with transaction(services().database) as session:
            made, token = accounts.invite(
                session, typed.username, typed.name, typed.role, typed.unit_id, officer(), now()
            )
            name = made.name
    except OfficerError as error:
        return _list(typed, PROBLEMS[type(error)]), 422
    return _link(name, token)


@blueprint.get("/officers/<int:officer_id>")
def show_officer(officer_id: int) -> ResponseReturnValue:
    return _page(officer_id, "")


@blueprint.post("/officers/<int:officer_id>/<any(rename, place, close, leave, back, unlock, factor):change>")
def change(officer_id: int, change: str) -> ResponseReturnValue:
    """Changes that end on the same page."""
    return _changed(officer_id, f"officer_{change}", lambda session, found: _apply(session, found, change))


@blueprint.post("/officers/<int:officer_id>/<any(link, reopen):change>")
def make_link(officer_id: int, change: str) -> ResponseReturnValue:
    """Changes that end with a link to hand over."""
    make = accounts.make_link if change == "link" else accounts.reopen
    with transaction(services().database) as session:
        found = accounts.officer_for(session, officer_id, lock=True)
        if found.active == (change == "reopen"):
            flash("", "nothing_changed")
            return redirect(url_for("admin_people.show_officer", officer_id=officer_id))
        token, name = make(session, found, officer(), now()), found.name
    return _link(name, token)


@blueprint.post("/officers/<int:officer_id>/hand-over")
def hand_over(officer_id: int) -> ResponseReturnValue:
    chosen = request.form.get("colleague", "")
    colleague = int(chosen) if chosen.isascii() and chosen.isdecimal() and len(chosen) < 10 else None
    if colleague is None and chosen != "queue":
        return _page(officer_id, "unfit_colleague"), 422
    try:
        with transaction(services().database) as session:
            found = accounts.officer_for(session, officer_id, lock=True)
            done = accounts.hand_over(session, found, colleague, officer(), now())
    except UnfitColleagueError:
        return _page(officer_id, "unfit_colleague"), 422
    flash(f"{done.passed} hồ sơ đã chuyển cho đồng nghiệp, {done.returned} hồ sơ trở lại hàng chờ của đơn vị", "handed")
    return redirect(url_for("admin_people.show_officer", officer_id=officer_id))


@blueprint.post("/officers/<int:officer_id>/sessions/<int:session_id>/end")
def end_session(officer_id: int, session_id: int) -> ResponseReturnValue:
    with transaction(services().database) as session:
        found = accounts.officer_for(session, officer_id)
        ended = sessions.end(session, officer_id, session_id, now())
        if ended:
            audit.note(session, officer().id, "session_ended", accounts.subject(found), now())
    flash("", "session_ended" if ended else "session_not_there")
    return redirect(url_for("admin_people.show_officer", officer_id=officer_id))


def _apply(session: Session, found: Officer, change: str) -> None:
    by, at, read = officer(), now(), request.form.get
    match change:
        case "rename":
            accounts.rename(session, found, clean(read("name", ""))[:120] or found.name, by, at)
        case "place":
            role = read("role", "")
            if role not in set(Role):
                raise OfficerError(role)
            accounts.place(session, found, role, read("unit_id", ""), by, at)
        case "close":
            accounts.close(session, found, by, at)
        case "leave":
            accounts.set_leave(session, found, *_leave(), by, at)
        case "back":
            accounts.set_leave(session, found, None, None, by, at)
        case "unlock":
            accounts.unlock(session, found, by, at)
        case "factor":
            accounts.remove_factor(session, found, by, at)


def _leave() -> tuple[datetime, datetime | None]:
    """Both days are included; without a last day the leave lasts until further notice."""
    try:
        first = date.fromisoformat(request.form.get("from", ""))
        last = date.fromisoformat(request.form["until"]) if request.form.get("until") else None
    except ValueError as error:
        raise WrongDayError("not a day") from error
    if last is not None and last < first:
        raise WrongDayError("ends before it begins")
    return _midnight(first.toordinal()), None if last is None else _midnight(last.toordinal() + 1)


def _midnight(ordinal: int) -> datetime:
    try:
        return datetime.combine(date.fromordinal(ordinal), time(), LOCAL)
    except (ValueError, OverflowError) as error:
        raise WrongDayError("out of the calendar") from error


def _changed(officer_id: int, done: str, apply: Callable[[Session, Officer], None]) -> ResponseReturnValue:
    try:
        with transaction(services().database) as session:
            apply(session, accounts.officer_for(session, officer_id, lock=True))
    except OfficerError as error:
        return _page(officer_id, PROBLEMS[type(error)]), 422
    flash("", done)
    return redirect(url_for("admin_people.show_officer", officer_id=officer_id))


def _list(typed: Typed, problem: str) -> str:
    text, at = clean(request.args.get("text", ""))[:60], now()
    with reading(services().database) as session:
        found = accounts.listed(session, text)
        away = {one.id for one in found if officers.is_away(one, at)}
        locked = {one.id for one in found if officers.is_locked(one, at)}
        units = find_units(session)
        marks = {"away": away, "locked": locked, "text": text}
        return render_template(
            "admin/officers.html", found=found, units=units, roles=list(Role), typed=typed, problem=problem, **marks
        )


def _page(officer_id: int, problem: str) -> str:
    at = now()
    with reading(services().database) as session:
        found = accounts.officer_for(session, officer_id)
        return render_template(
            "admin/officer.html",
            found=found,
            problem=problem,
            roles=list(Role),
            units=find_units(session),
            away=officers.is_away(found, at),
            locked=officers.is_locked(found, at),
            factor=second_factor.is_on(session, officer_id),
            open_cases=accounts.open_cases(session, officer_id),
            colleagues=accounts.colleagues(session, found, at),
            sessions=sessions.running(session, officer_id, at),
            oneself=found.id == officer().id,
        )


def _link(name: str, token: str) -> str:
    return render_template("admin/link.html", name=name, link=url_for("reset.show_form", token=token, _external=True))
