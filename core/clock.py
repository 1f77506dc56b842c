"""One time for all hosts: leases are compared between workers, whose own clocks may disagree; called by the worker."""

import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.sql.functions import Function
from sqlalchemy.types import DateTime

from core.db import Database, reading


def local_now() -> datetime:
    """This machine's clock, in UTC."""
    return datetime.now(UTC)


class SharedClock:
    """The database server's time, carried on by this machine's steady counter between two looks at it.

    SQLite serves one machine, and its clock is everybody's. Before the first look the local clock has to do.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: tuple[datetime, float] | None = None

    def __call__(self) -> datetime:
        if self._seen is None:
            return local_now()
        at, counter = self._seen
        return at + timedelta(seconds=time.monotonic() - counter)

    def look(self) -> None:
        """Take the time from the database; raises SQLAlchemyError when it is away."""
        if self._database.lock_path is not None:
            return
        with reading(self._database) as session:
            at = session.scalar(select(Function("clock_timestamp", type_=DateTime(timezone=True))))
        if at is not None:
            self._seen = at.astimezone(UTC), time.monotonic()
