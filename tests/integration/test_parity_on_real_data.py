"""The kernel and the live desk on real rates: the same events, to the last bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from market.events import DecisionTaken, Event, OrderFilled, TradingHalted, TradingRearmed
from tests.desk import events_of, kept
from tests.engines import assert_same_journal
from tests.runs import plan_with

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
needs_hours = pytest.mark.skipif(
    not (DATA / "fx_hourly").is_dir(), reason="the shared market data is not beside the project"
)
EXACT = {"method": "exact"}


def met(events: list[Event]) -> set[str]:
    """Every limit that bound a size, shrank an order or refused one."""
    verdicts = [
        v for taken in kept(events, DecisionTaken) for v in (*taken.approved, *taken.refused)
    ]
    return {verdict.bound for verdict in verdicts} | {verdict.limit for verdict in verdicts}


def test_on_every_fixing_since_1999(tmp_path: Path) -> None:
    settled = plan_with(
        optimizer=EXACT,
        sizing={"trailing_stop": "sigmas"},
        guardian={
            "max_open_positions": 5, "max_gross_leverage": 1.5, "max_currency_exposure": 0.4,
            "max_position": 0.5, "max_portfolio_risk": 0.04, "max_position_loss": 0.03,
        },
    )  # fmt: skip
    assert settled.decisions > 7_000
    assert_same_journal(settled, tmp_path)
    events = events_of(tmp_path / "local")
    assert {event.fill.reason for event in kept(events, OrderFilled)} >= {
        "DECISION", "STOP_LOSS", "TRAILING_STOP", "TAKE_PROFIT",
    }  # fmt: skip
    assert {halt.halt for halt in kept(events, TradingHalted)} == {"DRAWDOWN", "DAILY_LOSS"}
    assert kept(events, TradingRearmed)
    assert met(events) >= {
        "DRAWDOWN_HALT", "DAILY_LOSS_HALT", "OPEN_POSITIONS", "OPEN_RISK", "GROSS_LEVERAGE",
        "CURRENCY_EXPOSURE", "RISK_PER_TRADE", "CORRELATION", "ALLOCATION",
    }  # fmt: skip


@needs_hours
def test_on_hours_with_gold_trailing_stops_and_financing(tmp_path: Path) -> None:
    settled = plan_with(
        data={
            "source": str(DATA / "fx_hourly"),
            "clock": "Europe/Athens",
            "instruments": ("EUR_GBP", "USD_JPY", "GBP_JPY", "XAU_USD"),
            "start": "2015-02-01",
            "end": "2015-04-30",
        },
        broker={"financing_rates": DATA / "rates" / "oecd_3m_interbank_monthly.csv"},
        sizing={"trailing_stop": "fraction"},
        optimizer={**EXACT, "rebalance_every": 24},
    )
    assert settled.decisions > 1_200
    assert_same_journal(settled, tmp_path)
    fills = [event.fill for event in kept(events_of(tmp_path / "local"), OrderFilled)]
    assert {fill.symbol for fill in fills} == set(settled.desk.symbols[: settled.desk.traded])
    assert "TRAILING_STOP" in {fill.reason for fill in fills}
