"""A vote on the newest row alone is the last row of the vote on the panel, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.ballot import Ballot, FollowsBars, NewestVoter, told_alone
from agents.law import rows_of
from agents.trading.mean_reversion import MeanReversion
from agents.trading.momentum import Momentum
from agents.trading.volatility import Volatility
from market.bar_window import slice_of
from market.bars import Bars
from tests.property.panels import panel, panels, random_walk
from tests.property.test_finite_window_law import AGENTS, each_agent, equal


def follower(agent: NewestVoter) -> Any:
    """Its newest vote, which goes on bar by bar."""
    vote = agent.newest_vote()
    assert isinstance(vote, FollowsBars)
    return vote


def last_row(ballot: Ballot) -> Ballot:
    rows = len(ballot.score)
    return rows_of(ballot, rows - 1, rows)


@each_agent
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_bar_by_bar_it_is_the_last_row_of_the_panels_vote(name: str, data: st.DataObject) -> None:
    agent = AGENTS[name]
    bars = data.draw(panels(min_rows=1, max_rows=agent.lookback + 60))
    first = data.draw(st.integers(max(len(bars) - 40, 1), len(bars)))
    whole = agent.vote(bars)
    vote = agent.newest_vote()
    for stop in range(first, len(bars) + 1):
        window = bars.rows(max(stop - agent.lookback, 0), stop)
        assert equal(vote(window), rows_of(whole, stop - 1, stop))


@each_agent
def test_a_long_walk_with_gaps_is_voted_on_as_in_one_panel(name: str) -> None:
    agent = AGENTS[name]
    close = random_walk(np.random.default_rng(11), agent.lookback + 700, 11)
    gaps = np.random.default_rng(12)
    close[gaps.random(close.shape) < 0.01] = np.nan
    close[agent.lookback + 100 : agent.lookback + 104, 3] = np.nan
    close[agent.lookback + 200 : agent.lookback + 230, 4] = np.nan
    close[agent.lookback + 300 : agent.lookback + 600, 5] = close[agent.lookback + 300, 5]
    bars = panel(close)
    whole, vote = agent.vote(bars), agent.newest_vote()
    heard = 0
    for stop in range(agent.lookback, len(bars) + 1):
        found = vote(bars.rows(stop - agent.lookback, stop))
        assert equal(found, rows_of(whole, stop - 1, stop)), stop
        heard += int(np.isfinite(found.score).sum())
    assert heard > 0


@each_agent
@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 99),
    steps=st.lists(st.sampled_from([1, 1, 1, 2, 3, -1, 0]), max_size=12),
)
def test_a_panel_that_does_not_follow_the_last_one_is_voted_on_as_a_new_one(
    name: str, seed: int, steps: list[int]
) -> None:
    agent = AGENTS[name]
    bars = panel(random_walk(np.random.default_rng(seed), agent.lookback + 60, 5))
    vote, stop = agent.newest_vote(), agent.lookback + 20
    for step in steps:
        stop += step
        window = bars.rows(stop - agent.lookback, stop)
        assert equal(vote(window), last_row(agent.vote(window)))


@each_agent
def test_other_instruments_are_voted_on_as_a_new_panel(name: str) -> None:
    agent = AGENTS[name]
    bars = panel(random_walk(np.random.default_rng(1), agent.lookback + 2, 6))
    narrow, vote = bars.columns(bars.symbols[:2]), agent.newest_vote()
    for one in (bars, narrow, bars):
        window = one.rows(2, len(one))
        assert equal(vote(window), last_row(agent.vote(window)))


@each_agent
def test_fewer_bars_than_the_lookback_are_no_votes(name: str) -> None:
    agent = AGENTS[name]
    bars = panel(random_walk(np.random.default_rng(2), agent.lookback + 3, 4))
    vote = agent.newest_vote()
    whole = agent.vote(bars)
    for start, stop in ((0, agent.lookback), (2, agent.lookback), (0, agent.lookback + 1)):
        window = bars.rows(start, stop)
        assert equal(vote(window), last_row(agent.vote(window)))
    assert equal(vote(bars), last_row(whole))


windows = st.integers(2, 40)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_the_law_holds_for_any_parameters(data: st.DataObject) -> None:
    draw = data.draw
    fast, macd_fast = draw(windows), draw(windows)
    agents: list[Momentum | MeanReversion | Volatility] = [
        Momentum(
            fast=fast,
            slow=fast + draw(windows),
            volatility_window=draw(windows),
            rsi_length=draw(windows),
            macd_fast=macd_fast,
            macd_slow=macd_fast + draw(windows),
            macd_signal=draw(windows),
            bridged_bars=draw(st.integers(0, 7)),
        ),
        MeanReversion(
            window=draw(windows) + 1,
            bollinger_window=draw(windows) + 1,
            half_life_window=draw(windows) + 8,
            max_half_life=9.0,
            bridged_bars=draw(st.integers(0, 7)),
        ),
        Volatility(
            ewma_decay=draw(st.floats(0.1, 0.97)),
            realised_window=draw(windows),
            percentile_window=draw(windows),
            channel_window=draw(windows),
            bridged_bars=draw(st.integers(0, 7)),
        ),
    ]
    for agent in agents:
        bars = panel(random_walk(np.random.default_rng(draw(st.integers(0, 9))), 1500, 3))
        stop = min(agent.lookback + 5, len(bars))
        bars, vote = bars.rows(0, stop), agent.newest_vote()
        for end in range(max(stop - 5, 1), stop + 1):
            window = bars.rows(max(end - agent.lookback, 0), end)
            assert equal(vote(window), last_row(agent.vote(window)))


def test_every_agent_of_ours_votes_on_the_newest_row_alone() -> None:
    assert all(isinstance(agent, NewestVoter) for agent in AGENTS.values())


@each_agent
def test_a_vote_does_not_change_the_bars(name: str) -> None:
    agent = AGENTS[name]
    bars: Bars = panel(random_walk(np.random.default_rng(3), agent.lookback, 3))
    digest = bars.digest()
    agent.newest_vote()(bars)
    assert bars.digest() == digest


@each_agent
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), alone=st.lists(st.booleans(), min_size=1, max_size=40))
def test_a_bar_told_alone_is_voted_on_as_the_panel_that_ends_with_it(
    name: str, seed: int, alone: list[bool]
) -> None:
    agent = AGENTS[name]
    close = random_walk(np.random.default_rng(seed), agent.lookback + len(alone), 4)
    close[np.random.default_rng(seed + 1).random(close.shape) < 0.01] = np.nan
    bars = panel(close)
    vote = follower(agent)
    assert vote.following(slice_of(bars, 0)) is None
    first = bars.rows(0, agent.lookback)
    assert equal(vote(first), last_row(agent.vote(first)))
    whole = agent.vote(bars)
    for row, told in enumerate(alone, start=agent.lookback):
        window = bars.rows(row + 1 - agent.lookback, row + 1)
        found = told_alone(vote, slice_of(bars, row), name) if told else vote(window)
        assert found is not None
        assert equal(found, rows_of(whole, row, row + 1)), row


@each_agent
def test_behind_less_than_a_lookback_no_bar_is_told_alone(name: str) -> None:
    agent = AGENTS[name]
    bars = panel(random_walk(np.random.default_rng(4), agent.lookback + 1, 3))
    vote = follower(agent)
    vote(bars.rows(1, agent.lookback))
    assert vote.following(slice_of(bars, agent.lookback)) is None
    assert equal(vote(bars.rows(1, agent.lookback + 1)), last_row(agent.vote(bars)))


@each_agent
def test_a_bar_of_other_instruments_is_not_taken_for_the_next(name: str) -> None:
    agent = AGENTS[name]
    bars = panel(random_walk(np.random.default_rng(5), agent.lookback + 2, 3))
    vote = follower(agent)
    vote(bars.rows(0, agent.lookback))
    for width in (1, 2):
        assert vote.following(slice_of(bars, agent.lookback).columns(width)) is None
    found = told_alone(vote, slice_of(bars, agent.lookback), name)
    assert found is not None
    assert equal(found, last_row(agent.vote(bars.rows(0, len(bars) - 1))))
