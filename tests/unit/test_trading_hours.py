"""Trading hours: New York's clock, its summer time, and markets that never close."""

from __future__ import annotations

from datetime import datetime

import pytest

from infra.feeds.live.hours import (
    AlwaysOpen,
    TradingHours,
    currency_week,
    metal_week,
    standard_hours,
)
from market.bars import utc

SECOND = 1_000_000_000


def at(text: str) -> int:
    """UTC nanoseconds of an ISO time."""
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp()) * SECOND


def is_open(hours: TradingHours, text: str) -> bool:
    return hours.session_at(at(text)) is not None


@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        ("2026-01-04T22:00:00", "2026-01-09T22:00:00"),  # winter
        ("2026-07-05T21:00:00", "2026-07-10T21:00:00"),  # summer
        ("2026-03-08T21:00:00", "2026-03-13T21:00:00"),  # clocks forward that Sunday morning
        ("2026-03-01T22:00:00", "2026-03-06T22:00:00"),  # the week before
        ("2026-11-01T22:00:00", "2026-11-06T22:00:00"),  # clocks back that Sunday morning
        ("2026-10-25T21:00:00", "2026-10-30T21:00:00"),  # Europe has changed already
    ],
)
def test_currencies_trade_from_sunday_to_friday_at_five_in_new_york(
    opens: str, closes: str
) -> None:
    hours = currency_week()
    assert not hours.session_at(at(opens) - 1)
    assert not hours.session_at(at(closes))
    for time in (at(opens), at(opens) + 60 * 3_600 * SECOND, at(closes) - 1):
        session = hours.session_at(time)
        assert session is not None
        assert (session.opens, session.closes) == (at(opens), at(closes))


def test_the_answer_does_not_depend_on_what_was_asked_before() -> None:
    hours, times = currency_week(), range(at("2026-03-01T00:00:00"), at("2026-03-23T00:00:00"))
    some = times[:: 3_600 * SECOND]
    forward = [hours.session_at(time) for time in some]
    backward = [hours.session_at(time) for time in reversed(some)]
    assert forward == backward[::-1] == [currency_week().session_at(time) for time in some]
    days = [sum(one is not None for one in forward[day * 24 :][: 7 * 24]) for day in (0, 7, 14)]
    assert days == [5 * 24] * 3


def test_metals_pause_for_an_hour_every_day() -> None:
    hours = metal_week()
    assert not is_open(hours, "2026-07-05T21:59:59")
    assert is_open(hours, "2026-07-05T22:00:00")
    assert is_open(hours, "2026-07-07T20:59:59")
    assert not is_open(hours, "2026-07-07T21:30:00")
    assert is_open(hours, "2026-07-07T22:00:00")
    assert is_open(hours, "2026-07-10T20:59:59")
    assert not is_open(hours, "2026-07-10T22:30:00")


def test_some_markets_never_close() -> None:
    assert is_open(AlwaysOpen(), "2026-07-04T12:00:00")


def test_of_equities_the_hours_are_not_known() -> None:
    assert sorted(standard_hours()) == ["crypto", "fx", "metal"]


def test_times_are_readable() -> None:
    session = currency_week().session_at(at("2026-07-07T12:00:00"))
    assert session is not None
    assert f"{utc(session.opens):%A %H:%M}" == "Sunday 21:00"
