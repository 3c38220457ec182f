"""`quorum`, as people and machines call it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from coordinator.cli.app import run

PROJECT = Path(__file__).resolve().parents[2]
TWO_YEARS = ("--to", "2000-12-31")


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """What stands on stderr, as one line."""
    return " ".join(capsys.readouterr().err.split())


def replayed(capfd: pytest.CaptureFixture[str], folder: Path, *more: str) -> dict[str, Any]:
    """The object that a replay with `--json` prints, and nothing besides it."""
    assert run(["replay", *TWO_YEARS, "--out", str(folder), "--json", *more]) == 0
    printed: dict[str, Any] = json.loads(capfd.readouterr().out)
    return printed


@pytest.mark.ray
@pytest.mark.usefixtures("ray_session")
def test_a_replay_with_json_prints_one_object_and_leaves_its_results_the_same_every_time(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first, second = (replayed(capfd, tmp_path, "--engine", "events") for _ in range(2))
    folder = Path(first["run"])
    assert first["outcome"] == "completed"
    assert first["bars"] == 514
    assert len(first["digest"]) == 64
    assert {path.name for path in folder.iterdir()} >= {
        "journal.sqlite", "inputs.json", "metrics.json", "equity.parquet", "trades.parquet",
    }  # fmt: skip
    assert len(pd.read_parquet(folder / "equity.parquet")) == first["bars"]
    assert not list(folder.glob("*-wal")), "one file holds the journal"
    assert second["digest"] == first["digest"]


def test_another_threshold_gives_another_digest_and_the_same_one_the_same(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    changed = tmp_path / "changed.toml"
    changed.write_text("[committee]\ndecision_threshold = 0.3\n")
    digests = [
        replayed(capfd, tmp_path / "runs", "--engine", "local", *more)["digest"]
        for more in ((), (), ("--config", str(changed)))
    ]
    assert digests[0] == digests[1] != digests[2]


def let_through(gate: Path, desk: subprocess.Popen[str]) -> None:
    """Open the gate from within once the desk has ended: nobody else would."""
    desk.wait()
    os.close(os.open(gate, os.O_RDONLY | os.O_NONBLOCK))


@pytest.mark.ray
def test_ctrl_c_ends_cleanly_with_the_results_so_far(tmp_path: Path) -> None:
    """The desk stands still at a bar until it has been interrupted."""
    gate, runs, config = (tmp_path / name for name in ("gate", "runs", "quorum.toml"))
    os.mkfifo(gate)
    config.write_text(f'[agents.Waiting]\ngate = "{gate}"\n[optimizer]\nmethod = "exact"\n')
    asked = ["--agents", "momentum,tests.agents:Waiting", "--config", str(config)]
    command = ["-m", "coordinator", "replay", "--engine", "events", "--out", str(runs), *asked]
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=PROJECT,
        env={**os.environ, "QUORUM_RAY__NAMESPACE": "interrupted"},
        stdout=subprocess.PIPE,
        text=True,
    ) as desk:
        fails_early = threading.Thread(target=let_through, args=(gate, desk))
        fails_early.start()
        with gate.open("wb"):  # opens when the agent stands at it
            desk.send_signal(signal.SIGINT)
        assert desk.stdout is not None
        rest = desk.stdout.read()
        assert desk.wait(timeout=60) == 130
    fails_early.join()
    (folder,) = runs.iterdir()
    assert "interrupted" in rest
    assert "digest" in rest
    assert (folder / "metrics.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--instruments", "EUR_USB"], "did you mean 'EUR_USD'?"),
        (["--engine", "evnts"], "did you mean 'events'?"),
        (["--engine", "local", "--dashboard"], "starts no Ray"),
        (["--agents", "momentun"], "did you mean 'momentum'?"),
        (["--agents", "nowhere:Mine"], "no module 'nowhere'"),
        (["--agents", "tests.agents:Missing"], "has no class 'Missing'"),
        (["--agents", "momentum,momentum"], "sits twice"),
        (["--from", "2030-01-01"], "the data covers 1999-01-04 to"),
        (["--from", "2001-01-01", "--to", "2000-01-01"], "The first day is after the last"),
        (["--from", "soon"], "expected a day as YYYY-MM-DD"),
        (["--to", "1999-03-01"], "bars are too few: momentum needs"),
        (["--data", "no/such/file.csv"], "no data at"),
        (["--config", "no/such/file.toml"], "no configuration file"),
        (["--out", "/proc/nowhere"], "cannot be written"),
    ],
)
def test_wrong_input_is_told_in_a_sentence_with_exit_code_2(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["replay", *arguments]) == 2
    message = told(capsys)
    assert expected in message
    assert "Traceback" not in message


def test_a_pair_without_a_way_to_the_account_currency_is_told_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"2020-01-{day:02d},0.85,0.86,0.84,0.85" for day in range(1, 29)]
    (tmp_path / "EUR_GBP.csv").write_text("\n".join(["time,open,high,low,close", *rows]))
    assert run(["replay", "--data", str(tmp_path), "--instruments", "EUR_GBP"]) == 2
    assert "no chain of instruments leads from GBP to the account currency USD" in told(capsys)


def test_an_unknown_key_in_the_file_is_refused_with_the_nearest_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "quorum.toml"
    wrong.write_text("[sizing]\ntp_sl_rato = 2.0\n")
    assert run(["config", "check", "--config", str(wrong)]) == 2
    assert "unknown key sizing.tp_sl_rato, did you mean 'tp_sl_ratio'?" in told(capsys)


def test_the_environment_counts_over_the_file_and_flags_over_both(tmp_path: Path) -> None:
    file = tmp_path / "quorum.toml"
    file.write_text("[sizing]\ntp_sl_ratio = 2.0\n[desk]\nseed = 1\n")
    shown = subprocess.run(
        [sys.executable, "-m", "coordinator", "config", "show", "--config", str(file)],
        cwd=PROJECT,
        env={**os.environ, "QUORUM_SIZING__TP_SL_RATIO": "3.5"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert tomllib.loads(shown)["sizing"]["tp_sl_ratio"] == 3.5
    assert tomllib.loads(shown)["desk"]["seed"] == 1


def test_a_misspelt_environment_variable_is_refused() -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "coordinator", "config", "check"],
        cwd=PROJECT,
        env={**os.environ, "QUORUM_SIZNG__TP_SL_RATIO": "3.5"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "did you mean 'QUORUM_SIZING'?" in refused.stderr


def test_the_shown_configuration_reads_back_to_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", "show"]) == 0
    shown = capsys.readouterr().out
    (tmp_path / "shown.toml").write_text(shown)
    assert run(["config", "show", "--config", str(tmp_path / "shown.toml")]) == 0
    assert capsys.readouterr().out == shown


def test_agents_lists_the_committee_for_people_and_machines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["agents"]) == 0
    assert "mean_reversion" in capsys.readouterr().out
    assert run(["agents", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["agents"]
    assert [agent["name"] for agent in listed] == [
        "momentum", "mean_reversion", "volatility", "sentiment",
    ]  # fmt: skip
    assert all(agent["lookback"] > 1 for agent in listed)


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("quorum ")
