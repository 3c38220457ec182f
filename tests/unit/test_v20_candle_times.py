"""Where candles begin and end: by the clock of New York where v20 says so."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from infra.brokers.v20.times import nanoseconds_of, rfc3339
from infra.brokers.v20_server.candle_times import Alignment


def span(granularity: str, at: str, **settings: object) -> tuple[str, str]:
    alignment = Alignment(granularity=granularity, **settings)  # type: ignore[arg-type]
    start, end = alignment.span(nanoseconds_of(f"{at}Z"))
    return rfc3339(start)[:16], rfc3339(end)[:16]


@pytest.mark.parametrize(
    ("granularity", "start", "end"),
    [
        ("S30", "2026-07-08T13:47", "2026-07-08T13:48"),
        ("M1", "2026-07-08T13:47", "2026-07-08T13:48"),
        ("M15", "2026-07-08T13:45", "2026-07-08T14:00"),
        ("H1", "2026-07-08T13:00", "2026-07-08T14:00"),
        ("H4", "2026-07-08T13:00", "2026-07-08T17:00"),
        ("H6", "2026-07-08T09:00", "2026-07-08T15:00"),
        ("H12", "2026-07-08T09:00", "2026-07-08T21:00"),
        ("D", "2026-07-07T21:00", "2026-07-08T21:00"),
        ("W", "2026-07-03T21:00", "2026-07-10T21:00"),
        ("M", "2026-06-30T21:00", "2026-07-31T21:00"),
    ],
)
def test_a_candle_covers_its_moment(granularity: str, start: str, end: str) -> None:
    assert span(granularity, "2026-07-08T13:47:31") == (start, end)


def test_days_begin_an_hour_later_by_utc_in_winter() -> None:
    assert span("D", "2026-01-07T12:00:00") == ("2026-01-06T22:00", "2026-01-07T22:00")
    assert span("H4", "2026-01-07T12:00:00") == ("2026-01-07T10:00", "2026-01-07T14:00")


def test_the_day_on_which_summer_time_begins_has_23_hours_and_a_short_last_candle() -> None:
    assert span("D", "2026-03-08T12:00:00") == ("2026-03-07T22:00", "2026-03-08T21:00")
    assert span("H4", "2026-03-08T20:59:59") == ("2026-03-08T18:00", "2026-03-08T21:00")


def test_a_day_ends_with_its_last_nanosecond() -> None:
    assert span("D", "2026-07-08T20:59:59.999999999")[1] == "2026-07-08T21:00"
    assert span("D", "2026-07-08T21:00:00")[0] == "2026-07-08T21:00"


def test_the_alignment_can_be_chosen() -> None:
    utc = ZoneInfo("UTC")
    assert span("D", "2026-07-08T13:47:00", daily=0, zone=utc)[0] == "2026-07-08T00:00"
    assert span("H4", "2026-07-08T13:47:00", daily=0, zone=utc)[0] == "2026-07-08T12:00"
    assert span("W", "2026-07-08T13:47:00", daily=0, zone=utc, weekly=0) == (
        "2026-07-06T00:00",
        "2026-07-13T00:00",
    )
    assert span("M", "2026-07-08T13:47:00", daily=0, zone=utc) == (
        "2026-07-01T00:00",
        "2026-08-01T00:00",
    )


def test_a_zone_of_half_hours_has_no_days_of_full_hours() -> None:
    assert Alignment(granularity="D").by_the_hour
    assert not Alignment(granularity="D", zone=ZoneInfo("Asia/Kolkata")).by_the_hour
