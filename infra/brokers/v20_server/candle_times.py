"""Which stretch of time a candle covers, by granularity and alignment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from infra.brokers.v20.times import SECOND_NS, SECONDS

HOUR_S = 3_600
NEW_YORK = ZoneInfo("America/New_York")
NOON = 12
LATELY = 1_767_225_600 * SECOND_NS
"""A moment of 2026: long ago clocks differed by odd minutes."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
GRANULARITIES = (*SECONDS, "D", "W", "M")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """Where candles begin. daily: the hour at which a day begins on the clock of `zone`; H2 and
    longer are counted from it, and the last of a day ends with the day. weekly: the weekday, Monday
    is 0, on which a week begins. A month begins with its first day; a day that begins at noon or
    later is the next calendar day.
    """

    granularity: str
    daily: int = 17
    zone: ZoneInfo = NEW_YORK
    weekly: int = WEEKDAYS.index("Friday")

    def span(self, moment: int) -> tuple[int, int]:
        """Beginning and end of the candle that covers a moment, all UTC ns; the end excluded."""
        length = SECONDS.get(self.granularity, 0) * SECOND_NS
        if 0 < length <= HOUR_S * SECOND_NS:
            start = moment - moment % length
            return start, start + length
        day = self._day_of(moment)
        if length:
            begins, ends = self._begins(day), self._begins(day + timedelta(days=1))
            start = moment - (moment - begins) % length
            return start, min(start + length, ends)
        return self._begins(self._first(day)), self._begins(self._first(day, after=True))

    @property
    def by_the_hour(self) -> bool:
        """Whether its candles, of an hour or more, begin at full hours of UTC at all times."""
        return self.span(LATELY)[0] % (HOUR_S * SECOND_NS) == 0

    def _day_of(self, moment: int) -> datetime:
        """The midnight, on the zone's clock and without it, of the day in which a day began."""
        here = datetime.fromtimestamp(moment // SECOND_NS, self.zone)
        day = datetime.combine(here.date(), time())
        return day if moment >= self._begins(day) else day - timedelta(days=1)

    def _begins(self, day: datetime) -> int:
        local = day.replace(hour=self.daily, tzinfo=self.zone)
        return int(local.astimezone(UTC).timestamp()) * SECOND_NS

    def _first(self, day: datetime, *, after: bool = False) -> datetime:
        """The first day of the day's own D, W or M, or of the next one."""
        if self.granularity == "D":
            return day + timedelta(days=1) if after else day
        if self.granularity == "W":
            back = (day.weekday() - self.weekly) % 7
            return day - timedelta(days=back - 7 if after else back)
        ahead = timedelta(days=1 if self.daily >= NOON else 0)
        first = (day + ahead).replace(day=1)
        if after:
            first = (first + timedelta(days=32)).replace(day=1)
        return first - ahead
