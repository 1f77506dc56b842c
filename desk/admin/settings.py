"""Settings an administrator may change without a restart; called by `desk.app`."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases import kept
from cases.kept import Kind, StaleKeptError
from cases.settings import Setting, load_catalogue
from core.db import reading, transaction
from desk.admin import door
from desk.context import now, officer, services, whole_number

blueprint = door.pages("settings")


@blueprint.get("/settings")
def show_settings() -> ResponseReturnValue:
    return _page("")


@blueprint.post("/settings/<name>")
def change(name: str) -> ResponseReturnValue:
    setting = load_catalogue().get(name)
    if setting is None:
        return _page("setting_wrong"), 404
    value = _value(setting, request.form.get("value", ""))
    if not setting.takes(value):
        return _page("setting_wrong"), 422
    version = whole_number(request.form.get("version", ""), -1)
    try:
        with transaction(services().database) as session:
            kept.keep(session, Kind.SETTING, name, {"value": value}, officer(), now(), version)
    except StaleKeptError:
        return _page("kept_stale"), 409
    flash(setting.label, "setting_changed")
    return redirect(url_for("admin_settings.show_settings"))


def _value(setting: Setting, typed: str) -> int | bool | None:
    if setting.is_switch:
        return typed == "1"
    return whole_number(typed.strip(), -1)


def _page(problem: str) -> str:
    catalogue = load_catalogue()
    with reading(services().database) as session:
        versions = {name: kept.version_of(session, Kind.SETTING, name) for name in catalogue}
    values = vars(services().rulebook.settings)
    return render_template(
        "admin/settings.html", catalogue=catalogue, values=values, versions=versions, problem=problem
    )
