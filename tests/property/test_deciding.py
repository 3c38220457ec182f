"""What a desk measures of a bar is what the whole window would tell, however it was followed."""

from __future__ import annotations

from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.guardian.volatility import VolatilityRules, bar_volatility, newest_volatility
from agents.law import same_bits
from coordinator.deciding import Deciding
from coordinator.desk import Desk
from market.bar_window import BarSlice, BarWindow
from market.bars import Floats
from market.messages import Settlement
from tests.live_session import small_plan

MINUTE_NS = 60_000_000_000
WIDTH = 2


@cache
def small_desk() -> Desk:
    """A desk that looks back on 21 bars for a volatility, and on 20 for its returns."""
    return small_plan(("momentum",)).desk


def prices(seed: int, rows: int, gaps: float) -> Floats:
    """Closes (rows, N) of a walk, so many of them missing, zero or below."""
    rng = np.random.default_rng(seed)
    close = np.exp(0.01 * rng.standard_normal((rows, WIDTH)).cumsum(axis=0))
    missing = rng.random(close.shape) < gaps
    return np.where(missing, rng.choice([np.nan, np.nan, 0.0, -1.0], close.shape), close)


def bar(row: int, close: Floats) -> BarSlice:
    return BarSlice(time=row * MINUTE_NS, values=np.tile(close, (6, 1)))


def told_by_all(close: Floats, desk: Desk) -> tuple[Floats, Floats, Floats]:
    """Returns, volatility and the one before of a window of closes, by the formula."""
    rules, rows = desk.volatility, desk.limits.returns_window
    sigma = bar_volatility(close[-rules.lookback - 1 :], rules)[-2:]
    if len(sigma) < 2:
        sigma = np.vstack([np.full_like(sigma, np.nan), sigma])
    if len(close) <= rows:
        close = np.vstack([np.full(WIDTH, np.nan), close])
    window = close[-rows - 1 :]
    return window[1:] / window[:-1] - 1.0, sigma[1], sigma[0]


def account(width: int) -> Settlement:
    none = np.zeros(width)
    return Settlement(
        sequence=0, fills=(), cancellations=(), units=none, working=none, stop_price=none,
        mid=none, spread=none, rate=none, age=none, filled=none, financing=none, cash=1.0,
        equity=1.0, margin_used=0.0,
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**31),
    st.lists(st.sampled_from(["decided", "decided", "decided", "missed", "history"]), max_size=90),
    st.sampled_from([0.0, 0.02, 0.3]),
    st.integers(0, 40),
)
def test_each_bar_is_measured_as_the_whole_window_would_be_to_the_last_bit(
    seed: int, kinds: list[str], gaps: float, longer: int
) -> None:
    desk = small_desk()
    rows = max(desk.volatility.lookback, desk.limits.returns_window) + 1 + longer
    deciding, close = Deciding(desk, rows), prices(seed, len(kinds) + 1, gaps)
    with np.errstate(divide="ignore", invalid="ignore"):
        for row, kind in enumerate(kinds):
            if kind != "decided":
                deciding.window.push(bar(row, close[row]))
                continue
            deciding.measure(bar(row, close[row]))
            context = deciding.context(row, 0, account(WIDTH))
            expected = told_by_all(close[max(row + 1 - rows, 0) : row + 1], desk)
            found = (context.returns, context.sigma, context.sigma_before)
            assert [one.tobytes() for one in found] == [one.tobytes() for one in expected]
            assert all(one.flags.c_contiguous for one in found)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_what_the_guardian_was_shown_stays_as_it_was_shown(seed: int) -> None:
    desk, close = small_desk(), prices(seed, 120, 0.0)
    deciding = Deciding(desk)
    shown: list[tuple[Floats, bytes]] = []
    for row in range(len(close)):
        deciding.measure(bar(row, close[row]))
        context = deciding.context(row, 0, account(WIDTH))
        shown += [
            (one, one.tobytes()) for one in (context.returns, context.sigma, context.sigma_before)
        ]
    assert all(one.tobytes() == before for one, before in shown)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**31),
    st.integers(1, 40),
    st.sampled_from([0.5, 0.94, 1.0]),
    st.sampled_from([0.0, 0.02, 0.3]),
)
def test_the_newest_volatility_alone_is_the_last_of_all(
    seed: int, taps: int, decay: float, gaps: float
) -> None:
    rules = VolatilityRules(taps, decay)
    close, newest = prices(seed, rules.lookback + 3, gaps), newest_volatility(rules)
    window = BarWindow(("A", "B"), rules.lookback, 60)
    for row in range(len(close)):
        window.push(bar(row, close[row]))
        held = window.bars()
        expected = bar_volatility(held.close, rules)[-1]
        assert same_bits(newest.of(held)[0], expected).all()
