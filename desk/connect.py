"""Connecting the Zalo account, and how the channels are doing, for administrators; called through `desk.app`."""

from urllib.parse import urlencode

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases.officers import may_repair
from cases.platforms import platform_notices
from core import connections
from core.config import ZaloConfig
from core.db import reading, transaction
from core.model import ChannelToken
from core.vault import Vault
from desk.context import now, officer, require, services

blueprint = Blueprint("connect", __name__)

CHANNEL = "zalo"
PERMISSION_PATH = "/v4/oa/permission"
LONGEST_CODE = 2000


@blueprint.get("/channels")
def show_channels() -> ResponseReturnValue:
    require(may_repair)
    return _page()


@blueprint.post("/channels/zalo")
def begin() -> ResponseReturnValue:
    """A link to Zalo, good for ten minutes and for this administrator; the page itself sends nobody away."""
    require(may_repair)
    zalo = _zalo()
    with transaction(services().database) as session:
        asked = connections.begin(session, _vault(), CHANNEL, officer().id, now())
    fields = {
        "app_id": zalo.app_id,
        "redirect_uri": _address(),
        "code_challenge": asked.challenge,
        "state": asked.state,
    }
    return _page(f"{zalo.oauth_url}{PERMISSION_PATH}?{urlencode(fields)}")


@blueprint.get("/channels/zalo/connected")
def come_back() -> ResponseReturnValue:
    """Where Zalo sends the administrator: the code is kept for the worker, which alone speaks with Zalo."""
    require(may_repair)
    zalo = _zalo()
    code, state = request.args.get("code", "")[:LONGEST_CODE], request.args.get("state", "")[:200]
    if not code or request.args.get("oa_id") != zalo.oa_id:
        flash("", "connect_other_account" if code else "connect_refused")
        return redirect(url_for("connect.show_channels"))
    with transaction(services().database) as session:
        taken = connections.came_back(session, _vault(), state, officer().id, code, now())
    flash("", "connect_on_the_way" if taken else "connect_unknown")
    return redirect(url_for("connect.show_channels"))


def _page(link: str = "") -> str:
    with reading(services().database) as session:
        token = session.get(ChannelToken, CHANNEL)
        return render_template(
            "channels.html",
            zalo=services().config.zalo,
            messenger=services().config.messenger,
            token=token,
            alarm=connections.alarm(token, now()),
            attempt=connections.latest(session, CHANNEL),
            address=_address(),
            link=link,
            notices=platform_notices(session),
        )


def _zalo() -> ZaloConfig:
    zalo = services().config.zalo
    if zalo is None:
        abort(404)
    return zalo


def _vault() -> Vault:
    return Vault(services().config.data_keys)


def _address() -> str:
    """Must be the address written in Zalo's console, to the letter."""
    base = services().config.desk_url
    return base + url_for("connect.come_back") if base else url_for("connect.come_back", _external=True)
