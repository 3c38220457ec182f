"""The laws of what a day may cost the book after a trade."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from agents.guardian.exposure import Book, empty_book, measure_book
from agents.guardian.limits import StressLimits
from agents.guardian.pace import unhurried
from agents.guardian.proposals import no_verdicts
from agents.guardian.review import review_order
from agents.guardian.tail import STALE, Tail, empty_tail, fill_profit
from market.bars import Floats
from tests.books import AGENTS, COLUMNS, INSTRUMENTS, PATHS, WIDE, Case, case, cases

QUICK = settings(max_examples=80, deadline=None)
SLACK = 1.0 + 1e-9
ROWS = 60
FALL = {"EUR": 0.94, "USD": 1.0, "JPY": 1.06, "GBP": 0.92, "AUD": 0.86}


@st.composite
def weighed(draw: st.DrawFn) -> Case:
    """A case with returns of fat tails and limits on a day's loss that bind or do not."""
    checked = draw(cases(most=100_000))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    common = 0.01 * rng.standard_t(4, (ROWS, 1))
    returns = rng.uniform(0.0, 1.0, COLUMNS) * common + 0.01 * rng.standard_t(4, (ROWS, COLUMNS))
    returns[rng.random((ROWS, COLUMNS)) < draw(st.sampled_from([0.0, 0.02]))] = math.nan
    returns[-1] = np.nan_to_num(returns[-1])
    working = np.where(rng.random(COLUMNS) < 0.3, rng.integers(-50_000, 50_000, COLUMNS), 0)
    working = working * draw(st.sampled_from([0.0, 1.0]))
    return checked.with_exposed(returns=returns, row=ROWS - 1, working=working).with_limits(
        var_window=ROWS,
        correlation_window=20,
        correlation_threshold=0.95,
        max_daily_var=10.0 ** rng.uniform(-3.0, 1.0),
        max_portfolio_var=10.0 ** rng.uniform(-2.5, 1.0),
        max_position_loss=10.0 ** rng.uniform(-2.0, 1.0),
        max_order_value=10.0 ** rng.uniform(-1.0, 1.0),
        max_order_units=10.0 ** rng.uniform(2.0, 6.0),
        stress=StressLimits(*(10.0 ** rng.uniform(-2.0, 1.0, 5))),
    )


def profit_of(units: Floats, checked: Case) -> Floats:
    """Of a book on every bar on which all that it holds is known, with the bars' weights."""
    value = units * checked.marks.mid * checked.marks.rate
    held = np.flatnonzero(units)
    return np.asarray(checked.exposed.returns[:, held] @ value[held])


def costs(units: Floats, checked: Case) -> dict[str, float]:
    """What a day may cost a book, by limit, over what is allowed; an independent sum."""
    limits, equity, marks = checked.limits, checked.exposed.equity, checked.marks
    profit = profit_of(units, checked)
    known = ~np.isnan(profit)
    weights = WIDE.var_decay ** np.arange(ROWS)[::-1]
    sigma = math.sqrt(np.average(profit[known] ** 2, weights=weights[known]))
    tail = max(-np.sort(profit[known])[math.ceil(0.01 * known.sum() - 1e-9) - 1], 0.0)
    value = units * marks.mid * marks.rate
    held = np.flatnonzero(units)
    exposure = dict.fromkeys(FALL, 0.0)
    crash = 0.0
    for column in held:
        one = INSTRUMENTS[column]
        exposure[one.base] += value[column]
        exposure[one.quote] -= value[column]
        crash += value[column] * (FALL[one.base] / FALL[one.quote] - 1.0)
    spreads = float(np.sum(np.abs(units[held]) * marks.spread[held] * marks.rate[held])) / 2.0
    alone = float(np.abs(value[held]) @ checked.exposed.sigma[held])
    stress = limits.stress
    found = {
        "daily": norm.ppf(0.95) * sigma / limits.max_daily_var,
        "portfolio": tail / limits.max_portfolio_var,
        "crash": -crash / stress.crash,
        "volatility": 2.0 * norm.ppf(0.99) * sigma / stress.volatility_spike,
        "correlation": 2.0 * alone / stress.correlation_breakdown,
        "liquidity": (10.0 * spreads + norm.ppf(0.95) * math.sqrt(5.0) * sigma)
        / stress.liquidity_crisis,
        "currency": 0.08 * max(abs(one) for one in exposure.values()) / stress.currency_crisis,
    }
    return {name: loss / equity for name, loss in found.items()}


def opens(held: float, after: float) -> bool:
    return after != 0.0 and (held * after <= 0.0 or abs(after) > abs(held))


@QUICK
@given(weighed())
def test_after_every_order_that_opens_no_limit_on_a_days_loss_is_broken(checked: Case) -> None:
    verdicts = checked.verdicts()
    units = checked.exposed.units + checked.exposed.working
    for column in checked.order_of_review():
        held, approved = units[column], verdicts.units[column]
        units[column] += approved
        if approved == 0.0 or not opens(held, units[column]):
            continue
        for limit, used in costs(units, checked).items():
            assert used <= SLACK, (limit, used)
        value = units[column] * checked.marks.mid[column] * checked.marks.rate[column]
        loss = 2.0 * abs(value) * checked.exposed.sigma[column]
        assert loss <= checked.limits.max_position_loss * checked.exposed.equity * SLACK
        if abs(held) < abs(approved) and held * approved >= 0.0:  # nothing of it closes
            assert abs(approved) <= checked.limits.max_order_units * SLACK


@QUICK
@given(weighed(), st.sampled_from([0.5, 2.0, 8.0]))
def test_a_book_and_its_equity_times_a_factor_are_approved_times_the_factor(
    checked: Case, factor: float
) -> None:
    increment = checked.exposed.traits.unit_increment * factor
    larger = replace(
        checked,
        proposals=checked.proposals._replace(units=checked.proposals.units * factor),
    ).with_exposed(
        units=checked.exposed.units * factor,
        working=checked.exposed.working * factor,
        equity=checked.exposed.equity * factor,
        traits=checked.exposed.traits._replace(unit_increment=increment),
    )
    larger = larger.with_limits(max_order_units=checked.limits.max_order_units * factor)
    one, other = checked.verdicts(), larger.verdicts()
    np.testing.assert_array_equal(other.limit, one.limit)
    np.testing.assert_array_equal(other.units, one.units * factor)


@QUICK
@given(weighed(), st.integers(0, COLUMNS - 1))
def test_where_too_little_of_what_is_held_is_known_nothing_opens(
    checked: Case, unknown: int
) -> None:
    checked.exposed.returns[:-1, unknown] = math.nan
    checked.exposed.units[unknown] = 1_000.0
    verdicts = checked.verdicts()
    held = checked.exposed.units + checked.exposed.working
    for column in checked.order_of_review():
        after = held[column] + verdicts.units[column]
        assert not (verdicts.units[column] and opens(held[column], after)) or (
            checked.exposed.units[unknown] + verdicts.units[unknown] == 0.0
        )


def entered(checked: Case) -> tuple[Book, Tail]:
    """The book, and the profit that the next order is weighed on, after the first was judged."""
    exposed, limits = checked.exposed, checked.limits
    book, tail = empty_book(COLUMNS, PATHS.currencies), empty_tail(COLUMNS, limits)
    measure_book(book, exposed.units, exposed.working, exposed.stop_price, checked.marks)
    review_order(
        checked.proposals, exposed, checked.marks, PATHS, limits, book, tail,
        unhurried(COLUMNS, AGENTS, limits.pace), no_verdicts(COLUMNS), checked.order_of_review()[0],
    )  # fmt: skip
    return book, tail


def weighs_the_book(checked: Case) -> None:
    book, tail = entered(checked)
    if tail.of[0] != STALE:  # else it is worked out anew
        kept, left_out = tail.profit.copy(), int(tail.of[0])
        exposed = checked.exposed
        fill_profit(book, checked.marks, exposed.returns, exposed.row, tail, left_out)
        np.testing.assert_allclose(kept, tail.profit, rtol=1e-9, atol=1e-6)


@QUICK
@given(weighed())
def test_after_an_approval_the_next_is_weighed_on_the_book_that_it_left(checked: Case) -> None:
    assume(checked.order_of_review())
    weighs_the_book(checked)


def test_a_position_whose_closing_order_still_works_is_weighed_beside_a_new_one() -> None:
    checked = case({"EUR_USD": 20_000.0}, held={"EUR_USD": 50_000.0})
    checked = checked.with_exposed(working=-checked.exposed.units)
    book, _ = entered(checked)
    assert (book.units[0], book.bulk[0]) == (20_000.0, 50_000.0)
    weighs_the_book(checked)
