"""Volatility: goes with a breakout when volatility expands, is neutral when it is quiet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from agents.ballot import Agent, check_ballot
from agents.trading.volatility import Volatility
from market.bars import Floats
from market.errors import AgentError
from tests.property.panels import panel, random_walk


def walk(rows: int = 600, columns: int = 6, seed: int = 1, scale: float = 0.005) -> Floats:
    steps = scale * np.random.default_rng(seed).normal(size=(rows, columns))
    return np.asarray(np.exp(steps.cumsum(axis=0)))


def shocked(direction: float) -> Floats:
    """A calm walk that breaks out with large steps to one side at row 500."""
    logs = np.log(walk(scale=0.002))
    logs[500:] += direction * 0.01 * np.arange(1, 101).reshape(-1, 1)
    return np.asarray(np.exp(logs))


def test_it_is_an_agent_with_a_name_and_a_lookback() -> None:
    agent = Volatility()
    assert isinstance(agent, Agent)
    assert (agent.name, agent.lookback) == ("volatility", 281)


def test_it_goes_with_a_breakout_to_either_side() -> None:
    for direction in (1.0, -1.0):
        score = Volatility().vote(panel(shocked(direction))).score
        assert (direction * score[505:520] > 0.2).all()


def test_it_is_neutral_and_not_silent_when_volatility_is_quiet() -> None:
    ballot = Volatility().vote(panel(walk(rows=3000)))
    quiet = ballot.evidence["volatility_percentile"] <= 0.5
    assert quiet.mean() > 0.3
    assert (ballot.score[quiet] == 0.0).all()


def test_it_is_neutral_inside_the_channel_and_directed_outside_when_volatility_expands() -> None:
    ballot = Volatility().vote(panel(walk(rows=3000)))
    expands = ballot.evidence["volatility_percentile"] > 0.5
    position = ballot.evidence["channel_position"]
    assert (ballot.score[expands & (np.abs(position) <= 1.0)] == 0.0).all()
    outside = expands & (np.abs(position) > 1.0)
    assert (np.sign(ballot.score[outside]) == np.sign(position[outside])).all()


def test_the_evidence_is_what_it_says() -> None:
    close = random_walk(np.random.default_rng(4), 700, 3)
    agent = Volatility()
    evidence, full = agent.vote(panel(close)).evidence, agent.lookback - 1
    assert list(evidence) == [
        "ewma_volatility", "realised_volatility", "volatility_percentile", "channel_position",
    ]  # fmt: skip
    returns = np.diff(np.log(close), axis=0)
    weights = 0.94 ** np.arange(127, -1, -1)
    ewma = np.sqrt(weights @ returns[-128:] ** 2 / weights.sum())
    np.testing.assert_allclose(evidence["ewma_volatility"][-1], ewma, rtol=1e-9)
    realised = pd.DataFrame(returns**2).rolling(20).mean() ** 0.5
    np.testing.assert_allclose(
        evidence["realised_volatility"][full:], realised[full - 1 :], rtol=1e-9
    )
    rank = (realised.rolling(256).rank(method="min") - 1.0) / 255.0
    np.testing.assert_allclose(
        evidence["volatility_percentile"][full:], rank[full - 1 :], atol=1e-12
    )
    middle = np.log(close[-20:]).mean(axis=0)
    width = np.sqrt(sum((k / 20.0) ** 2 for k in range(20)))
    np.testing.assert_allclose(
        evidence["channel_position"][-1], (np.log(close[-1]) - middle) / (ewma * width), rtol=1e-9
    )


def test_scores_that_are_not_zero_spread_over_their_range() -> None:
    score = Volatility().vote(panel(random_walk(np.random.default_rng(7), 4000, 20))).score
    size = np.abs(score[(score != 0.0) & ~np.isnan(score)])
    assert size.size > 0.05 * score.size
    assert 0.05 < np.quantile(size, 0.1) < 0.3
    assert 0.6 < np.quantile(size, 0.9) < 0.95
    assert (size == 1.0).mean() < 0.02


def test_a_narrower_channel_and_a_lower_bar_for_expansion_give_more_votes() -> None:
    bars = panel(walk(rows=2000))
    votes = [
        (np.abs(agent.vote(bars).score) > 0.0).mean()
        for agent in (
            Volatility(channel_width=2.0),
            Volatility(),
            Volatility(channel_width=0.5),
            Volatility(channel_width=0.5, quiet_percentile=0.1),
        )
    ]
    assert votes == sorted(votes)
    assert votes[0] < votes[-1]


def test_missing_prices_abstain_short_gaps_are_bridged_and_long_ones_silence() -> None:
    close = walk()
    close[500:505, 0] = np.nan
    close[500:506, 1] = np.nan
    score = Volatility().vote(panel(close)).score
    assert np.isnan(score[500:505, 0]).all()
    assert np.isfinite(score[505:, 0]).all()
    assert np.isnan(score[500:, 1]).all()


def test_a_price_that_stands_still_gets_no_vote_and_no_infinity() -> None:
    close = walk()
    close[100:, 0] = close[100, 0]
    ballot = Volatility().vote(panel(close))
    assert np.isnan(ballot.score[400:, 0]).all()
    assert not any(np.isinf(array).any() for array in ballot.evidence.values())


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"ewma_decay": 1.0}, "ewma_decay must lie between 0 and 1, found 1.0"),
        ({"ewma_tail": 0.0}, "ewma_tail must lie between 0 and 1"),
        ({"realised_window": 1}, "realised_window must be a whole number of bars, at least 2"),
        ({"percentile_window": 0}, "percentile_window must be"),
        ({"quiet_percentile": 1.0}, "quiet_percentile must lie between 0 and 1"),
        ({"channel_width": "wide"}, "channel_width must lie between 0 and 10, found 'wide'"),
        ({"bridged_bars": -3}, "bridged_bars must be"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any], complaint: str) -> None:
    with pytest.raises(AgentError, match=f"volatility: {complaint}"):
        Volatility(**parameters)


def test_a_panel_that_is_too_short_or_empty_gets_abstentions() -> None:
    for rows in (0, 1, 60):
        bars = panel(walk()[:rows])
        ballot = check_ballot(Volatility().vote(bars), bars, "volatility")
        assert np.isnan(ballot.score).all()
