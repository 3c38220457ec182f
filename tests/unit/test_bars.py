"""Panels of bars: what they hold and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from market.bar_window import BarWindow, slice_of
from market.bars import Bars, check_bars, utc
from market.errors import DataError
from tests.desk import market


def with_value(bars: Bars, field: str, row: int, column: int, value: float) -> Bars:
    values = getattr(bars, field).copy()
    values[row, column] = value
    return replace(bars, **{field: values})


def test_good_bars_pass() -> None:
    check_bars(market(), "made up")


def test_missing_prices_pass_where_all_four_are_missing() -> None:
    bars = market()
    for field in ("open", "high", "low", "close", "spread"):
        bars = with_value(bars, field, 3, 1, np.nan)
    check_bars(bars, "made up")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("open", np.nan, "open missing where close is not, or reverse"),
        ("close", np.nan, "missing where close is not, or reverse"),
        ("high", 0.5, "high below"),
        ("low", 9.0, "high below low"),
        ("open", 9.0, "high below open or close"),
        ("close", 0.1, "low above open or close"),
        ("spread", -1e-9, "crossed quote"),
        ("spread", np.inf, "infinite spread"),
        ("close", 0.0, "close not positive"),
        ("open", -1.1, "open not positive"),
    ],
)
def test_a_bar_that_contradicts_itself_is_refused_and_told_why(
    field: str, value: float, said: str
) -> None:
    with pytest.raises(DataError, match=said) as refused:
        check_bars(with_value(market(), field, 4, 0, value), "file.csv")
    assert "file.csv: EUR_USD at 2024-01-06 00:00:00 UTC (row 4)" in str(refused.value)


@pytest.mark.parametrize(("step", "kind"), [(0, "duplicate"), (-1, "unsorted")])
def test_times_that_do_not_increase_are_refused_with_their_row(step: int, kind: str) -> None:
    bars = market(10)
    time = bars.time.copy()
    time[5] = time[4] + step
    with pytest.raises(DataError, match=rf"{kind} timestamp 2024-01-.* UTC in row 5"):
        check_bars(replace(bars, time=time), "file.csv")


def test_an_empty_panel_is_refused() -> None:
    with pytest.raises(DataError, match="no bars found"):
        check_bars(market(5).rows(0, 0), "file.csv")


def test_arrays_that_do_not_fit_are_refused() -> None:
    bars = market(5)
    with pytest.raises(DataError, match=r"close must be float64 of shape \(5, 4\)"):
        replace(bars, close=bars.close[:, :3].copy())
    with pytest.raises(DataError, match="found float32"):
        replace(bars, spread=bars.spread.astype(np.float32))
    with pytest.raises(DataError, match="time must be int64"):
        replace(bars, time=bars.time.astype(np.float64))
    with pytest.raises(DataError, match="time must be int64"):
        replace(bars, time=bars.time.reshape(-1, 1))


def test_prices_cannot_be_written_into() -> None:
    bars = market(5)
    with pytest.raises(ValueError, match="read-only"):
        bars.close[0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        bars.rows(1, 3).time[0] = 1
    window = BarWindow(bars.symbols, 3, bars.interval_s)
    window.extend(bars)
    with pytest.raises(ValueError, match="read-only"):
        window.bars().close[0, 0] = 1.0


def test_an_unknown_column_names_what_there_is() -> None:
    with pytest.raises(DataError, match="no prices for XAU_USD; the data holds EUR_USD"):
        market(5).columns(["EUR_USD", "XAU_USD"])


def test_a_slice_is_one_row_of_every_instrument_and_can_be_narrowed() -> None:
    bars = market(5)
    cut = slice_of(bars, 2)
    assert cut.time == bars.time[2]
    np.testing.assert_array_equal(cut.values[3], bars.close[2])
    assert cut.columns(2).values.shape == (6, 2)


def test_a_panel_introduces_itself() -> None:
    bars = market(5)
    assert "5 × 4, every 86,400 s, 2024-01-02 00:00 to 2024-01-06 00:00 UTC" in repr(bars)
    assert repr(bars.rows(0, 0)) == "Bars(empty, 4 instruments)"


def test_times_before_1970_and_fractions_are_read_right() -> None:
    assert utc(-1_500_000).isoformat() == "1969-12-31T23:59:59.998500+00:00"


def test_an_empty_window_has_no_bars_and_no_time() -> None:
    window = BarWindow(("EUR_USD",), 3, 60)
    assert len(window) == 0
    assert window.last_time == 0
    assert len(window.bars()) == 0
    assert window.width == 1
