"""Agreement, attribution and counts."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from coordinator.results.committee import (
    agent_table,
    consensus_rate,
    contribution_by_agent,
    counts_of,
    instrument_table,
)
from coordinator.results.record import RunRecord, load_record
from coordinator.results.trades import round_trips
from tests.journals import JournalBuilder

NAN = math.nan
THREE = {"momentum": 0.5, "mean_reversion": 0.3, "sentiment": 0.2}


@pytest.fixture
def record(tmp_path: Path) -> RunRecord:
    """Two bars of votes by three agents; a long that gains 1,000 and a short that loses 500."""
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path, ("EUR_USD", "GBP_USD"), agents=THREE) as desk:
        desk.bar({"EUR_USD": 1.0, "GBP_USD": 1.5})
        desk.decide(
            {"EUR_USD": (0.8, -0.2, 0.3), "GBP_USD": (-0.6, -0.5, NAN)},
            orders={"EUR_USD": 10_000.0, "GBP_USD": -5_000.0},
        )
        desk.bar({"EUR_USD": 1.0, "GBP_USD": 1.5})
        desk.abstain("sentiment", "timeout")
        desk.decide(
            {"EUR_USD": (0.0, 1.0, 0.5), "GBP_USD": (0.1, 0.0, 0.0)},
            refused={"GBP_USD": "DRAWDOWN_HALT", "EUR_USD": "DRAWDOWN_HALT"},
        )
        desk.bar({"EUR_USD": 1.1, "GBP_USD": 1.6},
                 exits={"EUR_USD": "TAKE_PROFIT", "GBP_USD": "STOP_LOSS"})  # fmt: skip
        desk.end()
    return load_record(path)


def test_consensus_is_the_mean_share_of_voters_on_the_decisions_side(record: RunRecord) -> None:
    # EUR: 2 of 3 for BUY; GBP: 2 of 2 for SELL; then EUR: 2 of 3, one neutral; GBP holds.
    assert consensus_rate(record) == pytest.approx((2 / 3 + 1.0 + 2 / 3) / 3)


def test_contribution_follows_the_signed_weighted_score_and_adds_up(record: RunRecord) -> None:
    trades = round_trips(record)
    # EUR: 0.40 − 0.06 + 0.06 = 0.40; GBP: −0.30 − 0.15 = −0.45.
    expected = [
        1_000.0 * 0.40 / 0.40 - 500.0 * 0.30 / 0.45,
        1_000.0 * -0.06 / 0.40 - 500.0 * 0.15 / 0.45,
        1_000.0 * 0.06 / 0.40,
    ]
    found = contribution_by_agent(record, trades)
    assert found.tolist() == pytest.approx(expected)
    assert found.sum() == pytest.approx(trades["pnl"].sum())


def test_the_agents_table_tells_votes_neutrality_agreement_and_failures(record: RunRecord) -> None:
    table = agent_table(record, round_trips(record))
    assert table["voted"].to_dict() == pytest.approx(
        {"momentum": 1.0, "mean_reversion": 1.0, "sentiment": 0.75}
    )
    assert table["neutral"].to_dict() == pytest.approx(
        {"momentum": 0.25, "mean_reversion": 0.25, "sentiment": 1 / 3}
    )
    assert table["agreed"].to_dict() == pytest.approx(
        {"momentum": 2 / 3, "mean_reversion": 2 / 3, "sentiment": 1.0}
    )
    assert table.loc["momentum", "mean_size"] == pytest.approx((0.8 + 0.6 + 0.1) / 3)
    assert table["failures"].tolist() == [0, 0, 1]


def test_everything_is_counted_by_name(record: RunRecord) -> None:
    counts = counts_of(record, round_trips(record))
    assert counts.decisions == {"BUY": 2, "SELL": 1, "BELOW_THRESHOLD": 1}
    assert counts.refusals == {"DRAWDOWN_HALT": 2}
    assert counts.bounds == {"RISK_PER_TRADE": 2}
    assert counts.exits == {"STOP_LOSS": 1, "TAKE_PROFIT": 1}
    assert counts.halts == {}


def test_the_instruments_table_splits_results_and_costs(record: RunRecord) -> None:
    table = instrument_table(record, round_trips(record))
    assert table["pnl"].to_dict() == pytest.approx({"EUR_USD": 1_000.0, "GBP_USD": -500.0})
    assert table["trades"].to_dict() == {"EUR_USD": 1, "GBP_USD": 1}
    assert table["win_rate"].to_dict() == {"EUR_USD": 1.0, "GBP_USD": 0.0}
    assert table["held"].to_dict() == pytest.approx({"EUR_USD": 1 / 3, "GBP_USD": 1 / 3})


def test_a_committee_that_never_decides_has_no_consensus(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path) as desk:
        desk.bar({"EUR_USD": 1.0})
        desk.decide({"EUR_USD": (NAN, NAN)})
    record = load_record(path)
    assert math.isnan(consensus_rate(record))
    assert counts_of(record, round_trips(record)).decisions == {"NO_QUORUM": 1}
    table = agent_table(record, round_trips(record))
    assert table["voted"].tolist() == [0.0, 0.0]
    assert table["mean_size"].isna().all()
