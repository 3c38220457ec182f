"""Sentiment: the tone of headlines on a pair's currencies, and the appetite for risk in prices."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.ballot import Agent, check_ballot
from agents.headlines.reader import Headline
from agents.headlines.tones import HeadlineTones
from agents.trading.currency_risk import risk_loadings
from agents.trading.sentiment import DAY_NS, Sentiment
from market.bars import Bars, Floats, utc
from market.errors import AgentError, DataError
from tests.property.panels import panel

ROWS = 400
NO_RISK = ("EUR_GBP", "GBP_EUR")


class Opinions:
    """A `ToneScorer` that knows two words."""

    digest = "opinions"

    def tone(self, text: str) -> float:
        return float("good" in text) - float("bad" in text)


def walk(columns: int, seed: int = 1, drift: float = 0.0) -> Floats:
    steps = 0.005 * np.random.default_rng(seed).normal(size=(ROWS, columns))
    return np.asarray(np.exp((steps + drift).cumsum(axis=0)))


def daily(close: Floats, symbols: tuple[str, ...]) -> Bars:
    return panel(close, symbols, interval_s=86_400)


def told(bars: Bars, *news: tuple[int, str, str]) -> HeadlineTones:
    """Headlines (row at whose end they were published, currency, text), scored by `Opinions`."""
    return HeadlineTones.scored(
        [Headline(time=int(bars.time[row]), currency=code, text=text) for row, code, text in news],
        Opinions(),
    )


def test_it_is_an_agent_with_a_name_and_a_lookback() -> None:
    agent = Sentiment()
    assert isinstance(agent, Agent)
    assert (agent.name, agent.lookback) == ("sentiment", 155)
    assert agent.source_digest == ""


def test_it_buys_high_beta_against_havens_while_risk_appetite_rises() -> None:
    symbols = ("AUD_USD", "USD_SEK", "USD_JPY", "EUR_USD", "EUR_AUD", "EUR_GBP")
    close = walk(6)
    close[:, 0] *= np.exp(np.linspace(0.0, 1.2, ROWS))
    close[:, 1] *= np.exp(np.linspace(0.0, -1.2, ROWS))
    score = Sentiment().vote(daily(close, symbols)).score[-200:]
    typical = np.median(score, axis=0)
    assert typical[0] > 0.1
    assert typical[1] < -0.1
    assert typical[3] == pytest.approx(0.5 * typical[0])
    assert typical[4] == pytest.approx(-0.5 * typical[0])
    assert np.isnan(score[:, [2, 5]]).all()


def test_the_loadings_weigh_currencies_and_not_pairs() -> None:
    loadings = risk_loadings(("AUD_USD", "NZD_USD", "USD_JPY"), ("AUD", "NZD"), ("JPY", "USD"))
    # Half of AUD and of NZD, less half of JPY (the pair upside down), less half of USD's mean.
    np.testing.assert_allclose(loadings.loading, [0.5 + 1 / 6, 0.5 + 1 / 6, 0.5 - 1 / 6])
    np.testing.assert_array_equal(loadings.exposure, [1.0, 1.0, 0.0])


def test_the_risk_appetite_has_unit_deviation_on_random_walks() -> None:
    rng = np.random.default_rng(3)
    close = np.exp(0.006 * rng.normal(size=(8000, 3)).cumsum(axis=0))
    bars = daily(close, ("AUD_USD", "USD_JPY", "NZD_JPY"))
    ballot = Sentiment().vote(bars)
    assert np.nanstd(ballot.evidence["risk_appetite_z"]) == pytest.approx(1.0, abs=0.15)
    size = np.abs(ballot.score[155:, 0])
    shares = np.histogram(size, bins=5, range=(0.0, 1.0))[0] / size.size
    assert shares.min() > 0.12


def test_without_headlines_it_votes_on_risk_alone_and_says_so() -> None:
    bars = daily(walk(2), ("AUD_USD", "USD_JPY"))
    ballot = Sentiment().vote(bars)
    assert list(ballot.evidence) == ["risk_appetite_z", "headline_tone", "headlines_used"]
    assert np.isfinite(ballot.score[155:, 0]).all()
    assert (ballot.evidence["headlines_used"] == 0.0).all()
    assert np.isnan(ballot.evidence["headline_tone"]).all()


def test_without_headlines_and_without_risk_currencies_it_abstains() -> None:
    for symbols in (NO_RISK, ("EUR_USD", "GBP_USD"), ("SPX500", "EUR_")):
        assert np.isnan(Sentiment().vote(daily(walk(2), symbols)).score).all()


def test_it_hears_headlines_on_both_sides_of_a_pair_from_their_time_on() -> None:
    bars = daily(walk(2), NO_RISK)
    agent = Sentiment(headlines=told(bars, (100, "EUR", "good"), (101, "GBP", "good")))
    ballot = agent.vote(bars)
    assert np.isnan(ballot.score[:100]).all()
    assert ballot.score[100, 0] > 0.2
    assert ballot.score[100, 1] == -ballot.score[100, 0]
    assert ballot.evidence["headlines_used"][99:102, 0].tolist() == [0.0, 1.0, 2.0]
    assert ballot.score[101, 0] < 0.0


def test_a_tone_fades_to_nothing_within_its_horizon() -> None:
    bars = daily(walk(2), NO_RISK)
    score = Sentiment(headlines=told(bars, (100, "EUR", "bad"))).vote(bars).score[:, 0]
    assert score[100] < score[101] < score[102] < score[103] < score[104] < 0.0
    assert np.isnan(score[105])
    tones = Sentiment(headlines=told(bars, (100, "EUR", "bad"))).vote(bars).evidence
    # One headline of freshness f against a neutral one of weight 1: -f²/(1 + f²).
    expected = [-(f * f) / (1.0 + f * f) for f in (1.0, 0.8, 0.6)]
    np.testing.assert_allclose(tones["headline_tone"][100:103, 0], expected, rtol=1e-12)


def test_a_headline_published_after_the_bar_is_not_heard() -> None:
    bars = daily(walk(2), NO_RISK)
    late = Headline(time=int(bars.time[100]) + 1, currency="EUR", text="good")
    agent = Sentiment(headlines=HeadlineTones.scored([late], Opinions()))
    used = agent.vote(bars).evidence["headlines_used"][:, 0]
    assert used[99:107].tolist() == [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]


def test_headlines_and_risk_are_blended_by_weight() -> None:
    bars = daily(walk(2), ("AUD_USD", "USD_JPY"))
    news = told(bars, (300, "AUD", "good"))
    risk = Sentiment().vote(bars).score[300, 0]
    heard = Sentiment(headlines=news).vote(daily(walk(2), ("AUD_EUR", "EUR_USD"))).score
    blended = Sentiment(headlines=news, headline_weight=0.3).vote(bars).score[300, 0]
    alone = Sentiment(headlines=news, high_beta=("XXX",)).vote(bars).score[300, 0]
    assert blended == pytest.approx(0.3 * alone + 0.7 * risk, rel=1e-12)
    assert np.isfinite(heard[300, 0])


def test_more_headlines_of_one_tone_make_it_surer() -> None:
    bars = daily(walk(2), NO_RISK)
    votes = []
    for count in (1, 3, 9):
        news = [(100, "EUR", f"good {number}") for number in range(count)]
        votes.append(Sentiment(headlines=told(bars, *news)).vote(bars).score[100, 0])
    assert votes == sorted(votes)
    assert votes[0] < votes[2] <= 1.0


def test_the_source_has_a_digest_that_changes_with_headlines_and_scorer() -> None:
    bars = daily(walk(2), NO_RISK)
    first = told(bars, (1, "EUR", "good"), (2, "GBP", "bad"))
    turned = told(bars, (2, "GBP", "bad"), (1, "EUR", "good"))
    other = told(bars, (1, "EUR", "good"), (2, "GBP", "bad news"))
    assert Sentiment(headlines=first).source_digest == first.digest == turned.digest
    assert first.digest != other.digest
    assert len(first.digest) == 64


@pytest.mark.skipif(
    importlib.util.find_spec("finvader") is None, reason="the package finvader is not installed"
)
def test_a_file_of_headlines_is_read_and_scored(tmp_path: Path) -> None:
    bars = daily(walk(2), NO_RISK)
    path = tmp_path / "news.jsonl"
    line = {"time": f"{utc(bars.time[50]):%FT%TZ}", "currency": "EUR", "headline": "deep crisis"}
    path.write_text(json.dumps(line), encoding="utf-8")
    for given in (path, str(path)):
        agent = Sentiment(headlines=given)
        assert len(agent.source_digest) == 64
        score = agent.vote(bars).score
        assert np.isnan(score[49]).all()
        assert score[50, 0] < 0.0 < score[50, 1]
    with pytest.raises(DataError, match="headlines cannot be read"):
        Sentiment(headlines=tmp_path / "none.csv")


def test_a_scorer_that_leaves_its_range_is_refused() -> None:
    class Loud:
        digest = "loud"

        def tone(self, text: str) -> float:
            return float(len(text))

    headline = Headline(time=DAY_NS, currency="EUR", text="too long")
    with pytest.raises(AgentError, match=r"Loud: a tone must lie in \[-1, 1\], found 8.0"):
        HeadlineTones.scored([headline], Loud())


def test_missing_prices_leave_the_factor_to_the_others() -> None:
    symbols = ("AUD_USD", "NZD_USD", "USD_JPY", "USD_CHF")
    close = walk(4)
    close[200:300, 0] = np.nan
    score = Sentiment().vote(daily(close, symbols)).score
    assert np.isnan(score[200:300, 0]).all()
    assert np.isfinite(score[155:, 1]).all()
    close[200:300, 1:3] = np.nan
    assert np.isnan(Sentiment().vote(daily(close, symbols)).score[206:300]).all()


def test_prices_that_stand_still_give_no_infinity() -> None:
    bars = daily(np.full((300, 2), 1.5), ("AUD_USD", "USD_JPY"))
    ballot = Sentiment().vote(bars)
    assert np.isnan(ballot.score).all()
    assert not any(np.isinf(array).any() for array in ballot.evidence.values())


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"horizon": 1}, "horizon must be a whole number of bars, at least 2, found 1"),
        ({"headline_weight": 1.0}, "headline_weight must lie between 0 and 1"),
        ({"headline_horizon_days": 0.0}, "headline_horizon_days must lie between 0 and 366"),
        ({"tone_deviation": -1.0}, "tone_deviation must lie between 0 and 2"),
        ({"high_beta": ("AUD", "USD")}, "a currency is high-beta or a haven, found USD in both"),
        ({"bridged_bars": -1}, "bridged_bars must be"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any], complaint: str) -> None:
    with pytest.raises(AgentError, match=f"sentiment: {complaint}"):
        Sentiment(**parameters)


def test_a_panel_that_is_too_short_or_empty_gets_abstentions() -> None:
    for rows in (0, 1, 60):
        bars = daily(walk(2)[:rows], ("AUD_USD", "USD_JPY"))
        ballot = check_ballot(Sentiment().vote(bars), bars, "sentiment")
        assert np.isnan(ballot.score).all()
