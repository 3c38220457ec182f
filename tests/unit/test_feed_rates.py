"""Monthly interest rates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infra.feeds.rates import InterestRates, read_interest_rates
from market.bars import Times
from market.errors import DataError

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def at(*moments: str) -> Times:
    return np.array(moments, dtype="datetime64[ns]").astype(np.int64)


def rates_from(
    folder: Path, *rows: str, header: str = "month,currency,rate_percent"
) -> InterestRates:
    path = folder / "rates.csv"
    path.write_text("\n".join((header, *rows)) + "\n")
    return read_interest_rates(path)


def test_a_rate_is_in_use_once_its_month_has_ended(tmp_path: Path) -> None:
    rates = rates_from(tmp_path, "2014-04,USD,1.5", "2014-05,USD,2.5")
    found = rates.on(
        at("2014-04-30T23:59:59", "2014-05-01", "2014-05-31T23:59:59", "2014-06-01"), ["USD"]
    )
    np.testing.assert_allclose(found[:, 0], [np.nan, 0.015, 0.015, 0.025])


def test_a_missing_month_is_bridged_for_three_months_and_no_longer(tmp_path: Path) -> None:
    rates = rates_from(tmp_path, "2014-01,USD,1", "2015-01,USD,2", "2014-02,EUR,-0.5")
    months = at("2014-02-15", "2014-03-15", "2014-04-15", "2014-05-15", "2020-01-01")
    found = rates.on(months, ["EUR", "USD"])
    np.testing.assert_allclose(found[:, 0], [np.nan, -0.005, -0.005, -0.005, np.nan])
    np.testing.assert_allclose(found[:, 1], [0.01, 0.01, 0.01, np.nan, np.nan])


def test_a_currency_that_the_source_does_not_hold_is_nan(tmp_path: Path) -> None:
    rates = rates_from(tmp_path, "2014-01,USD,1")
    assert np.isnan(rates.on(at("2014-02-15"), ["XAU"])).all()


def test_an_empty_rate_is_unknown(tmp_path: Path) -> None:
    rates = rates_from(tmp_path, "2014-01,USD,1", "2014-02,USD,")
    np.testing.assert_allclose(rates.on(at("2014-03-15"), ["USD"]), [[0.01]])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["2014-01,USD,1", "Jan 2014,USD,1"], r"row 2 .*month such as 2014-05, found 'Jan 2014'"),
        (["2014-13,USD,1"], r"row 1 .*month such as 2014-05"),
        (["2014-01,dollar,1"], r"row 1 .*currency such as USD, found 'DOLLAR'"),
        (["2014-01,,1"], r"row 1 .*currency such as USD, found ''"),
        (["2014-01,USD,1", "2014-02,USD,high"], r"row 2 .*a number .*found 'high'"),
        (["2014-01,USD,inf"], r"row 1 .*finite rate"),
        (["2014-01,USD,1", "2014-01,USD,2"], r"row 2 .*one rate a month"),
        (["2014-01,USD"], r"cannot be read"),
        ([], "no rows"),
    ],
)
def test_a_damaged_file_is_refused_with_its_row(
    tmp_path: Path, rows: list[str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        rates_from(tmp_path, *rows)


def test_a_missing_file_and_a_missing_column_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_interest_rates(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="rate_percent missing, found month, currency, rate"):
        rates_from(tmp_path, "2014-01,USD,1", header="month,currency,rate")


def test_the_digest_follows_every_value(tmp_path: Path) -> None:
    first = rates_from(tmp_path, "2014-01,USD,1", "2014-02,USD,2")
    same = rates_from(tmp_path, "2014-02,USD,2", "2014-01,USD,1")
    other = rates_from(tmp_path, "2014-01,USD,1", "2014-02,USD,2.01")
    assert first.digest() == same.digest() != other.digest()


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder ../shared/data is not here")
def test_the_oecd_rates_load_and_agree_with_the_file() -> None:
    path = SHARED / "rates" / "oecd_3m_interbank_monthly.csv"
    rates = read_interest_rates(path)
    assert len(rates.currencies) == 21
    assert "1956-01 to 2020-06" in rates.description
    by_month = dict(line.rsplit(",", 1) for line in path.read_text().splitlines()[1:])
    times = at("2008-10-15", "2016-07-01")
    found = rates.on(times, ["USD", "CHF"])
    expected = [
        [by_month[f"{month},{code}"] for code in ("USD", "CHF")] for month in ("2008-09", "2016-06")
    ]
    np.testing.assert_allclose(found, np.array(expected, dtype=np.float64) / 100)
