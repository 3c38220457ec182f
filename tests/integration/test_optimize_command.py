"""`quorum optimize`, as people and machines call it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.optimizer.allocate import Optimizer
from agents.optimizer.settings import VariationalSettings
from coordinator.cli.app import run
from tests.portfolios import random_problem

THREE = ("--assets", "EUR_USD,USD_JPY,GBP_USD")
FOUR = ("--assets", "EUR_USD,USD_JPY,GBP_USD,USD_CHF")


def optimized(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """The object that `--json` prints, and nothing besides it."""
    assert run(["optimize", "--json", *arguments]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is told on stderr, as one line; stdout stays empty."""
    assert run(["optimize", *arguments]) == 2
    told = capsys.readouterr()
    assert not told.out
    assert "Traceback" not in told.err
    return " ".join(told.err.split())


def written(path: Path, days: int, seed: int = 5, scale: float = 0.005) -> Path:
    """A file of daily bars of one instrument, a random walk; at scale 0 it never moves."""
    walk = 1.1 * np.exp(np.cumsum(np.random.default_rng(seed).normal(scale=scale, size=days)))
    first = datetime(2020, 1, 1, tzinfo=UTC)
    rows = [
        f"{first + timedelta(days=day):%Y-%m-%d},{p:.5f},{p:.5f},{p:.5f},{p:.5f}"
        for day, p in enumerate(walk)
    ]
    path.write_text("\n".join(["time,open,high,low,close", *rows]))
    return path


def test_people_see_the_weights_beside_the_classical_ones_and_what_they_are_worth(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["optimize", *FOUR, "--budget", "2", "--layers", "2"]) == 0
    shown = capsys.readouterr()
    assert not shown.err
    for told in (
        "4 assets, 250 returns to", "qaoa-xy", "classical", "EUR_USD", "50.0%", "proven optimal",
        "approximation ratio", "gap to the classical answer before polish", "layers, energies",
    ):  # fmt: skip
        assert told in shown.out


@pytest.mark.parametrize("method", ["qaoa-xy", "qaoa-x", "vqe", "exact"])
def test_every_method_spends_the_budget_and_comes_with_the_proven_answer(
    method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = optimized(capsys, *FOUR, "--budget", "2", "--method", method, "--layers", "2")
    assert found["budget_holds"]
    assert found["fallback_reason"] is None
    assert found["classical_proven"]
    assert sorted(found["weights"]) == sorted(found["classical_weights"]) == [0.0, 0.0, 0.5, 0.5]
    assert found["objective"] >= found["classical_objective"]
    assert (found["honesty"] is None) == (method == "exact")


def test_the_honesty_block_is_consistent_with_the_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = optimized(capsys, *FOUR, "--budget", "2", "--layers", "3")
    honesty = found["honesty"]
    assert honesty["gap"] == found["objective"] - found["classical_objective"]
    assert honesty["gap_before_polish"] >= honesty["gap"]
    assert honesty["feasible_probability"] == pytest.approx(1.0)
    assert honesty["uniform_gain"] == pytest.approx(6 * honesty["optimum_probability"])
    assert 0.0 <= honesty["approximation_ratio"] <= 1.0
    assert found["layers"] == 3
    assert found["evaluations"] + found["gradients"] > 9


def test_the_same_seed_gives_the_same_answer(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = (*FOUR, "--budget", "2", "--layers", "2", "--seed", "3")
    first, second = (optimized(capsys, *arguments) for _ in range(2))
    for timed in ("wall_s", "classical_wall_s"):
        del first[timed], second[timed]
    for answer in (first, second):
        del answer["honesty"]["classical_wall_s"]
    assert first == second


def test_half_of_the_assets_are_chosen_where_no_budget_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = optimized(capsys, *THREE, "--method", "exact")
    assert sum(weight > 0.0 for weight in found["weights"]) == 2


def test_several_bits_an_asset_give_weights_in_steps(capsys: pytest.CaptureFixture[str]) -> None:
    found = optimized(
        capsys, *THREE, "--budget", "5", "--bits", "2", "--method", "qaoa-x", "--layers", "2"
    )
    lots = 5 * np.array(found["weights"])
    assert lots == pytest.approx(np.round(lots))
    assert lots.sum() == pytest.approx(5)
    assert lots.max() <= 3
    assert len(found["bits"]) == 6


def test_the_budget_lookback_and_deadline_may_stand_in_the_configuration(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = tmp_path / "desk.toml"
    config.write_text(
        "[optimizer]\nlayers = 1\nbudget_share = 0.25\nallocation_lookback = 100\n"
        "allocation_min_observations = 90\ndeadline_s = 1e-9\n"
    )
    assert run(["optimize", *FOUR, "--config", str(config)]) == 0
    shown = capsys.readouterr().out
    assert "4 assets, 100 returns to" in shown
    assert "budget 1" in shown
    assert "no answer within 1e-09 s" in " ".join(shown.split())
    steps = ("--bits", "2", "--method", "exact", "--config", str(config))
    lots = 3 * np.array(optimized(capsys, *FOUR, *steps)["weights"])
    assert lots.sum() == pytest.approx(3), "a quarter of the twelve lots"


def test_an_asset_that_was_left_out_is_told_by_its_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for symbol, scale in (("EUR_USD", 0.005), ("GBP_USD", 0.0), ("USD_JPY", 0.004)):
        written(tmp_path / f"{symbol}.csv", 120, seed=len(symbol), scale=scale)
    found = optimized(
        capsys, "--data", str(tmp_path), "--assets", "EUR_USD,GBP_USD,USD_JPY", "--clock", "UTC",
        "--lookback", "99", "--method", "exact",
    )  # fmt: skip
    assert found["assets"] == ["EUR_USD", "USD_JPY"]
    assert "GBP_USD left out: its returns never vary" in found["warnings"]


def test_bits_beyond_one_circuit_are_refused_and_not_split(
    capsys: pytest.CaptureFixture[str],
) -> None:
    six = ("--assets", "EUR_USD,USD_JPY,GBP_USD,USD_CHF,AUD_USD,NZD_USD")
    told = refused(capsys, *six, "--budget", "9", "--method", "qaoa-x", "--bits", "4")
    assert "6 instruments of 4 bits need 24 qubits" in told


def test_bits_and_backend_may_stand_in_the_configuration(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = tmp_path / "desk.toml"
    config.write_text(
        '[optimizer]\nmethod = "qaoa-x"\nlayers = 1\nbits_per_asset = 2\nbackend = "statevector"\n'
    )
    found = optimized(capsys, *THREE, "--budget", "5", "--config", str(config))
    assert len(found["bits"]) == 6
    assert found["honesty"]["feasible_probability"] * 1024 % 1.0 == 0.0, "shares of 1024 shots"
    assert len(optimized(capsys, *THREE, "--bits", "1", "--config", str(config))["bits"]) == 3


def test_an_unknown_backend_is_refused_also_where_no_circuit_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = refused(capsys, *THREE, "--method", "exact", "--backend", "simulatr")
    assert "unknown backend 'simulatr', did you mean 'simulator'?" in told


def test_circuits_run_on_qiskits_own_sampler(capsys: pytest.CaptureFixture[str]) -> None:
    found = optimized(capsys, *THREE, "--budget", "1", "--layers", "1", "--backend", "statevector")
    assert found["fallback_reason"] is None
    assert found["honesty"]["feasible_probability"] == 1.0


def test_past_the_deadline_the_classical_answer_comes_marked_as_a_fallback(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    late = (*FOUR, "--budget", "2", "--deadline", "1e-9")
    found = optimized(capsys, *late)
    assert found["fallback_reason"].startswith("qaoa-xy: DeadlinePassed: no answer within 1e-09 s")
    assert found["weights"] == found["classical_weights"]
    assert found["honesty"] is None
    picture = tmp_path / "late.png"
    assert run(["optimize", *late, "--plot", str(picture)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "fallback to exact: qaoa-xy: DeadlinePassed" in shown
    assert "no picture" in shown
    assert not picture.exists()


def test_a_picture_of_the_shots_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra 'plots'")
    picture = tmp_path / "answer.png"
    optimized(capsys, *THREE, "--budget", "1", "--layers", "1", "--plot", str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--budget", "0"], "budget must lie in 1 … 3"),
        (["--budget", "4"], "budget must lie in 1 … 3"),
        (["--bits", "0"], "optimizer.bits_per_asset: Input should be greater than or equal to 1"),
        (["--bits", "2"], "for weights in steps choose qaoa-x, vqe or exact"),
        (["--layers", "0"], "layers"),
        (["--lookback", "1"], "--lookback: expected at least 2 returns, found 1"),
        (["--lookback", "-5"], "--lookback: expected at least 2 returns, found -5"),
        (["--deadline", "0"], "--deadline: expected more than 0 seconds, found 0"),
        (["--method", "qoaa-xy"], "qaoa-xy"),
        (["--backend", "statevectr"], "did you mean 'statevector'?"),
        (["--method", "exact", "--plot", "no.png"], "the exact method measures nothing"),
        (
            ["--budget", "1", "--layers", "1", "--plot", "no/such/no.png"],
            "there is no folder no/such",
        ),
        (["--plot", "no.gif"], "expected a name in .png, .svg, .pdf, found 'no.gif'"),
        (["--data", "no/such/file.csv"], "no data at"),
    ],
)
def test_wrong_input_is_told_in_a_sentence_with_exit_code_2(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in refused(capsys, *THREE, *arguments)


def test_an_unknown_asset_is_refused_with_the_nearest_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "did you mean 'EUR_USD'?" in refused(capsys, "--assets", "EUR_USB,USD_JPY")


def test_too_few_bars_are_told_with_what_would_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "EUR_USD.csv", days=100)
    arguments = ("--data", str(tmp_path), "--assets", "EUR_USD", "--clock", "UTC")
    told = refused(capsys, *arguments)
    assert "100 bars are too few for 250 returns; choose a shorter --lookback" in told
    found = optimized(capsys, *arguments, "--lookback", "99", "--method", "exact")
    assert found["weights"] == [1.0]


@pytest.mark.parametrize(
    ("trainer", "backend", "method"),
    [
        ("gradient", "simulator", "qaoa-xy"),
        ("gradient", "simulator", "vqe"),
        ("cobyla", "simulator", "qaoa-xy"),
        ("gradient", "statevector", "qaoa-xy"),
        ("cobyla", "statevector", "qaoa-xy"),
    ],
)
def test_training_can_be_followed_call_by_call_and_is_not_changed_by_it(
    trainer: str, backend: str, method: str
) -> None:
    problem = random_problem(3, 1)
    settings = VariationalSettings(layers=1, trainer=trainer, starts=1, shots=64)
    told: list[float] = []
    answers = [
        Optimizer(method=method, settings=settings, backend=backend, watch=watch).allocate(
            problem.expected_returns, problem.covariance, problem.budget
        )
        for watch in (told.append, None)
    ]
    watched, alone = (answer.measurement for answer in answers)
    assert watched is not None
    assert alone is not None
    assert told == watched.course.tolist() == alone.course.tolist()
    assert len(told) == answers[0].evaluations + answers[0].gradients
    assert answers[0].bits == answers[1].bits
