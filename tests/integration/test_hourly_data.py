"""Replays of real hourly bars, where they are at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from coordinator.bootstrap import plan_of
from coordinator.configuration.sources import load_settings
from coordinator.in_process import run_in_process
from coordinator.plan import Plan
from market.events import BarSettled, OrderFilled
from market.orders import Fill
from tests.runs import events_of

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not (DATA / "fx_hourly").is_dir(), reason="the shared market data is not beside the project"
)

QUOTES = {
    "source": str(DATA / "fx_hourly_quotes"),
    "clock": "UTC",
    "instruments": ("EUR_USD", "NZD_USD"),
    "start": "2014-02-01",
    "end": "2014-03-31",
}
BARS = {
    "source": str(DATA / "fx_hourly"),
    "clock": "Europe/Athens",
    "instruments": ("EUR_GBP", "USD_JPY", "GBP_JPY", "XAU_USD"),
    "start": "2015-02-01",
    "end": "2015-03-31",
}
RATES = {"financing_rates": DATA / "rates" / "oecd_3m_interbank_monthly.csv"}


def replayed(data: dict[str, object], folder: Path) -> tuple[Plan, list[Fill], list[BarSettled]]:
    """The plan, its fills and its settled bars."""
    plan = plan_of(load_settings(flags={"data": data, "broker": RATES}))
    run_in_process(plan, folder)
    events = events_of(folder)
    fills = [event.fill for event in events if isinstance(event, OrderFilled)]
    return plan, fills, [event for event in events if isinstance(event, BarSettled)]


@pytest.mark.parametrize("data", [QUOTES, BARS], ids=["quotes", "bars"])
def test_every_fill_lies_inside_its_bar(data: dict[str, object], tmp_path: Path) -> None:
    plan, fills, settled = replayed(data, tmp_path)
    assert len(settled) == plan.decisions
    assert len(fills) > 20
    for fill in fills:
        row, column = plan.first + fill.sequence, plan.desk.symbols.index(fill.symbol)
        low, high = plan.bars.low[row, column], plan.bars.high[row, column]
        half_spread = abs(fill.price - fill.mid)
        assert low - half_spread - 1e-12 <= fill.mid <= high + half_spread + 1e-12


def test_profit_in_crosses_adds_up_to_the_change_of_cash(tmp_path: Path) -> None:
    plan, fills, settled = replayed(BARS, tmp_path)
    assert plan.desk.symbols[plan.desk.traded :] == ("GBP_USD",), "EUR_GBP converts through it"
    realised = sum(fill.realised for fill in fills)
    financed = sum(float(bar.financing.sum()) for bar in settled)
    assert financed != 0.0
    expected = plan.desk.initial_balance + realised + financed
    assert settled[-1].cash == pytest.approx(expected, rel=1e-12)
    assert np.isfinite([bar.equity for bar in settled]).all()
