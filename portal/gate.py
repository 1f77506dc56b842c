"""The gate before every public page of figures: open by setting only, a measured number of times; called by portal."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy.orm import Session

from cases.in_force import RulebookInForce
from cases.public_figures import Month, table_of
from cases.rulebook import Rulebook
from cases.suppression import PublicTable
from core.config import Config
from core.db import Database, reading

log = logging.getLogger(__name__)
KEPT_FOR = timedelta(minutes=10)  # a finished month hardly moves, and protecting its table takes a while


class ClosedError(Exception):
    """The public pages are switched off: the same answer as for a page that does not exist."""


class TooOftenError(Exception):
    """This network address asked more often than the setting allows; try again in a minute."""


@dataclass
class Gate:
    """One for each process; every public page goes through `enter`."""

    config: Config
    database: Database
    in_force: RulebookInForce
    clock: Callable[[], datetime]
    _limiter: MovingWindowRateLimiter = field(default_factory=lambda: MovingWindowRateLimiter(MemoryStorage()))
    _tables: dict[tuple[Month, int], tuple[datetime, PublicTable]] = field(default_factory=dict)

    def enter(self, address: str) -> Rulebook:
        """The rulebook in force; raises ClosedError, TooOftenError."""
        with reading(self.database) as session:
            rulebook = self.in_force.at(session)
        if not rulebook.settings.public_pages:
            raise ClosedError
        if not self._limiter.hit(RateLimitItemPerMinute(rulebook.settings.public_requests_per_minute), address):
            log.warning("public page refused", extra={"outcome": "too_often"})
            raise TooOftenError
        return rulebook

    def tables(self, session: Session, rulebook: Rulebook, months: list[Month]) -> Mapping[Month, PublicTable]:
        """The protected counts of these months."""
        return {month: self.table(session, rulebook, month) for month in months}

    def table(self, session: Session, rulebook: Rulebook, month: Month) -> PublicTable:
        """The protected counts of a month, made anew now and then."""
        threshold, now = rulebook.settings.small_number, self.clock()
        made, table = self._tables.get((month, threshold), (None, None))
        if made is None or table is None or not timedelta(0) <= now - made < KEPT_FOR:
            table = table_of(session, rulebook.categories, month, threshold)
            self._tables[month, threshold] = (now, table)
        return table
