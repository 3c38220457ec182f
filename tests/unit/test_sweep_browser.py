"""The scripts of a sweep's report, run by a headless browser where there is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from coordinator.sweep.outcome import judge
from coordinator.sweep.report import sweep_page
from coordinator.sweep.workers import Bench
from tests.sweeps import WINDOWS, small_sweep
from tests.unit.test_report_browser import BROWSER, rendered

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on the PATH")


def page(*, forward: bool) -> str:
    sweep = small_sweep(WINDOWS if forward else None)
    bench = Bench(sweep)
    results = [bench.run(number) for number in range(len(sweep.configurations))]
    return sweep_page(judge(sweep, results, "sharpe_ratio"))


def test_every_chart_is_drawn_with_a_dot_for_each_trial(tmp_path: Path) -> None:
    dom = rendered(page(forward=True), tmp_path)
    assert re.findall(r'<svg[^>]*aria-label="([^"]*)"', dom) == [
        "Growth of 100 out of sample",
        "Drawdown out of sample",
        "Every trial in training and in test",
    ]
    assert len(re.findall(r'<path class="line', dom)) == 4
    assert len(re.findall(r'<circle class="dot"', dom)) == 4
    assert "NaN" not in dom


def test_a_dot_says_which_trial_it_is(tmp_path: Path) -> None:
    enter = 'document.querySelectorAll(".dot")[2].dispatchEvent(new Event("pointerenter"));'
    dom = rendered(page(forward=True), tmp_path, enter)
    assert "trial 2: committee.decision_threshold 0.5, sizing.stop_sigmas 2: " in dom


def test_one_pass_draws_no_chart_and_raises_no_error(tmp_path: Path) -> None:
    dom = rendered(page(forward=False), tmp_path)
    assert "<svg" not in dom
    assert 'class="heat"' in dom
