"""Momentum: follows what has moved against its own volatility."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import talib

from agents.ballot import Agent, check_ballot
from agents.indicators import random_walk as random_walk_response
from agents.indicators.returns import log_returns
from agents.indicators.volatility import realised_volatility
from agents.trading.momentum import Momentum
from market.bars import Floats
from market.errors import AgentError
from tests.property.panels import panel, random_walk

ROWS = 700


def drifting(drift: float, seed: int = 1, rows: int = ROWS) -> Floats:
    noise = 0.005 * np.random.default_rng(seed).normal(size=(rows, 4))
    return np.asarray(np.exp((noise + drift).cumsum(axis=0)))


def test_it_is_an_agent_with_a_name_and_a_lookback() -> None:
    agent = Momentum()
    assert isinstance(agent, Agent)
    assert (agent.name, agent.lookback) == ("momentum", 390)


def test_it_buys_what_rises_and_sells_what_falls() -> None:
    up, down = (Momentum().vote(panel(drifting(drift))).score[-200:] for drift in (0.004, -0.004))
    assert (up > 0.0).mean() > 0.9
    assert (down < 0.0).mean() > 0.9


def test_turning_the_price_upside_down_turns_the_votes() -> None:
    close = drifting(0.0)
    votes, mirrored = (Momentum().vote(panel(each)).score for each in (close, 1.0 / close))
    np.testing.assert_allclose(mirrored, -votes, atol=0.05)


def test_the_scale_of_the_price_and_of_its_volatility_make_no_difference() -> None:
    close = drifting(0.001)
    votes = Momentum().vote(panel(close)).score
    np.testing.assert_allclose(Momentum().vote(panel(150.0 * close)).score, votes, atol=1e-9)
    calm = np.exp(0.01 * np.log(close))
    stormy = np.exp(0.02 * np.log(close))
    np.testing.assert_allclose(
        Momentum().vote(panel(calm)).score, Momentum().vote(panel(stormy)).score, atol=0.01
    )


def test_on_a_random_walk_the_scores_fill_their_range_evenly() -> None:
    rng = np.random.default_rng(2)
    score = Momentum().vote(panel(np.exp(0.006 * rng.normal(size=(6000, 20)).cumsum(0)))).score
    size = np.abs(score[Momentum().lookback :])
    shares = np.histogram(size, bins=10, range=(0.0, 1.0))[0] / size.size
    assert shares.min() > 0.07
    assert shares.max() < 0.13


def test_the_evidence_is_what_it_says() -> None:
    close = drifting(0.001)
    evidence = Momentum().vote(panel(close)).evidence
    assert list(evidence) == [
        "fast_return_z", "slow_return_z", "average_cross_z", "rsi", "macd_histogram_z",
    ]  # fmt: skip
    volatility = realised_volatility(log_returns(close, 1), 50)
    row, column = -1, 2
    for name, bars in (("fast_return_z", 20), ("slow_return_z", 50)):
        expected = np.log(close[-1] / close[-1 - bars]) / (volatility[-1] * np.sqrt(bars))
        np.testing.assert_allclose(evidence[name][-1], expected, rtol=1e-9)
    rsi = talib.RSI(close[:, column].copy(), 14)
    assert evidence["rsi"][row, column] == pytest.approx(rsi[row], abs=1e-9)
    scale = close[row, column] * volatility[row, column]
    length = 2 * Momentum().lookback
    cross = talib.SMA(close[:, column].copy(), 20) - talib.SMA(close[:, column].copy(), 50)
    response = random_walk_response.difference(
        random_walk_response.average_response(20, length),
        random_walk_response.average_response(50, length),
    )
    expected = cross[row] / (scale * random_walk_response.norm(response))
    assert evidence["average_cross_z"][row, column] == pytest.approx(expected, rel=1e-9)
    ratio = evidence["macd_histogram_z"][:, column] / talib.MACD(close[:, column].copy())[2]
    # The same multiple of the histogram in volatilities on every row.
    multiples = ratio[400:] * close[400:, column] * volatility[400:, column]
    assert multiples[0] > 0.0
    np.testing.assert_allclose(multiples, multiples[0], rtol=1e-4)


def test_an_instrument_abstains_before_its_lookback_and_where_its_price_is_missing() -> None:
    close = drifting(0.0)
    lookback = Momentum(bridged_bars=0).lookback
    close[500, 1] = np.nan
    score = Momentum().vote(panel(close)).score
    assert np.isnan(score[: lookback - 1]).all()
    assert np.isnan(score[500, 1])
    assert np.isfinite(score[501:]).all()


def test_a_short_gap_is_bridged_and_a_long_one_silences() -> None:
    close = drifting(0.0)
    close[500:506, 0] = np.nan
    close[500:505, 1] = np.nan
    score = Momentum().vote(panel(close)).score
    assert np.isnan(score[500:, 0]).all()
    assert np.isnan(score[500:505, 1]).all()
    assert np.isfinite(score[505:, 1]).all()
    assert np.isnan(Momentum(bridged_bars=0).vote(panel(close)).score[500:, 1]).all()


def test_a_price_that_stands_still_gets_no_vote_and_no_infinity() -> None:
    close = drifting(0.0)
    close[300:, 0] = close[300, 0]
    ballot = Momentum().vote(panel(close))
    assert np.isnan(ballot.score[360:, 0]).all()
    assert not any(np.isinf(array).any() for array in ballot.evidence.values())


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"fast": 50, "slow": 20}, "fast must be shorter than slow, found 50 and 20"),
        ({"macd_fast": 26, "macd_slow": 26}, "macd_fast must be shorter"),
        ({"rsi_length": 1}, "rsi_length must be a whole number of bars, at least 2, found 1"),
        ({"slow": 50.0}, "slow must be a whole number"),
        ({"bridged_bars": -1}, "bridged_bars .* at least 0, found -1"),
        ({"fast": True}, "fast must be a whole number"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any], complaint: str) -> None:
    with pytest.raises(AgentError, match=f"momentum: {complaint}"):
        Momentum(**parameters)


def test_parameters_change_the_lookback_and_the_votes() -> None:
    brief = Momentum(fast=5, slow=10, rsi_length=3, macd_fast=3, macd_slow=6, macd_signal=3)
    assert brief.lookback < Momentum().lookback
    bars = panel(drifting(0.001))
    assert np.isfinite(brief.vote(bars).score[brief.lookback :]).all()
    assert not np.allclose(brief.vote(bars).score[-50:], Momentum().vote(bars).score[-50:])


def test_a_panel_that_is_too_short_or_empty_gets_abstentions() -> None:
    for rows in (0, 1, 60):
        bars = panel(drifting(0.0, rows=rows))
        ballot = check_ballot(Momentum().vote(bars), bars, "momentum")
        assert np.isnan(ballot.score).all()


def test_votes_on_real_hours_fill_their_range() -> None:
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "fx_hourly"
    if not folder.is_dir():
        pytest.skip("no ../shared/data/fx_hourly beside the project")
    pandas = pytest.importorskip("pandas")
    close = pandas.read_parquet(folder / "GBP_USD.parquet")["close"].to_numpy(float)
    score = Momentum().vote(panel(close.reshape(-1, 1))).score
    size = np.abs(score[~np.isnan(score)])
    assert 0.05 < np.quantile(size, 0.1) < np.quantile(size, 0.9) < 0.95
    assert (size == 1.0).mean() < 0.01


def test_random_walks_on_every_level_get_votes() -> None:
    score = Momentum().vote(panel(random_walk(np.random.default_rng(0), ROWS, 20))).score
    assert np.isfinite(score[390:]).all()
