"""An account in one buffer is settled as the same account in forty arrays, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from infra.brokers.paper.live.flat_state import flat_log, flat_state, settle_flat, unfold_log
from infra.brokers.paper.settlement import settle_bar
from infra.brokers.paper.state import FillLog, PaperState, empty_state, fill_rules, no_fills
from market.bars import Floats
from market.conversion import conversion
from tests.exchanges import SYMBOLS, TERMS

COUNT = len(SYMBOLS)
PATHS = conversion(TERMS.instruments, "USD")
RULES = fill_rules(TERMS.instruments, slippage=1e-4, closeout_fraction=0.5, financing_fee=0.01)
RATES = np.linspace(0.0, 0.05, PATHS.currencies)


def bytes_of(state: PaperState, log: FillLog, *others: Floats) -> list[bytes]:
    parts = [*state.ledger, *state.exits, *state.orders, *state.marks]
    return [part.tobytes() for part in (*parts, *log, *others)]


def test_every_array_of_an_empty_account_is_the_part_of_the_buffer_that_holds_it() -> None:
    buffer, orders, state = flat_state(COUNT)
    empty = empty_state(COUNT, 0.0)
    for mine, theirs in zip(state, empty, strict=True):
        assert [part.tobytes() for part in mine] == [part.tobytes() for part in theirs]
    parts = [*state.ledger, *state.exits, *state.marks]
    assert sum(part.size for part in parts) == buffer.size
    buffer[:] = np.arange(buffer.size)
    assert np.concatenate(parts).tolist() == buffer.tolist()
    assert all(np.shares_memory(part, orders) for part in state.orders)


@pytest.mark.parametrize("seed", range(8))
def test_a_bar_does_the_same_to_both(seed: int) -> None:
    random = np.random.default_rng(seed)
    buffer, orders, flat = flat_state(COUNT)
    whole = empty_state(COUNT, 0.0)
    log, whole_log = flat_log(COUNT), no_fills(COUNT)
    ended, whole_ended = np.zeros((2, COUNT), dtype=np.int64)
    charged, whole_charged = np.zeros((2, COUNT))
    for state in (flat, whole):
        state.ledger.cash[0] = 1e5
    for bar in range(30):
        mid = np.exp(random.normal(0.0, 0.05, COUNT)) * np.array([1.1, 1.3, 150.0, 0.9])
        mid[random.random(COUNT) < 0.2] = np.nan
        values = np.stack([mid, mid * 1.01, mid * 0.99, mid, mid * 1e-4, mid])
        units = np.round(random.normal(0.0, 5e4, COUNT)) * (random.random(COUNT) < 0.5)
        for state in (flat, whole):
            state.orders.units[:] = units
            state.orders.stop_distance[:] = 0.02 * mid
            state.orders.take_profit_distance[:] = 0.03 * mid
            state.orders.lowest_price[:] = 0.0
            state.orders.highest_price[:] = np.inf
        nights = float(bar % 2)
        settle_flat(
            buffer, orders, PATHS, values, RATES, nights, RULES, log, ended, charged
        )  # fmt: skip
        settle_bar(
            whole, PATHS, values, RATES, nights, RULES, whole_log, whole_ended, whole_charged
        )
        here = bytes_of(flat, unfold_log(log), ended, charged)
        assert here == bytes_of(whole, whole_log, whole_ended, whole_charged)
    assert flat.ledger.realised.any(), "something was traded"
