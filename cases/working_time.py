"""Working minutes between many pairs of moments, each day of the calendar counted once; called by statistics."""

from datetime import UTC, date, datetime, time, timedelta

from cases.deadlines import LOCAL, Calendar

MINUTE = 60
DAY = 24 * 60 * MINUTE


class WorkingTime:
    """Positions on a clock that runs only while offices are open, in seconds; days are counted when first met.

    Hà Nội has had one offset from UTC since 1975, so a local day is 86,400 seconds of the epoch, shifted.
    """

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._shifts = [(_seconds(opens), _seconds(closes)) for opens, closes in calendar.shifts]
        self._a_day = sum(closes - opens for opens, closes in self._shifts)
        self._first = date(calendar.first_year, 1, 1)
        self._offset = int(datetime.combine(self._first, time(), LOCAL).timestamp())
        self._before = [0]  # working seconds before each day
        self._works: list[bool] = []

    def position(self, moment: int) -> int:
        """Working seconds up to a second of the epoch: of two moments the difference lies between them."""
        day, second = divmod(moment - self._offset, DAY)
        while len(self._works) <= day:
            self._count_a_day()
        if not self._works[day]:
            return self._before[day]
        passed = self._before[day]
        for opens, closes in self._shifts:
            if second >= closes:
                passed += closes - opens
            elif second > opens:
                passed += second - opens
        return passed

    def _count_a_day(self) -> None:
        works = self._calendar.is_working_day(self._first + timedelta(days=len(self._works)))
        self._works.append(works)
        self._before.append(self._before[-1] + (self._a_day if works else 0))


def epoch(moment: datetime) -> int:
    """Seconds since 1970, whole."""
    return int(moment.astimezone(UTC).timestamp())


def _seconds(clock: time) -> int:
    return (clock.hour * 60 + clock.minute) * MINUTE
