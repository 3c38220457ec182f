"""The engines of `quorum replay` and `quorum parity`, as people and machines call them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from coordinator.cli.app import run
from market.events import SessionEnded
from tests.runs import events_of

PROJECT = Path(__file__).resolve().parents[2]
EXACT = "[optimizer]\nmethod = 'exact'\n"
SHORT = ("--to", "2000-12-31")
LIGHT = ("--agents", "momentum,volatility")
HEAVY = ("ray", "torch", "qiskit", "matplotlib", "scipy.stats", "empyrical")


@pytest.fixture
def exact(tmp_path: Path) -> tuple[str, str]:
    """Flags of a configuration whose optimizer answers at once."""
    path = tmp_path / "exact.toml"
    path.write_text(EXACT)
    return "--config", str(path)


def test_the_local_engine_imports_neither_ray_nor_anything_else_that_is_slow(
    tmp_path: Path, exact: tuple[str, str]
) -> None:
    arguments = ["replay", *SHORT, *exact, "--engine", "local", "--out", str(tmp_path / "runs")]
    script = (
        "import sys; from coordinator.cli.app import run; "
        f"code = run({arguments!r}); "
        f"print('loaded:', [name for name in {HEAVY!r} if name in sys.modules], 'code:', code)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    assert "engine   local: asked for" in told
    assert told.splitlines()[-1] == "loaded: [] code: 0"


def test_a_local_replay_leaves_the_run_folder_that_the_others_leave(
    tmp_path: Path, exact: tuple[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["replay", *SHORT, *exact, *LIGHT, "--out", str(tmp_path), "--json"]) == 0
    printed = json.loads(capfd.readouterr().out)
    assert printed["engine"] == "local"
    assert "no Ray cluster" in printed["engine_chosen_because"]
    folder = Path(printed["run"])
    assert {path.name for path in folder.iterdir()} == {
        "journal.sqlite", "inputs.json", "metrics.json", "equity.parquet", "trades.parquet",
        "report.html",
    }  # fmt: skip
    assert len(pd.read_parquet(folder / "equity.parquet")) == printed["bars"] == 514


def test_an_interrupt_ends_a_local_replay_with_the_results_so_far(
    tmp_path: Path, exact: tuple[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    agents = ("--agents", "momentum,tests.agents:Interrupting")
    command = ["replay", *SHORT, *exact, *agents, "--out", str(tmp_path / "runs"), "--json"]
    assert run(command) == 130
    printed = json.loads(capfd.readouterr().out)
    assert printed["outcome"] == "interrupted"
    assert 0 < printed["bars"] < 514
    ended = events_of(Path(printed["run"]))[-1]
    assert isinstance(ended, SessionEnded)
    assert (ended.outcome, ended.bars) == ("interrupted", printed["bars"])


def test_parity_says_that_two_engines_decide_alike(
    exact: tuple[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["parity", *SHORT, *exact, *LIGHT]) == 0
    told = capfd.readouterr()
    assert "events and local decide alike, to the last bit" in told.out
    assert "514 bars" in told.out
    assert "replaying 514 bars by the engine events" in told.err


def test_parity_shows_where_an_agent_that_peeks_comes_apart(
    tmp_path: Path, exact: tuple[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    agents = ("--agents", "volatility,tests.peekers:NextClose")
    kept = tmp_path / "kept"
    command = ["parity", *SHORT, *exact, *agents, "--out", str(kept)]
    assert run(command) == 1
    told = capfd.readouterr().out
    assert "events and local differ at event 2, on bar 0 (1999-01-04 13:15 UTC)" in told
    assert "DecisionTaken scores[next_close, EUR_USD]" in told
    assert "next_close on EUR_USD   abstains" in told
    assert run([*command, "--json"]) == 1
    first = json.loads(capfd.readouterr().out)
    assert first["equal"] is False
    assert first["first"]["agent"] == "next_close"
    assert first["first"]["values"][0] == "nan"
    assert {path.parent.name for path in kept.glob("*/*/journal.sqlite")} == {"events", "local"}


def test_votes_that_depend_on_their_panel_are_compared_within_a_tolerance(
    exact: tuple[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    command = ["parity", *SHORT, *exact, "--agents", "volatility,tests.peekers:Recursive"]
    assert run(command) == 1
    assert "`quorum lookahead` says by how much" in capfd.readouterr().out
    assert run([*command, "--tolerance", "1e-3"]) == 0
    assert "decide alike, within 0.001" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--engines", "local"], "two different engines"),
        (["--engines", "events,lokal"], "did you mean 'local'"),
        (["--tolerance", "-1"], "expected a number of 0 or more"),
        (["--to", "1999-03-01"], "bars are too few"),
        (["--data", "no/such/file.csv"], "no data at"),
        (["--out", "/proc/nowhere"], "cannot be written"),
    ],
)
def test_wrong_input_of_parity_is_told_with_exit_code_2(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["parity", *arguments]) == 2
    assert expected in " ".join(capsys.readouterr().err.split())
