"""Trading hours: when prices of an instrument can be expected at all.

Known are the week of currencies, that of metals, and the markets that never close. There is no
calendar of stock exchanges and no list of holidays: of an equity it is not known when it trades.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from market.instruments import AssetClass

SECOND_NS = 1_000_000_000
NEW_YORK = ZoneInfo("America/New_York")
SUNDAY, MONDAY, THURSDAY, FRIDAY = 6, 0, 3, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One stretch of trading, UTC nanoseconds: open at `opens`, closed again at `closes`."""

    opens: int
    closes: int


class TradingHours(Protocol):
    """When a market is open."""

    def session_at(self, time: int) -> Session | None:
        """The session that holds the UTC nanosecond; None while the market is closed."""
        ...


class AlwaysOpen:
    """A market that never closes."""

    def session_at(self, time: int) -> Session | None:
        """All of time."""
        return Session(opens=0, closes=2**63 - 1) if time >= 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklySession:
    """From one weekday and hour to those of another weekday, by New York's clock. Monday is 0."""

    opens_on: int
    opens_at: int
    closes_on: int
    closes_at: int


class NewYorkWeek:
    """Sessions that come every week by New York's clock, summer time included.

    The session found last is remembered: time moves on slowly.
    """

    def __init__(self, sessions: Sequence[WeeklySession]) -> None:
        self._sessions = tuple(sessions)
        self._last: Session | None = None

    def session_at(self, time: int) -> Session | None:
        """The session that holds the UTC nanosecond; None while the market is closed."""
        last = self._last
        if last is not None and last.opens <= time < last.closes:
            return last
        here = datetime.fromtimestamp(time // SECOND_NS, NEW_YORK)
        for weekly in self._sessions:
            session = self._session(here, weekly)
            if session.opens <= time < session.closes:
                self._last = session
                return session
        return None

    @staticmethod
    def _session(here: datetime, weekly: WeeklySession) -> Session:
        """The one that opens on the last such weekday, today included."""
        opens = here.date() - timedelta(days=(here.weekday() - weekly.opens_on) % 7)
        closes = opens + timedelta(days=(weekly.closes_on - weekly.opens_on) % 7)
        return Session(
            opens=_utc_ns(datetime.combine(opens, time(weekly.opens_at), NEW_YORK)),
            closes=_utc_ns(datetime.combine(closes, time(weekly.closes_at), NEW_YORK)),
        )


def _utc_ns(local: datetime) -> int:
    return int(local.astimezone(UTC).timestamp()) * SECOND_NS


def currency_week() -> NewYorkWeek:
    """Sunday 17:00 to Friday 17:00 in New York."""
    return NewYorkWeek(
        [WeeklySession(opens_on=SUNDAY, opens_at=17, closes_on=FRIDAY, closes_at=17)]
    )


def metal_week() -> NewYorkWeek:
    """Sunday 18:00 to Friday 17:00 in New York, closed every day from 17:00 to 18:00."""
    days = [SUNDAY, *range(MONDAY, THURSDAY + 1)]
    return NewYorkWeek(
        [
            WeeklySession(opens_on=day, opens_at=18, closes_on=(day + 1) % 7, closes_at=17)
            for day in days
        ]
    )


def standard_hours() -> Mapping[AssetClass, TradingHours]:
    """By asset class, those that are known."""
    return {"fx": currency_week(), "metal": metal_week(), "crypto": AlwaysOpen()}
