"""`quorum sweep` in this process, as people and machines call it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coordinator.cli.app import run

PROJECT = Path(__file__).resolve().parents[2]
VOTERS = "tests.voters:Follower,tests.voters:Contrarian"
QUICK = """
[sizing]
volatility_window = 10
[guardian]
correlation_window = 10
[optimizer]
method = "exact"
rebalance_every = 30
"""


@pytest.fixture
def market(tmp_path: Path) -> list[str]:
    """Flags for a short made-up history of one pair, and a quick configuration."""
    rng = np.random.default_rng(5)
    close = 1.1 * np.exp(0.006 * rng.standard_normal(90).cumsum())
    frame = pd.DataFrame(
        {
            "time": pd.bdate_range("2020-01-01", periods=90).strftime("%Y-%m-%d"),
            "open": close, "high": 1.002 * close, "low": 0.998 * close, "close": close,
        }
    )  # fmt: skip
    (tmp_path / "prices").mkdir()
    frame.to_csv(tmp_path / "prices" / "EUR_USD.csv", index=False)
    (tmp_path / "quick.toml").write_text(QUICK)
    return [
        "--data", str(tmp_path / "prices"), "--instruments", "EUR_USD", "--agents", VOTERS,
        "--config", str(tmp_path / "quick.toml"), "--out", str(tmp_path / "runs"), "--clock", "UTC",
        "--local",
    ]  # fmt: skip


GRID = ["--grid", "committee.decision_threshold=0.1,0.4", "--train", "30", "--test", "20"]


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """What stands on stderr, as one line."""
    return " ".join(capsys.readouterr().err.split())


def test_a_sweep_with_json_prints_one_object_and_leaves_its_results(
    market: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sweep", *market, *GRID, "--json"]) == 0
    output = capsys.readouterr()
    printed = json.loads(output.out)
    folder = Path(printed["folder"])
    assert printed["trials"] == printed["configurations"] == 2
    assert printed["walk_forward"]["windows"] == 2
    assert printed["out_of_sample"]["measures"]["bars"] == 40
    assert {path.name for path in folder.iterdir()} == {
        "sweep.sqlite", "sweep.json", "report.html", "trials.parquet", "pieces.parquet",
        "windows.parquet", "out_of_sample.parquet",
    }  # fmt: skip
    assert len(pd.read_parquet(folder / "trials.parquet")) == 2
    assert len(pd.read_parquet(folder / "pieces.parquet")) == 2 * (1 + 2 * 2)
    assert "2 configurations, 2 rolling windows: train 30" in output.err

    assert run(["sweep", "--resume", str(folder), "--local", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again == printed, "nothing was left to run, and the same comes out"

    assert run(["sweep", "--resume", str(folder), "--grid", "sizing.stop_sigmas=2,3"]) == 2
    assert "Different now: the space that is searched." in told(capsys)


def test_one_pass_is_labelled_as_in_sample(
    market: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sweep", *market, *GRID[:2], "--no-walk-forward"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "one pass over the whole history, in sample" in printed
    assert "In sample only: every configuration was tried and chosen on the same bars." in printed
    assert "out of sample," not in printed


def test_a_space_may_stand_in_a_file_and_flags_count_over_it(
    market: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "space.toml"
    file.write_text(
        "[grid]\ncommittee.decision_threshold = [0.1, 0.2, 0.3]\n"
        '[range]\n"sizing.stop_sigmas" = "2:5"\n'
        "[sweep]\nrandom = 9\nwalk_forward = false\nobjective = 'total_return'\n"
    )
    assert run(["sweep", *market, "--space", str(file), "--random", "3", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["configurations"] == 3
    assert printed["objective"] == "total_return"
    assert set(printed["best_in_sample"]["values"]) == {
        "committee.decision_threshold", "sizing.stop_sigmas",
    }  # fmt: skip


def test_a_failed_trial_is_reported_and_the_others_go_on(
    market: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    grid = ["--grid", "guardian.max_position=0.5,9", "--no-walk-forward", "--json"]
    assert run(["sweep", *market, *grid]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["trials"], printed["failed"]) == (2, 1)
    assert printed["failures"][0]["trial"] == 1
    assert "guardian.max_gross_leverage" in printed["failures"][0]["reason"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "the space is empty"),
        (
            ["--grid", "committee.decision_treshold=1"],
            "did you mean 'committee.decision_threshold'",
        ),
        (["--grid", "sizing.stop_sigmas="], "the grid is empty"),
        (["--grid", "sizing.stop_sigmas=2,-1"], "greater than 0"),
        (["--grid", "data.bar=1h,2h"], "cannot be swept"),
        (["--range", "sizing.stop_sigmas=2:4"], "--random N"),
        ([*GRID[:2], "--train", "soon"], "--train: expected bars"),
        ([*GRID[:2], "--train", "400"], "are more than the"),
        ([*GRID[:2], "--no-walk-forward", "--train", "40"], "would say nothing"),
        ([*GRID, "--objective", "sharp_ratio"], "did you mean 'sharpe_ratio'"),
        ([*GRID, "--workers", "0"], "at least 1"),
        ([*GRID, "--space", "no/such/file.toml"], "cannot be read"),
        (["--resume", "no/such/folder"], "no sweep in no/such/folder"),
    ],
)
def test_wrong_input_is_told_in_a_sentence_with_exit_code_2(
    market: list[str], arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sweep", *market, *arguments]) == 2
    message = told(capsys)
    assert expected in message
    assert "Traceback" not in message


@pytest.mark.parametrize(("how", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_a_sweep_that_is_ended_from_outside_goes_on_and_comes_to_the_same(
    market: list[str], tmp_path: Path, how: signal.Signals, code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    grave = tmp_path / "grave"
    grave.mkdir()
    (tmp_path / "quick.toml").write_text(
        f"{QUICK}[agents.Doomed]\ngrave = '{grave}'\nsignal = {int(how)}\n"
    )
    market[market.index(VOTERS)] = "tests.agents:Doomed"
    asked = [*market, "--grid", "agents.Doomed.rows=3,4,5,6", *GRID[2:]]
    ended = subprocess.run(
        [sys.executable, "-m", "coordinator", "sweep", *asked],
        cwd=PROJECT, env={**os.environ, "COLUMNS": "200"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode == code, ended.stderr
    assert ("go on with" in ended.stdout) == (how == signal.SIGINT)
    (folder,) = (tmp_path / "runs").iterdir()
    assert finished(folder) == [0, 1] + ([2] if how == signal.SIGINT else [])
    assert run(["sweep", "--resume", str(folder), "--local", "--json"]) == 0
    resumed = json.loads(capsys.readouterr().out)
    assert resumed["complete"]
    assert run(["sweep", *asked, "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    del resumed["folder"], whole["folder"]
    assert resumed == whole


def finished(folder: Path) -> list[int]:
    """Trials that a sweep's store holds."""
    with sqlite3.connect(f"file:{folder}/sweep.sqlite?mode=ro", uri=True) as store:
        return [number for (number,) in store.execute("SELECT number FROM trials ORDER BY 1")]
