"""Clocks of files: from the times they show to UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.feeds.clocks import Stamps, clock_named, stamps_of
from infra.feeds.tables import Table
from market.bars import Times
from market.errors import ConfigError, DataError


def local(*texts: str) -> Times:
    return np.array(texts, dtype="datetime64[ns]").astype(np.int64)


def read(values: object, kind: pa.DataType | None = None) -> Stamps:
    column = pa.array(values, type=kind)
    return stamps_of(Table(path=Path("x.csv"), data=pa.table({"time": column})), ("time",))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("UTC", "2014-07-01T12:00"),
        ("utc", "2014-07-01T12:00"),
        ("+02:00", "2014-07-01T10:00"),
        ("-0530", "2014-07-01T17:30"),
        ("UTC+3", "2014-07-01T09:00"),
        ("Europe/Athens", "2014-07-01T09:00"),
        ("America/New_York", "2014-07-01T16:00"),
    ],
)
def test_a_local_noon_becomes_utc_by_its_clock(name: str, expected: str) -> None:
    times, unclear = clock_named(name).to_utc(local("2014-07-01T12:00"))
    np.testing.assert_array_equal(times, local(expected))
    assert not unclear.any()


@pytest.mark.parametrize("name", ["", "Europe", "Europe/Atens", "+25:00", "../etc/passwd", "local"])
def test_an_unknown_clock_is_refused_with_what_is_known(name: str) -> None:
    with pytest.raises(ConfigError, match="unknown clock"):
        clock_named(name)


def test_a_misspelt_zone_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'Europe/Athens'"):
        clock_named("Europe/Atens")


def test_an_hour_that_the_clock_skips_or_shows_twice_has_no_answer() -> None:
    times = local("2014-03-30T02:59", "2014-03-30T03:30", "2014-03-30T04:00", "2014-10-26T03:30")
    _, unclear = clock_named("Europe/Athens").to_utc(times)
    assert unclear.tolist() == [False, True, False, True]


@settings(max_examples=100, deadline=None)
@given(
    st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2035, 1, 1)),  # noqa: DTZ001
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney"]),
)
def test_a_clear_local_time_agrees_with_zoneinfo(moment: datetime, name: str) -> None:
    times, unclear = clock_named(name).to_utc(local(moment.isoformat()))
    zone = ZoneInfo(name)
    early, late = (moment.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    assert bool(unclear[0]) == (early != late)
    if early == late:
        assert times[0] == local(early.replace(tzinfo=None).isoformat())[0]


@pytest.mark.parametrize(
    "values",
    [
        ["2014-05-05 13:00:00"],
        ["2014-05-05T13:00"],
        ["2014.05.05 13:00"],
        ["2014/05/05 13:00:00.000"],
        ["1399294800"],
        [1399294800],
        [1399294800000],
        [1399294800000000],
        [1399294800000000000],
        pa.array([datetime(2014, 5, 5, 13)], pa.timestamp("ms")),  # noqa: DTZ001
    ],
)
def test_every_documented_way_to_write_a_time_is_read(values: object) -> None:
    stamps = read(values)
    assert not stamps.zoned
    np.testing.assert_array_equal(stamps.values, local("2014-05-05T13:00"))


@pytest.mark.parametrize(
    "values",
    [
        ["2014-05-05 13:00:00Z"],
        ["2014-05-05T15:00+02:00"],
        ["2014-05-05 15:00:00.000+0200"],
        ["2014-05-05 08:00:00-05"],
        pa.array([datetime(2014, 5, 5, 13, tzinfo=UTC)], pa.timestamp("us", tz="UTC")),
        pa.array(
            [datetime(2014, 5, 5, 15, tzinfo=timezone(timedelta(hours=2)))],
            pa.timestamp("us", tz="+02:00"),
        ),
    ],
)
def test_a_time_that_states_its_zone_is_read_as_utc(values: object) -> None:
    stamps = read(values)
    assert stamps.zoned
    np.testing.assert_array_equal(stamps.values, local("2014-05-05T13:00"))


def test_a_date_is_its_midnight() -> None:
    stamps = read(["2014-05-05"])
    assert not stamps.zoned
    np.testing.assert_array_equal(stamps.values, local("2014-05-05T00:00"))
    dated = read([datetime(2014, 5, 5).date()], pa.date32())  # noqa: DTZ001
    np.testing.assert_array_equal(dated.values, stamps.values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["2014-05-05 13:00", "soon"], r"row 2 .*expected a time such as .*found 'soon'"),
        (["2014-05-05 13:00", None], r"row 2 .*found none"),
        (["05/06/2014 13:00"], r"row 1 .*found '05/06/2014 13:00'"),
        (["2014-13-05"], r"row 1 .*found '2014-13-05'"),
        (["2014-05-05 13:00Z", "2014-05-05 13:00"], r"row 2 .*found both"),
        ([20140505, 20140506], r"row 1 .*found 20140505"),
        (["9999-01-01"], "1678"),
        ([1.5], "found values of type double"),
        (pa.array([-(10**18)], pa.timestamp("s")), r"row 1 .*expected a time after 1678"),
    ],
)
def test_a_time_that_cannot_be_read_is_refused_with_its_row(values: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(values)
