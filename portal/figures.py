"""The public page of counts by ward and category; called by `portal.app`."""

from dataclasses import dataclass

from flask import render_template, request
from flask.typing import ResponseReturnValue

from cases.public_figures import Month, finished_months, is_finished, may_be_told, month_of
from cases.suppression import TOTAL
from cases.unit_search import find_units
from core.db import reading
from portal.gate import Gate

MONTHS_OFFERED = 24


@dataclass(frozen=True)
class Figures:
    """The page, behind the gate."""

    gate: Gate

    def show(self) -> ResponseReturnValue:
        """Totals of a month by category and by ward, and one ward by category."""
        rulebook, now = self.gate.enter(request.remote_addr or ""), self.gate.clock()
        months = finished_months(now, MONTHS_OFFERED)
        asked = month_of(request.args.get("month", ""))
        month: Month = asked if asked is not None and is_finished(asked, now) else months[0]
        with reading(self.gate.database) as session:
            table = self.gate.tables(session, rulebook, [month])[month]
            wards = [unit for unit in find_units(session, closed=True) if unit.kind == "ward"]
            ward = next((unit for unit in wards if unit.id == request.args.get("ward")), None)
            return render_template(
                "figures.html",
                table=table,
                month=month,
                months=months,
                wards=wards,
                ward=ward,
                labels={code: rulebook.categories[code].label for code in may_be_told(rulebook.categories)},
                least=rulebook.settings.small_number,
                total=TOTAL,
            )
