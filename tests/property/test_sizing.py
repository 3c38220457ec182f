"""The laws of sizing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.guardian.calibration.table import CalibrationTable, uncalibrated
from agents.guardian.codes import Limit
from agents.guardian.exposure import empty_book
from agents.guardian.proposals import no_proposals
from coordinator.sizing import SizingRules, propose
from coordinator.tally import Decision, Outcome, undecided
from market.bars import Floats
from tests.books import COLUMNS, INSTRUMENTS, PATHS, Case, cases, measured, stop_losses

QUICK = settings(max_examples=80, deadline=None)
TRADED = 4
RULES = SizingRules(
    max_risk_per_trade=0.02,
    stop_sigmas=3.0,
    tp_sl_ratio=2.5,
    trailing_fraction=math.nan,
    trailing_sigmas=math.nan,
    rebalance_band=0.25,
    kelly_fraction=math.nan,
    kelly_cap=0.02,
    volatility_target=math.inf,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A book and what the committee wants of it."""

    book: Case
    score: Floats
    multiplier: Floats
    rebalancing: bool = False
    rules: SizingRules = RULES
    table: CalibrationTable = field(default_factory=lambda: uncalibrated(1, 4))

    @property
    def sigma(self) -> Floats:
        return self.book.exposed.sigma[:TRADED]

    def decision(self) -> Decision:
        decision = undecided(TRADED)
        decision.score[:] = self.score
        decision.outcome[:] = np.where(self.score > 0.0, Outcome.BUY, Outcome.SELL)
        decision.outcome[np.isnan(self.score)] = Outcome.NO_QUORUM
        return decision

    def proposed(self) -> Case:
        """The same book with what sizing proposes."""
        proposals = no_proposals(COLUMNS)
        propose(
            self.decision(),
            self.score[None],
            np.ones(1),
            self.multiplier,
            self.rebalancing,
            self.book.exposed,
            self.book.marks,
            PATHS,
            self.book.limits,
            self.rules,
            self.table,
            empty_book(COLUMNS, PATHS.currencies),
            proposals,
        )
        return replace(self.book, proposals=proposals)

    def wanted(self, column: int) -> float:
        """Size of the position that the proposal leads to."""
        proposals = self.proposed().proposals
        return float(abs(self.book.exposed.units[column] + proposals.units[column]))


@st.composite
def wishes(draw: st.DrawFn, *, flat: bool = False) -> Wish:
    book = draw(cases())
    if flat:
        book.exposed.units[:] = 0.0
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return Wish(
        book=book,
        score=rng.choice([1.0, -1.0], TRADED) * rng.uniform(0.25, 1.0, TRADED),
        multiplier=rng.choice([0.0, 1.0, rng.uniform(0.0, 2.0)], TRADED),
        rebalancing=draw(st.booleans()),
    )


@QUICK
@given(wishes(), st.integers(0, TRADED - 1))
def test_no_single_proposal_passes_a_limit_of_the_guardian(wish: Wish, column: int) -> None:
    proposed = wish.proposed()
    alone = np.where(np.arange(COLUMNS) == column, proposed.proposals.units, 0.0)
    single = replace(proposed, proposals=proposed.proposals._replace(units=alone))
    verdicts = single.verdicts()
    np.testing.assert_array_equal(verdicts.units, alone)
    assert not verdicts.limit.any()


@QUICK
@given(wishes(), st.integers(0, TRADED - 1))
def test_the_loss_at_the_stop_stays_within_risk_times_confidence_times_multiplier(
    wish: Wish, column: int
) -> None:
    side = math.copysign(1.0, wish.score[column])
    if wish.book.exposed.units[column] * side > 0.0:
        return  # held on that side already, perhaps from before with more
    marks, equity = wish.book.marks, wish.book.exposed.equity
    per_unit = RULES.stop_sigmas * wish.sigma[column] * marks.mid[column] * marks.rate[column]
    allowed = RULES.max_risk_per_trade * equity * abs(wish.score[column]) * wish.multiplier[column]
    assert wish.wanted(column) * per_unit <= allowed * (1.0 + 1e-9)


@QUICK
@given(wishes(), st.integers(0, TRADED - 1))
def test_no_edge_means_no_position(wish: Wish, column: int) -> None:
    multiplier = wish.multiplier.copy()
    multiplier[column] = 0.0
    held = wish.book.exposed.units[column]
    proposed = replace(wish, multiplier=multiplier).proposed()
    keeps = held * wish.score[column] > 0.0 and not wish.rebalancing
    assert proposed.proposals.units[column] == (0.0 if keeps else -held)


@QUICK
@given(wishes(), st.integers(0, TRADED - 1), st.sampled_from([*Outcome][2:]))
def test_a_hold_proposes_nothing(wish: Wish, column: int, outcome: Outcome) -> None:
    decision = wish.decision()
    decision.outcome[column] = outcome
    silent = np.where(np.arange(TRADED) == column, math.nan, wish.score)
    assert replace(wish, score=silent).proposed().proposals.units[column] == 0.0


@QUICK
@given(wishes(flat=True), st.integers(0, TRADED - 1))
def test_more_confidence_never_makes_a_smaller_size(wish: Wish, column: int) -> None:
    stronger = wish.score.copy()
    stronger[column] = math.copysign(1.0, stronger[column])
    assert replace(wish, score=stronger).wanted(column) >= wish.wanted(column)


@QUICK
@given(wishes())
def test_only_the_traded_instruments_are_proposed(wish: Wish) -> None:
    assert not wish.proposed().proposals.units[TRADED:].any()


@QUICK
@given(wishes())
def test_without_a_rebalance_the_side_that_is_held_is_left_alone(wish: Wish) -> None:
    held = wish.book.exposed.units[:TRADED]
    units = replace(wish, rebalancing=False).proposed().proposals.units[:TRADED]
    assert not units[held * wish.score > 0.0].any()


@QUICK
@given(wishes())
def test_a_rebalance_inside_the_band_leaves_the_position_alone(wish: Wish) -> None:
    held = wish.book.exposed.units[:TRADED]
    units = replace(wish, rebalancing=True).proposed().proposals.units[:TRADED]
    resized = (held * wish.score > 0.0) & (units != 0.0)
    assert (np.abs(units[resized]) > RULES.rebalance_band * np.abs(held[resized])).all()


@QUICK
@given(
    wishes(flat=True),
    st.sampled_from(["sigma", "mid", "rate", "equity", "multiplier"]),
    st.sampled_from([math.nan, math.inf, 0.0, -1.0]),
)
def test_nothing_is_opened_on_a_number_that_is_none(wish: Wish, field: str, poison: float) -> None:
    book, multiplier = wish.book, wish.multiplier
    if field == "equity":
        book = book.with_exposed(equity=poison)
    elif field == "multiplier":
        multiplier = np.where(np.arange(TRADED) == 0, poison, multiplier)
    elif field == "sigma":
        book.exposed.sigma[0] = poison
    else:
        getattr(book.marks, field)[0] = poison
    proposed = replace(wish, book=book, multiplier=multiplier).proposed()
    assert proposed.proposals.units[0] == 0.0


def largest_by_limit(wish: Wish, column: int) -> dict[str, float]:
    """The largest size that each limit of the guardian admits, written out one by one."""
    book, marks, limits = wish.book, wish.book.marks, wish.book.limits
    side = math.copysign(1.0, wish.score[column])
    others = np.where(np.arange(COLUMNS) == column, 0.0, book.exposed.units)
    found = measured(others, marks)
    equity = book.exposed.equity
    value = marks.mid[column] * marks.rate[column]
    loss = RULES.stop_sigmas * wish.sigma[column] * value
    risk = stop_losses(book.with_exposed(units=others)).sum()
    instrument = INSTRUMENTS[column]
    margin = (1.0 - limits.margin_reserve) * equity - found.margin
    sizes = {
        "POSITION": limits.max_position * equity / value,
        "GROSS_LEVERAGE": (limits.max_gross_leverage * equity - found.gross) / value,
        "OPEN_RISK": (limits.max_open_risk * equity - risk) / loss,
        "MARGIN": margin / (value * instrument.margin_rate),
        "CURRENCY_EXPOSURE": math.inf,
        "OPEN_POSITIONS": 0.0 if len(found.notional) >= limits.max_open_positions else math.inf,
    }
    for currency, sign in ((instrument.base, side), (instrument.quote, -side)):
        if currency != "USD":
            room = limits.max_currency_exposure * equity
            room -= sign * found.currencies.get(currency, 0.0)
            sizes["CURRENCY_EXPOSURE"] = min(sizes["CURRENCY_EXPOSURE"], room / value)
    return {name: max(0.0, size) for name, size in sizes.items()}


@QUICK
@given(wishes(), st.integers(0, TRADED - 1))
def test_the_bound_that_is_named_is_the_one_that_binds(wish: Wish, column: int) -> None:
    held = wish.book.exposed.units[column]
    if held * wish.score[column] > 0.0:
        return
    proposals = wish.proposed().proposals
    bound, wanted = Limit(int(proposals.bound[column])).name, wish.wanted(column)
    sizes = largest_by_limit(wish, column)
    smallest = min(sizes.values())
    if bound in sizes:
        assert sizes[bound] == pytest.approx(smallest, rel=1e-9)
        assert wanted == pytest.approx(sizes[bound], abs=1.0 + 1e-9 * sizes[bound])
        return
    value = wish.book.marks.mid[column] * wish.book.marks.rate[column]
    full = RULES.max_risk_per_trade * wish.book.exposed.equity * abs(wish.score[column])
    share = wish.multiplier[column]
    by_risk = full / (RULES.stop_sigmas * wish.sigma[column] * value) * share
    assert wanted <= smallest * (1.0 + 1e-9)
    assert wanted == pytest.approx(by_risk, abs=1.0 + 1e-9 * by_risk)
    if bound == "UNIT_INCREMENT":
        assert wanted == 0.0
    else:
        assert bound == ("ALLOCATION" if share < 1.0 else "RISK_PER_TRADE")
