"""Contract 1: a vote depends on the last `lookback` bars and on nothing else, to the last bit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.ballot import Agent, Ballot, scores
from agents.headlines.reader import Headline
from agents.headlines.tones import HeadlineTones
from agents.law import check_finite_window_law, same_bits
from agents.trading.mean_reversion import MeanReversion
from agents.trading.momentum import Momentum
from agents.trading.sentiment import Sentiment
from agents.trading.volatility import Volatility
from market.bars import Bars
from tests.property.panels import FIRST_TIME, LAYOUTS, laid_out, panel, panels, random_walk


class LengthScorer:
    """A `ToneScorer` for tests: the tone is a function of the text's length."""

    digest = "length"

    def tone(self, text: str) -> float:
        return len(text) % 7 / 3.0 - 1.0


def some_headlines() -> HeadlineTones:
    rng = np.random.default_rng(5)
    return HeadlineTones.scored(
        [
            Headline(
                time=FIRST_TIME + int(rng.integers(0, 600 * 3600)) * 10**9,
                currency=str(rng.choice(["EUR", "USD", "AUD"])),
                text="x" * int(rng.integers(1, 30)),
            )
            for _ in range(300)
        ],
        LengthScorer(),
    )


AGENTS: dict[str, Momentum | MeanReversion | Volatility | Sentiment] = {
    "momentum": Momentum(),
    "brief momentum": Momentum(
        fast=3, slow=7, volatility_window=5, rsi_length=2, macd_fast=2, macd_slow=3,
        macd_signal=2, bridged_bars=0,
    ),
    "mean reversion": MeanReversion(),
    "brief mean reversion": MeanReversion(
        window=7, bollinger_window=5, half_life_window=12, max_half_life=11.0, bridged_bars=2
    ),
    "volatility": Volatility(),
    "brief volatility": Volatility(
        ewma_decay=0.5, realised_window=4, percentile_window=9, channel_window=6,
        quiet_percentile=0.2, channel_width=0.3, bridged_bars=1,
    ),
    "sentiment": Sentiment(),
    "sentiment with headlines": Sentiment(headlines=some_headlines()),
    "brief sentiment": Sentiment(
        horizon=3, factor_window=6, volatility_window=5, bridged_bars=0,
        headlines=some_headlines(), headline_horizon_days=0.5,
    ),
}  # fmt: skip
COLUMN_WISE = [name for name in AGENTS if "sentiment" not in name]
each_agent = pytest.mark.parametrize("name", AGENTS)


def equal(first: Ballot, second: Ballot) -> bool:
    return first.evidence.keys() == second.evidence.keys() and all(
        same_bits(a, b).all()
        for a, b in zip(
            (first.score, *first.evidence.values()),
            (second.score, *second.evidence.values()),
            strict=True,
        )
    )


@each_agent
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_vote_depends_on_the_last_lookback_bars_only(name: str, data: st.DataObject) -> None:
    agent = AGENTS[name]
    bars = data.draw(panels(min_rows=1, max_rows=agent.lookback + 60))
    rows = data.draw(st.lists(st.integers(0, len(bars) - 1), max_size=3))
    assert check_finite_window_law(agent, bars, [*rows, len(bars) - 1]) == []


@each_agent
def test_the_law_holds_across_the_blocks_of_a_long_panel(name: str) -> None:
    close = random_walk(np.random.default_rng(3), 4000, 20)
    close[np.random.default_rng(4).random(close.shape) < 0.0003] = np.nan
    bars = panel(close)
    assert np.isfinite(AGENTS[name].vote(bars).score).any()
    assert check_finite_window_law(AGENTS[name], bars) == []


@each_agent
@settings(max_examples=10, deadline=None)
@given(bars=panels(max_rows=450), layout=st.sampled_from(LAYOUTS))
def test_a_vote_depends_on_values_and_not_on_their_memory_layout(
    name: str, bars: Bars, layout: str
) -> None:
    assert equal(AGENTS[name].vote(bars), AGENTS[name].vote(laid_out(bars, layout)))


@pytest.mark.parametrize("name", COLUMN_WISE)
@settings(max_examples=10, deadline=None)
@given(bars=panels(max_rows=450), data=st.data())
def test_an_instrument_gets_the_same_votes_in_any_company(
    name: str, bars: Bars, data: st.DataObject
) -> None:
    chosen = data.draw(st.lists(st.sampled_from(bars.symbols), min_size=1, max_size=7, unique=True))
    columns = [bars.symbols.index(symbol) for symbol in chosen]
    alone, together = AGENTS[name].vote(bars.columns(chosen)), AGENTS[name].vote(bars)
    part = {label: array[:, columns] for label, array in together.evidence.items()}
    assert equal(alone, Ballot(score=together.score[:, columns], evidence=part))


@each_agent
@settings(max_examples=10, deadline=None)
@given(bars=panels(max_rows=450))
def test_scores_lie_between_minus_one_and_one_and_nothing_is_infinite(
    name: str, bars: Bars
) -> None:
    ballot = AGENTS[name].vote(bars)
    assert not (np.abs(ballot.score) > 1.0).any()
    for array in (ballot.score, *ballot.evidence.values()):
        assert not np.isinf(array).any()


@each_agent
@settings(max_examples=10, deadline=None)
@given(bars=panels(max_rows=500))
def test_scores_alone_are_those_of_the_vote(name: str, bars: Bars) -> None:
    agent = AGENTS[name]
    assert same_bits(agent.score(bars), agent.vote(bars).score).all()
    assert same_bits(scores(agent, bars), scores(Voting(agent), bars)).all()


@each_agent
def test_no_price_gives_a_vote_before_the_lookback_is_full(name: str) -> None:
    agent = replace(AGENTS[name], headlines=None) if "sentiment" in name else AGENTS[name]
    bars = panel(random_walk(np.random.default_rng(6), agent.lookback + 20, 20))
    voted = np.isfinite(agent.vote(bars).score).any(axis=1)
    assert not voted[: agent.lookback - 1].any()
    assert voted[agent.lookback - 1 :].all()


@dataclass(frozen=True)
class Voting:
    """An agent that has nothing but its vote."""

    agent: Agent

    @property
    def name(self) -> str:
        return self.agent.name

    @property
    def lookback(self) -> int:
        return self.agent.lookback

    def vote(self, bars: Bars) -> Ballot:
        return self.agent.vote(bars)


@dataclass(frozen=True)
class Shortened:
    """An agent that claims to need one bar less than it does."""

    agent: Agent

    @property
    def name(self) -> str:
        return self.agent.name

    @property
    def lookback(self) -> int:
        return self.agent.lookback - 1

    def vote(self, bars: Bars) -> Ballot:
        return self.agent.vote(bars)


@each_agent
def test_one_bar_less_than_the_lookback_is_too_few(name: str) -> None:
    agent = AGENTS[name]
    row = agent.lookback + 10
    close = random_walk(np.random.default_rng(11), row + 1, 7)
    oldest = row - agent.lookback + 1
    # The first bar of every window can only be bridged from the oldest bar of the lookback.
    close[oldest + 1 : oldest + 1 + agent.bridged_bars] = np.nan
    bars = panel(close)
    assert check_finite_window_law(agent, bars, [row]) == []
    violations = check_finite_window_law(Shortened(agent), bars, [row])
    assert {violation.part for violation in violations} == {"window"}


@dataclass(frozen=True)
class Peeking:
    """Votes for the side of the next bar: it looks one bar ahead."""

    name: str = "peeking"
    lookback: int = 2

    def vote(self, bars: Bars) -> Ballot:
        change = np.zeros(bars.shape)
        change[:-1] = bars.close[1:] - bars.close[:-1]
        flat = np.zeros(bars.shape)
        return Ballot(score=np.sign(change), evidence={"flat": flat, "change": change})


@dataclass(frozen=True)
class Recursive:
    """Price against an exponential average that began with the panel's first row."""

    span: int = 30
    name: str = "recursive"
    lookback: int = 300

    def vote(self, bars: Bars) -> Ballot:
        average = np.array(bars.close)
        for row in range(1, len(bars)):
            average[row] += (average[row - 1] - average[row]) * (1.0 - 2.0 / (self.span + 1))
        gap = (bars.close - average) / average
        return Ballot(score=gap / (1.0 + np.abs(gap)), evidence={"average": average, "gap": gap})


def test_an_agent_that_peeks_one_bar_ahead_is_caught_and_named() -> None:
    bars = panel(random_walk(np.random.default_rng(1), 50, 3))
    violations = check_finite_window_law(Peeking(), bars, [20])
    assert [each.symbol for each in violations if each.part == "truncated"] == list(bars.symbols)
    first = violations[0]
    assert (first.agent, first.row, first.time) == ("peeking", 20, int(bars.time[20]))
    assert first.array == "change"
    assert first.partial == 0.0 != first.whole
    assert "looks ahead" in str(first)
    assert "EUR_USD" in str(first)


def test_a_recursive_average_is_caught_however_little_it_remembers() -> None:
    bars = panel(random_walk(np.random.default_rng(2), 700, 20))
    violations = check_finite_window_law(Recursive(), bars)
    assert violations
    assert {each.part for each in violations} == {"window"}
    assert violations[0].array == "average"
    assert "remembers" in str(violations[0])
    averages = [each for each in violations if each.array == "average"]
    assert max(each.difference / each.whole for each in averages) < 1e-6


@dataclass(frozen=True)
class Careless:
    """Shows its evidence on long panels only."""

    name: str = "careless"
    lookback: int = 3

    def vote(self, bars: Bars) -> Ballot:
        score = np.zeros(bars.shape)
        return Ballot(score=score, evidence={"long": score} if len(bars) > 5 else {})


def test_evidence_that_comes_and_goes_is_a_violation() -> None:
    bars = panel(random_walk(np.random.default_rng(2), 10, 1))
    (violation,) = check_finite_window_law(Careless(), bars, [9])
    assert (violation.array, violation.part) == ("long", "window")
    assert violation.difference == float("inf")


def test_negative_zero_is_not_zero_and_any_nan_is_nan() -> None:
    nan = np.array([np.nan])
    assert not same_bits(np.array([0.0]), np.array([-0.0])).any()
    assert same_bits(nan, -nan).all()


def test_headlines_that_arrive_later_leave_earlier_votes_as_they_were() -> None:
    bars = panel(random_walk(np.random.default_rng(9), 200, 7))
    known = [Headline(time=int(bars.time[50]), currency="EUR", text="good")]
    late = [Headline(time=int(bars.time[120]), currency="EUR", text="what a year")]
    before = Sentiment(headlines=HeadlineTones.scored(known, LengthScorer()))
    after = replace(before, headlines=HeadlineTones.scored(known + late, LengthScorer()))
    first, second = before.vote(bars), after.vote(bars)
    assert same_bits(first.score[:120], second.score[:120]).all()
    assert not same_bits(first.score[120], second.score[120]).all()
