"""Mean reversion: leans against the stretch where prices are known to come back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from agents.ballot import Agent, check_ballot
from agents.indicators.moments import z_score
from agents.trading.mean_reversion import MeanReversion
from market.bars import Floats
from market.errors import AgentError
from tests.property.panels import panel


def reverting(half_life: float, rows: int = 600, columns: int = 10, seed: int = 1) -> Floats:
    """Prices whose log is an autoregression of that half-life."""
    rng = np.random.default_rng(seed)
    level = np.zeros((rows, columns))
    for t in range(1, rows):
        level[t] = 0.5 ** (1.0 / half_life) * level[t - 1] + 0.005 * rng.normal(size=columns)
    return np.asarray(1.1 * np.exp(level))


def trending(rows: int = 600, columns: int = 10) -> Floats:
    noise = 0.001 * np.random.default_rng(3).normal(size=(rows, columns))
    return np.asarray(np.exp((noise + 0.003).cumsum(axis=0)))


def test_it_is_an_agent_with_a_name_and_a_lookback() -> None:
    agent = MeanReversion()
    assert isinstance(agent, Agent)
    assert (agent.name, agent.lookback) == ("mean_reversion", 105)


def test_it_sells_above_the_average_and_buys_below() -> None:
    close = reverting(5.0)
    ballot = MeanReversion().vote(panel(close))
    stretch = ballot.evidence["log_price_z"] + 2.0 * ballot.evidence["bollinger_position"]
    voted = np.isfinite(ballot.score)
    assert voted[105:].mean() > 0.95
    assert (np.sign(ballot.score[voted]) == -np.sign(stretch[voted])).all()


def test_its_votes_earn_on_a_price_that_reverts() -> None:
    close = reverting(5.0)
    score = MeanReversion().vote(panel(close)).score[105:-1]
    following = np.diff(np.log(close), axis=0)[105:]
    assert np.nansum(score * following) > 0.0
    assert stats.spearmanr(score, following, axis=None, nan_policy="omit").statistic > 0.1


def test_it_abstains_where_the_half_life_says_there_is_no_reversion() -> None:
    ballot = MeanReversion().vote(panel(trending()))
    half_life = ballot.evidence["half_life_bars"]
    none = np.isnan(half_life) | (half_life >= 50.0)
    assert none[105:].mean() > 0.5
    assert np.isnan(ballot.score[none]).all()
    assert np.isfinite(ballot.score[~none]).all()


def test_the_half_life_is_unbiased_enough_to_tell_a_walk_from_a_reverting_price() -> None:
    walk = np.exp(0.005 * np.random.default_rng(2).normal(size=(3000, 10)).cumsum(axis=0))
    silent = np.isnan(MeanReversion().vote(panel(walk)).score[105:]).mean()
    silent_too = np.isnan(MeanReversion().vote(panel(reverting(4.0, rows=3000))).score[105:]).mean()
    assert silent > 0.5
    assert silent_too < 0.01


def test_the_evidence_is_what_it_says() -> None:
    close = reverting(8.0)
    agent = MeanReversion()
    evidence, full = agent.vote(panel(close)).evidence, agent.lookback - 1
    assert list(evidence) == ["log_price_z", "bollinger_position", "half_life_bars"]
    logs = np.log(close)
    np.testing.assert_allclose(evidence["log_price_z"][full:], z_score(logs, 50)[full:], atol=1e-9)
    window = close[-20:]
    position = (close[-1] - window.mean(axis=0)) / (2.0 * window.std(axis=0))
    np.testing.assert_allclose(evidence["bollinger_position"][-1], position, rtol=1e-9)
    slope = stats.linregress(logs[-100:-1, 4], logs[-99:, 4]).slope
    corrected = slope + (1.0 + 3.0 * slope) / 99.0
    expected = np.log(0.5) / np.log(corrected)
    assert evidence["half_life_bars"][-1, 4] == pytest.approx(expected, rel=1e-6)


def test_confidence_grows_with_the_stretch_and_with_the_speed() -> None:
    ballot = MeanReversion().vote(panel(reverting(8.0, rows=4000)))
    voted = np.isfinite(ballot.score)
    size = np.abs(ballot.score[voted])
    stretch = np.abs(ballot.evidence["log_price_z"] + 2.0 * ballot.evidence["bollinger_position"])[
        voted
    ]
    half_life = ballot.evidence["half_life_bars"][voted]
    assert stats.spearmanr(size, stretch).statistic > 0.8
    near = (stretch > 1.8) & (stretch < 2.2)
    assert stats.spearmanr(size[near], half_life[near]).statistic < -0.5
    assert 0.1 < np.quantile(size, 0.1) < np.quantile(size, 0.9) < 0.95


def test_missing_prices_abstain_short_gaps_are_bridged_and_long_ones_silence() -> None:
    close = reverting(5.0, rows=300)
    close[200:205, 0] = np.nan
    close[200:206, 1] = np.nan
    score = MeanReversion().vote(panel(close)).score
    assert np.isnan(score[200:205, 0]).all()
    assert np.isfinite(score[205:, 0]).any()
    assert np.isnan(score[200:, 1]).all()


def test_a_price_that_stands_still_gets_no_vote_and_no_infinity() -> None:
    close = np.full((300, 2), 1.2345)
    ballot = MeanReversion().vote(panel(close))
    assert np.isnan(ballot.score).all()
    assert not any(np.isinf(array).any() for array in ballot.evidence.values())


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"window": 2}, "window must be a whole number of bars, at least 3, found 2"),
        ({"half_life_window": 9}, "half_life_window must be"),
        ({"bollinger_width": 0.0}, "bollinger_width must lie between 0 and 10, found 0.0"),
        ({"max_half_life": 100.0}, "max_half_life must lie between 0 and 100, found 100.0"),
        ({"max_half_life": float("nan")}, "max_half_life must lie between"),
        ({"bridged_bars": 1.5}, "bridged_bars must be"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any], complaint: str) -> None:
    with pytest.raises(AgentError, match=f"mean_reversion: {complaint}"):
        MeanReversion(**parameters)


def test_a_longer_allowed_half_life_lets_more_instruments_vote() -> None:
    bars = panel(reverting(20.0, rows=1000))
    few, many = (
        np.isfinite(MeanReversion(max_half_life=bars_).vote(bars).score).mean()
        for bars_ in (5.0, 60.0)
    )
    assert few < many


def test_a_panel_that_is_too_short_or_empty_gets_abstentions() -> None:
    for rows in (0, 1, 60):
        bars = panel(reverting(5.0)[:rows])
        ballot = check_ballot(MeanReversion().vote(bars), bars, "mean_reversion")
        assert np.isnan(ballot.score).all()
