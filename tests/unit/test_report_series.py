"""Thinning, stretches and histograms behind the charts."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.report.markup import columns_of, in_words, number, percent, signed_bar
from coordinator.report.series import (
    PIXELS,
    bucket_means,
    bucket_starts,
    halted_spans,
    order_sizes,
    shown_rows,
    vote_histogram,
)
from coordinator.results.record import load_record
from market.events import TradingHalted, TradingRearmed
from tests.journals import JournalBuilder


def test_a_short_curve_is_drawn_whole() -> None:
    assert shown_rows(np.arange(100.0), np.zeros(100)).tolist() == list(range(100))


@settings(max_examples=20, deadline=None)
@given(count=st.integers(3_001, 30_000), seed=st.integers(0, 9))
def test_a_thinned_curve_keeps_its_ends_and_extremes(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    curve, other = rng.standard_normal((2, count)).cumsum(axis=1)
    rows = shown_rows(curve, other)
    assert len(rows) <= 4 * PIXELS + 3
    assert np.all(np.diff(rows) > 0)
    kept = {0, count - 1, int(curve.argmin()), int(curve.argmax()), int(other.argmax())}
    assert kept <= set(rows.tolist())


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 2_000))
def test_stretches_cover_every_bar_once_with_equal_lengths(count: int) -> None:
    starts = bucket_starts(count)
    lengths = np.diff([*starts, count])
    assert starts[0] == 0
    assert lengths.sum() == count
    assert lengths.max() - lengths.min() <= 1


def test_a_mean_over_a_stretch_leaves_out_what_is_unknown() -> None:
    values = np.array([[1.0, np.nan], [3.0, np.nan], [5.0, 7.0]])
    means = bucket_means(values, np.array([0, 2]))
    assert means.tolist() == [[2.0, 0.0], [5.0, 7.0]]


def test_a_vote_histogram_is_of_the_votes_that_took_a_side(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path) as desk:
        for scores in ((1.0, 0.0), (-1.0, math.nan), (0.99, 0.0), (0.0, 0.0)):
            desk.bar({"EUR_USD": 1.1})
            desk.decide({"EUR_USD": scores})
    record = load_record(path)
    shares = vote_histogram(record, 0)
    assert shares[0] == pytest.approx(1 / 3)
    assert shares[-1] == pytest.approx(2 / 3)
    assert vote_histogram(record, 1).sum() == 0.0


def test_order_sizes_are_measured_against_the_equity_of_their_decision(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path, ("USD_JPY",)) as desk:
        desk.bar({"USD_JPY": 150.0})
        desk.decide(orders={"USD_JPY": -25_000.0})
    assert order_sizes(load_record(path)).tolist() == pytest.approx([0.25])


def test_a_halt_lasts_until_it_is_rearmed_or_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    days = pd.bdate_range("2024-01-01", periods=4)
    ns = [int(day.as_unit("ns").value) for day in days]
    with JournalBuilder(path, times=days) as desk:
        for row in range(4):
            desk.bar({"EUR_USD": 1.1})
            if row in (0, 2):
                desk.record(TradingHalted(sequence=row, time=ns[row], halt="DRAWDOWN",
                                          limit=0.1, measured=0.11))  # fmt: skip
            if row == 1:
                desk.record(TradingRearmed(sequence=row, time=ns[row], halt="DRAWDOWN",
                                           by="supervisor", after_bars=1))  # fmt: skip
    at = [time // 1_000_000_000 for time in ns]
    assert halted_spans(load_record(path)) == [[at[0], at[1]], [at[2], at[3]]]


def test_numbers_are_written_with_true_minus_signs_and_no_negative_zero() -> None:
    assert number(-1_234.5, 1) == "−1,234.5"
    assert number(-0.04, 1) == "0.0"
    assert number(0.0, sign=True) == "0"
    assert number(math.nan) == "–"
    assert percent(0.1234, sign=True) == "+12.3%"
    assert in_words("GROSS_LEVERAGE") == "gross leverage"


def test_bars_of_losses_lead_to_the_left_and_none_is_longer_than_half() -> None:
    assert "right:50%;width:50.0%" in signed_bar(-5.0, 5.0).text
    assert "left:50%;width:20.0%" in signed_bar(2.0, 5.0).text
    assert "width:0.0%" in signed_bar(0.0, 0.0).text
    assert columns_of([0.0, 0.0], ("a", "b", "c"), "none").text.count("height:0.0%") == 2
