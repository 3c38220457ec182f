"""What a run is named by: what goes into its decisions, not where it lies."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from coordinator.bootstrap import plan_of, registry_of
from coordinator.cli.app import run
from coordinator.configuration.sources import load_settings
from coordinator.plan import Plan
from market.errors import ConfigError

RATES = """month,currency,rate_percent
1999-01,USD,5.0
1999-01,EUR,3.0
"""


def plan(**sections: dict[str, Any]) -> Plan:
    """A short plan on the ECB rates with one agent."""
    short = {"data": {"instruments": ("EUR_USD",), "end": "2000-12-31"}}
    return plan_of(load_settings(flags={**short, **sections}))


def prices(folder: Path) -> Path:
    """A file of daily prices, long enough for every agent."""
    days = [f"20{1 + n // 336:02d}-{1 + n % 336 // 28:02d}-{1 + n % 28:02d}" for n in range(500)]
    rows = [f"{day},1.1,1.12,1.09,{1.1 + 0.0001 * (n % 7)}" for n, day in enumerate(days)]
    folder.mkdir(parents=True)
    (folder / "EUR_USD.csv").write_text("\n".join(["time,open,high,low,close", *rows]) + "\n")
    return folder


def test_the_same_data_in_another_folder_is_the_same_run(tmp_path: Path) -> None:
    here = prices(tmp_path / "here" / "prices")
    there = tmp_path / "there" / "prices"
    shutil.copytree(here, there)
    runs = [
        plan_of(
            load_settings(
                flags={"data": {"source": str(folder), "instruments": ("EUR_USD",), "clock": "UTC"}}
            )
        )
        for folder in (here, there, here / ".." / "prices")
    ]
    assert len({run.desk.session for run in runs}) == 1


def test_other_interest_rates_are_another_run(tmp_path: Path) -> None:
    rates = tmp_path / "rates.csv"
    rates.write_text(RATES)
    before = plan(broker={"financing_rates": rates})
    rates.write_text(RATES.replace("5.0", "9.0"))
    after = plan(broker={"financing_rates": rates})
    assert before.desk.session != after.desk.session
    assert before.financing != after.financing, "the journal names the rates by their digest"


def test_an_agent_whose_code_changed_is_another_run(tmp_path: Path) -> None:
    source = "\n".join(
        [
            "import numpy as np",
            "from agents.ballot import Ballot",
            "class Mine:",
            "    name, lookback = 'mine', 2",
            "    def vote(self, bars):",
            "        return Ballot(score=np.full(bars.shape, 0.5))",
        ]
    )
    (tmp_path / "edited_agent.py").write_text(source)
    sys.path.insert(0, str(tmp_path))
    try:
        before = plan(committee={"agents": ("edited_agent:Mine",)})
        (tmp_path / "edited_agent.py").write_text(source.replace("0.5", "0.6"))
        after = plan(committee={"agents": ("edited_agent:Mine",)})
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("edited_agent", None)
    assert before.desk.session != after.desk.session


def test_the_order_of_an_agents_parameters_does_not_matter() -> None:
    there = plan(agents={"momentum": {"fast": 10, "slow": 40}})
    back = plan(agents={"momentum": {"slow": 40, "fast": 10}})
    assert there.desk.session == back.desk.session


def test_a_known_instrument_keeps_what_is_not_overridden() -> None:
    settings = load_settings(flags={"instruments": {"USD_JPY": {"margin_rate": 0.1}}})
    usd_jpy = registry_of(settings)["USD_JPY"]
    assert usd_jpy.margin_rate == 0.1
    assert usd_jpy.pip == 0.01
    assert usd_jpy.typical_spread == pytest.approx(0.014)


def test_an_unknown_pair_takes_the_pip_of_its_quote_currency() -> None:
    settings = load_settings(flags={"instruments": {"SGD_JPY": {"typical_spread_pips": 3.0}}})
    assert registry_of(settings)["SGD_JPY"].typical_spread == pytest.approx(0.03)


@pytest.mark.parametrize(
    "wrong",
    [
        {"guardian": {"max_price_age": 1e9}},
        {"guardian": {"price_collar_sigmas": 1e9}},
        {"guardian": {"max_currency_exposure": 1e9}},
        {"guardian": {"max_open_positions": 10**9}},
        {"guardian": {"max_drawdown": 0.9999}},
        {"guardian": {"max_daily_loss": 0.9999}},
        {"guardian": {"max_position": 4.0}},
        {"agents": {"momentun": {"fast": 10}}},
        {"optimizer": {"allocation_lookback": 30, "allocation_min_observations": 60}},
        {"broker": {"financing_rates": "no/such/rates.csv"}},
        {"data": {"start": "soon"}},
        {"data": {"bar": "1x"}},
        {"data": {"clock": "Mars"}},
    ],
    ids=str,
)
def test_settings_that_a_replay_refuses_are_refused_by_the_check_too(
    wrong: dict[str, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = []
    for section, values in wrong.items():
        for key, value in values.items():
            head = f"[{section}.{key}]" if isinstance(value, dict) else f"[{section}]"
            pairs = value.items() if isinstance(value, dict) else [(key, value)]
            lines += [head, *(f"{name} = {item!r}" for name, item in pairs)]
    unique = list(dict.fromkeys(lines))
    (tmp_path / "quorum.toml").write_text("\n".join(unique) + "\n")
    assert run(["config", "check", "--config", str(tmp_path / "quorum.toml")]) == 2
    assert "error" in capsys.readouterr().err


def test_an_agent_may_not_take_the_name_of_another_member() -> None:
    with pytest.raises(ConfigError, match="name of another member"):
        plan(committee={"agents": ("tests.agents:Impostor",)})
