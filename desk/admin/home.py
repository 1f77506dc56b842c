"""The first page of administration: what there is, and what needs a look; called by `desk.app`."""

from flask import render_template
from flask.typing import ResponseReturnValue

from cases import data_requests, unit_book
from cases.alarms import Spooled, alarms
from cases.deadlines import LOCAL
from core.db import reading
from core.spool import Spool
from core.vault import Vault
from desk.admin import door
from desk.context import now, services

blueprint = door.pages("home")


@blueprint.get("/")
def show() -> ResponseReturnValue:
    rulebook, today = services().rulebook, now().astimezone(LOCAL).date()
    entries = {**rulebook.faq.topics, **rulebook.faq.guides}
    stale = [name for name, entry in entries.items() if entry.review_by < today or not entry.holds_on(today)]
    with reading(services().database) as session:
        accounts = sum(unit_book.officers_of(session).values())
        zalo = services().config.zalo is not None
        asked, late = data_requests.counts(session, now())
        found = alarms(session, rulebook, _spooled(), now(), zalo=zalo)
    unannounced = today.year not in rulebook.calendar.announced_years
    return render_template(
        "admin/home.html",
        stale=len(stale),
        accounts=accounts,
        unannounced=unannounced,
        today=today,
        alarms=found,
        asked=asked,
        late=late,
    )


def _spooled() -> Spooled:
    """The gateway's spool when it runs on this machine."""
    config = services().config
    spool = Spool(config.var_dir / "spool", Vault(config.data_keys))
    return Spooled(spool.size(), spool.set_aside(), spool.has_room())
