"""Pictures of quantum answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agents.optimizer.allocate import Optimizer
from agents.optimizer.charts import label, plot_allocation
from market.errors import ConfigError
from tests.portfolios import random_problem

SYMBOLS = ("AAA", "BBB", "CCC", "DDD")


def test_the_distribution_and_the_course_are_drawn_to_a_file(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    problem = random_problem(4, 2)
    answer = Optimizer(method="qaoa-xy").allocate(problem.expected_returns, problem.covariance, 2)
    target = tmp_path / "answer.svg"
    plot_allocation(answer, SYMBOLS, target)
    drawn = target.read_text()
    assert "<svg" in drawn
    assert "share of the shots" in drawn or len(drawn) > 10_000


def test_a_classical_answer_has_no_distribution_to_draw(tmp_path: Path) -> None:
    problem = random_problem(4, 2)
    answer = Optimizer().allocate(problem.expected_returns, problem.covariance, 2)
    with pytest.raises(ConfigError, match="only quantum methods"):
        plot_allocation(answer, SYMBOLS, tmp_path / "answer.png")


def test_strings_are_labelled_by_their_assets_and_lots() -> None:
    assert label(np.array([1, 0, 0, 1], dtype=np.int8), SYMBOLS) == "AAA DDD"
    assert label(np.array([1, 1, 0, 0, 0, 1], dtype=np.int8), SYMBOLS[:3]) == "AAA:3 CCC:2"
