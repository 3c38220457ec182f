"""What a request for candles means, and how a wrong one is refused."""

from __future__ import annotations

import pytest

from infra.brokers.v20.times import nanoseconds_of
from infra.brokers.v20_server.candle_query import MOST, query_of
from market.errors import InvalidError

NOW = nanoseconds_of("2026-07-08T13:47:31Z")


def test_without_parameters_the_last_500_mids_of_five_seconds_are_meant() -> None:
    query = query_of({}, NOW)
    assert (query.alignment.granularity, query.count, query.components) == ("S5", 500, ("mid",))
    assert (query.since, query.before, query.include_first) == (None, None, True)


def test_a_beginning_and_an_end_say_how_many_there_are() -> None:
    asked = {"from": "2026-07-08T12:00:00Z", "to": "1783516020.5", "granularity": "M1"}
    query = query_of(asked, NOW)
    assert query.count is None
    assert query.since == nanoseconds_of("2026-07-08T12:00:00Z")
    assert query.before == 1_783_516_020_500_000_000


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"granularity": "M3"}, "Invalid value specified for 'granularity'"),
        ({"price": "MX"}, "Invalid value specified for 'price'"),
        ({"price": ""}, "Invalid value specified for 'price'"),
        ({"count": "0"}, "Invalid value specified for 'count'"),
        ({"count": "-5"}, "Invalid value specified for 'count'"),
        ({"count": "five"}, "Invalid value specified for 'count'"),
        ({"count": str(MOST + 1)}, "Maximum value for 'count' exceeded"),
        (
            {"from": "2026-07-08T00:00:00Z", "to": "2026-07-08T01:00:00Z", "count": "3"},
            "'count' cannot be specified when both 'to' and 'from' are set",
        ),
        (
            {"from": "2026-07-08T00:00:00Z", "to": "2026-07-08T12:00:00Z"},
            "Maximum value for 'count' exceeded",
        ),
        (
            {"from": "2026-07-08T13:47:31.000000001Z"},
            "Invalid value specified for 'from'. Time is in the future",
        ),
        ({"to": "tomorrow"}, "Invalid value specified for 'to'"),
        (
            {"from": "2026-07-08T02:00:00Z", "to": "2026-07-08T01:00:00Z"},
            "Invalid value specified for 'to'. Time is not after 'from'",
        ),
        ({"includeFirst": "perhaps"}, "Invalid value specified for 'includeFirst'"),
        ({"dailyAlignment": "24"}, "Invalid value specified for 'dailyAlignment'"),
        ({"alignmentTimezone": "Mars/Base"}, "Invalid value specified for 'alignmentTimezone'"),
        ({"alignmentTimezone": "../etc"}, "Invalid value specified for 'alignmentTimezone'"),
        ({"weeklyAlignment": "Someday"}, "Invalid value specified for 'weeklyAlignment'"),
        (
            {"smooth": "true"},
            "Invalid value specified for 'smooth'. Smoothed candles are not supported",
        ),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(asked: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidError) as told:
        query_of(asked, NOW)
    assert str(told.value) == message
