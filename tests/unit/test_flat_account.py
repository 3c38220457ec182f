"""An account in two arrays is settled as the same account in forty, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from infra.brokers.paper.live.flat_account import (
    flat_account,
    kept_size,
    settle_flat,
    unfold,
)
from infra.brokers.paper.settlement import settle_bar
from infra.brokers.paper.state import FillLog, PaperState, empty_state, fill_rules, no_fills
from market.bars import Floats
from market.conversion import conversion
from tests.exchanges import SYMBOLS, TERMS

COUNT = len(SYMBOLS)
PATHS = conversion(TERMS.instruments, "USD")
RULES = fill_rules(TERMS.instruments, slippage=1e-4, closeout_fraction=0.5, financing_fee=0.01)
RATES = np.linspace(0.0, 0.05, PATHS.currencies)
MIDS = np.array([1.1, 1.3, 150.0, 0.9])


def bytes_of(state: PaperState, log: FillLog, *others: Floats) -> list[bytes]:
    parts = [*state.ledger, *state.exits, *state.orders, *state.marks]
    return [part.tobytes() for part in (*parts, *log, *others)]


def test_an_empty_account_has_the_parts_of_one_in_forty_arrays_and_its_terms() -> None:
    account = unfold(*flat_account(PATHS, RULES))
    for mine, theirs in zip(account.state, empty_state(COUNT, 0.0), strict=True):
        assert [part.tobytes() for part in mine] == [part.tobytes() for part in theirs]
    for found, given in ((account.paths, PATHS), (account.rules, RULES)):
        for mine, theirs in zip(found, given, strict=True):
            assert np.array_equal(mine, theirs)
    assert np.isnan(account.values).all()
    assert np.isnan(account.prices).all()
    assert not account.quoted.any()
    assert not account.log.size.any()


def test_what_is_kept_of_an_account_is_the_first_part_of_its_numbers() -> None:
    flat = flat_account(PATHS, RULES)
    account, kept = unfold(*flat), flat.floats[: kept_size(COUNT)]
    kept[:] = np.arange(kept.size)
    state = account.state
    parts = np.concatenate([*state.ledger, *state.exits, *state.marks])
    assert parts.tolist() == kept.tolist()


def test_no_two_parts_share_a_place() -> None:
    flat = flat_account(PATHS, RULES)
    account = unfold(*flat)
    parts = [*(part for group in account.state for part in group), *account.log]
    parts += [account.values, account.rules.margin_rate, account.rules.typical_spread]
    parts += [account.interest, account.charged, account.cancelled, account.before]
    parts += [account.prices, account.quoted, *account.paths[:4]]
    for number, part in enumerate(parts):
        part[...] = number
    for number, part in enumerate(parts):
        assert np.all(part == number)
    beside = 3 + 1  # rules of all instruments, and the account's currency
    assert sum(part.size for part in parts) + beside == flat.floats.size + flat.ints.size


@pytest.mark.parametrize("seed", range(8))
def test_a_bar_does_the_same_to_both(seed: int) -> None:
    random = np.random.default_rng(seed)
    flat = flat_account(PATHS, RULES)
    account = unfold(*flat)
    account.interest[:] = RATES
    whole, whole_log = empty_state(COUNT, 0.0), no_fills(COUNT)
    whole_ended, whole_charged = np.zeros(COUNT, dtype=np.int64), np.zeros(COUNT)
    for state in (account.state, whole):
        state.ledger.cash[0] = 1e5
    for bar in range(30):
        mid = np.exp(random.normal(0.0, 0.05, COUNT)) * MIDS
        mid[random.random(COUNT) < 0.2] = np.nan
        values = np.stack([mid, mid * 1.01, mid * 0.99, mid, mid * 1e-4, mid])
        units = np.round(random.normal(0.0, 5e4, COUNT)) * (random.random(COUNT) < 0.5)
        for state in (account.state, whole):
            state.orders.units[:] = units
            state.orders.stop_distance[:] = 0.02 * mid
            state.orders.take_profit_distance[:] = 0.03 * mid
            state.orders.lowest_price[:] = 0.0
            state.orders.highest_price[:] = np.inf
        nights, held = float(bar % 2), whole.ledger.units.copy()
        account.values[:] = values
        settle_flat(*flat, nights)
        settle_bar(
            whole, PATHS, values, RATES, nights, RULES, whole_log, whole_ended, whole_charged
        )
        here = bytes_of(account.state, account.log, account.cancelled, account.charged)
        assert here == bytes_of(whole, whole_log, whole_ended, whole_charged)
        assert account.before.tolist() == held.tolist()
    assert account.state.ledger.realised.any(), "something was traded"
