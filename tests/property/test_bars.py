"""The laws of panels and of the window that follows a stream of bars."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.bar_window import BarWindow, slice_of
from market.bars import PRICE_FIELDS, VALUE_FIELDS, Bars, check_bars
from market.errors import DataError
from tests.desk import market

QUICK = settings(max_examples=60, deadline=None)


def same(one: Bars, other: Bars) -> bool:
    return one.digest() == other.digest()


@QUICK
@given(st.integers(1, 9), st.integers(0, 40), st.integers(1, 4))
def test_the_window_holds_the_last_rows_of_the_stream_bit_for_bit(
    length: int, rows: int, width: int
) -> None:
    bars = market(40)
    narrow = bars.columns(bars.symbols[:width])
    window = BarWindow(narrow.symbols, length, narrow.interval_s)
    for row in range(rows):
        window.push(slice_of(narrow, row))
        stop = row + 1
        assert len(window) == min(stop, length)
        assert window.last_time == bars.time[row]
        assert same(window.bars(), narrow.rows(max(0, stop - length), stop))


@QUICK
@given(st.integers(1, 9), st.integers(0, 40))
def test_extending_a_window_is_pushing_every_row(length: int, rows: int) -> None:
    bars = market(40)
    one = BarWindow(bars.symbols, length, bars.interval_s)
    other = BarWindow(bars.symbols, length, bars.interval_s)
    one.extend(bars.rows(0, rows))
    for row in range(rows):
        other.push(slice_of(bars, row))
    assert same(one.bars(), other.bars())


@QUICK
@given(st.integers(0, 39), st.sampled_from(PRICE_FIELDS), st.sampled_from([0.0, -1.0, np.inf]))
def test_one_bad_price_anywhere_is_found_with_its_row_and_instrument(
    row: int, field: str, price: float
) -> None:
    bars = market(40)
    values = getattr(bars, field).copy()
    values[row, 1] = price
    with pytest.raises(DataError, match=rf"somewhere: USD_JPY at .* \(row {row}\)"):
        check_bars(replace(bars, **{field: values}), "somewhere")


@QUICK
@given(st.integers(0, 39), st.integers(0, 3), st.sampled_from(VALUE_FIELDS))
def test_the_digest_depends_on_the_last_bit_of_every_value(
    row: int, column: int, field: str
) -> None:
    bars = market(40)
    values = getattr(bars, field).copy()
    found = values[row, column]
    values[row, column] = 0.0 if np.isnan(found) else np.nextafter(found, np.inf)
    changed = replace(bars, **{field: values})
    assert changed.digest() != bars.digest()


@QUICK
@given(st.permutations(range(4)), st.integers(0, 39), st.integers(0, 39))
def test_columns_and_rows_commute(order: list[int], one: int, other: int) -> None:
    bars, start, stop = market(40), min(one, other), max(one, other)
    symbols = [bars.symbols[column] for column in order]
    assert same(bars.rows(start, stop).columns(symbols), bars.columns(symbols).rows(start, stop))
    assert same(bars.columns(symbols).columns(bars.symbols), bars)


@QUICK
@given(st.integers(1, 9), st.integers(0, 40))
def test_what_a_window_shows_fits_and_cannot_be_written(length: int, rows: int) -> None:
    bars = market(40)
    window = BarWindow(bars.symbols, length, bars.interval_s)
    window.extend(bars.rows(0, rows))
    held = window.bars()
    shown = [held.time, *(getattr(held, name) for name in VALUE_FIELDS)]
    assert not any(array.flags.writeable for array in shown)
    assert same(held, replace(held)), "what the constructor checks holds"
