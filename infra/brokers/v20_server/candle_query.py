"""`CandleQuery`: which candles a client asked for, or why they cannot be given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from infra.brokers.v20.times import SECOND_NS, SECONDS, nanoseconds_of
from infra.brokers.v20_server.candle_times import GRANULARITIES, WEEKDAYS, Alignment
from market.errors import DataError, InvalidError

MOST = 5_000
USUAL = 500
COMPONENTS = {"B": "bid", "M": "mid", "A": "ask"}
TOO_MANY = "Maximum value for 'count' exceeded"
_TRUTHS = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleQuery:
    """components: bid, mid and ask as asked for. count: the most candles; None where a beginning
    and an end say it. since: they begin with the one that covers it, or the one after that.
    before: they begin before it; both UTC ns, None where not asked for.
    """

    alignment: Alignment
    components: tuple[str, ...]
    count: int | None
    since: int | None
    before: int | None
    include_first: bool


def query_of(asked: Mapping[str, str], now: int) -> CandleQuery:
    """What the parameters of a request mean. now: UTC ns.

    Raises InvalidError in the protocol's words.
    """
    if _truth(asked, "smooth", default=False):
        raise _invalid("smooth", "Smoothed candles are not supported")
    alignment = _alignment(asked)
    since, before = _time(asked, "from", now), _time(asked, "to", now)
    count = _count(asked)
    if since is not None and before is not None:
        if count is not None:
            raise InvalidError("'count' cannot be specified when both 'to' and 'from' are set")
        if before <= since:
            raise _invalid("to", "Time is not after 'from'")
        length = SECONDS.get(alignment.granularity, 0) * SECOND_NS
        if length and (before - since) // length > MOST:
            raise InvalidError(TOO_MANY)
    elif count is None:
        count = USUAL
    return CandleQuery(
        alignment=alignment,
        components=_components(asked.get("price", "M")),
        count=count,
        since=since,
        before=before,
        include_first=_truth(asked, "includeFirst", default=True),
    )


def _alignment(asked: Mapping[str, str]) -> Alignment:
    granularity = asked.get("granularity", "S5")
    if granularity not in GRANULARITIES:
        raise _invalid("granularity")
    daily = asked.get("dailyAlignment", "17")
    if not daily.isdecimal() or int(daily) > 23:
        raise _invalid("dailyAlignment")
    weekly = asked.get("weeklyAlignment", "Friday")
    if weekly not in WEEKDAYS:
        raise _invalid("weeklyAlignment")
    try:
        zone = ZoneInfo(asked.get("alignmentTimezone", "America/New_York"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _invalid("alignmentTimezone") from None
    return Alignment(
        granularity=granularity, daily=int(daily), zone=zone, weekly=WEEKDAYS.index(weekly)
    )


def _components(price: str) -> tuple[str, ...]:
    if not price or not set(price) <= set(COMPONENTS) or len(set(price)) < len(price):
        raise _invalid("price")
    return tuple(name for letter, name in COMPONENTS.items() if letter in price)


def _count(asked: Mapping[str, str]) -> int | None:
    text = asked.get("count")
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise _invalid("count")
    if int(text) > MOST:
        raise InvalidError(TOO_MANY)
    return int(text)


def _time(asked: Mapping[str, str], name: str, now: int) -> int | None:
    text = asked.get(name)
    if text is None:
        return None
    try:
        time = nanoseconds_of(text)
    except DataError:
        raise _invalid(name) from None
    if time > now:
        raise _invalid(name, "Time is in the future")
    return time


def _truth(asked: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = asked.get(name)
    if text is None:
        return default
    if text.lower() not in _TRUTHS:
        raise _invalid(name)
    return _TRUTHS[text.lower()]


def _invalid(name: str, why: str = "") -> InvalidError:
    return InvalidError(f"Invalid value specified for '{name}'" + (f". {why}" if why else ""))
