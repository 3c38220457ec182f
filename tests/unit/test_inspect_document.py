"""What docs/INSPECT.md prints of its agents is what they give."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from agents.ballot import Agent
from agents.law import Violation
from agents.scrutiny.lookahead import examine_lookahead
from agents.scrutiny.lookback import measure_lookback
from coordinator.bootstrap import agent_and_panel
from coordinator.configuration.settings import Settings
from coordinator.roster import BUILT_IN
from market.bars import Bars, utc

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "INSPECT.md").read_text("utf-8")
SEED = Settings().desk.seed


@pytest.fixture(scope="module")
def panel() -> Bars:
    """The ECB's reference rates, as the commands take them by default."""
    return agent_and_panel(Settings(), "momentum")[1]


def agent_of_the_document(name: str) -> Agent:
    namespace: dict[str, Any] = {}
    for code in re.findall(r"^```python\n(.*?)^```", DOCUMENT, flags=re.M | re.S):
        exec(compile(code, "INSPECT.md", "exec"), namespace)
    agent = namespace[name]()
    assert isinstance(agent, Agent)
    return agent


def test_the_agent_that_fills_backward_peeks_where_the_document_says(panel: Bars) -> None:
    found = examine_lookahead(agent_of_the_document("Gaps"), panel, seed=SEED)
    first = found.first
    assert found.verdict == "peeks"
    assert first is not None
    assert f"{utc(first.time):%Y-%m-%d %H:%M} UTC (row {first.row}), {first.symbol}" in DOCUMENT
    assert f"{first.whole!r} on the whole panel" in DOCUMENT
    assert f"{len(found.trials)} panels, {found.compared:,} votes compared" in DOCUMENT


def test_the_exponential_average_needs_what_the_document_says(panel: Bars) -> None:
    agent = agent_of_the_document("Ewm")
    found = measure_lookback(agent, panel, seed=SEED)
    assert f"needed    {found.needed} bars" in DOCUMENT
    assert isinstance(found.shortfall, Violation)
    assert f"{found.shortfall.whole!r} with all the history" in DOCUMENT
    assert isinstance(found.binding, Violation)
    assert f"{found.binding.partial!r} with 586 bars" in DOCUMENT
    near = measure_lookback(agent, panel, seed=SEED, tolerance=1e-6)
    assert f"With `--tolerance 1e-6` the same agent needs {near.needed} bars" in DOCUMENT


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_agents_of_the_desk_need_what_they_declare(name: str, panel: Bars) -> None:
    agent = agent_and_panel(Settings(), name)[0]
    found = measure_lookback(agent, panel, seed=SEED)
    assert found.verdict == "exact"
    assert f"{found.needed} ({name.replace('_', ' ')})" in DOCUMENT
