"""Compiled kernels: what their cache depends on, and the small ones that have no file of tests."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core.errors import NumbaRuntimeError, TypingError

from agents.guardian.exposure import stop_risk
from agents.guardian.volatility import VolatilityRules, bar_volatility
from market.bars import Floats
from market.compiled import KEPT_CACHES, PACKAGES, forget_caches, kernel_sources, lean_kernel
from market.marks import CLOSE, OPEN, Marks, mark_prices, mark_rates, no_marks
from market.whole_units import whole_units
from tests.books import COLUMNS, LEVELS, PATHS, SYMBOLS

ROOT = Path(__file__).resolve().parents[2]
TYPICAL = 2e-4 * LEVELS


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_cache_depends_on_kernels_and_on_all_that_they_import(tmp_path: Path) -> None:
    write(tmp_path, "market/sums.py", "from market.words import ONE\n@kernel\ndef f(): ...\n")
    write(tmp_path, "market/words.py", "from agents.codes import CODE\nONE = CODE\n")
    write(tmp_path, "agents/codes.py", "CODE = 1\n")
    write(tmp_path, "agents/other.py", "from market.sums import f\n")
    write(tmp_path, "market/prose.py", "def g(): ...\n")
    found = kernel_sources(tmp_path)
    assert list(found) == ["agents/codes.py", "market/sums.py", "market/words.py"]


SIZED = """
from market.whole_units import whole_units
whole_units(1234.9, 100.0)
hits, misses = (sum(counted.values()) for counted in whole_units.stats[1:])
print(whole_units.py_func.__code__.co_filename, hits, misses)
"""


def test_a_copy_of_the_project_compiles_nothing_that_the_project_compiled(tmp_path: Path) -> None:
    """Each user's job of a cluster runs from a folder of its own."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package)
    assert whole_units(1234.9, 100.0) == 1200.0
    told = subprocess.run(
        [sys.executable, "-c", SIZED],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told.split() == [str(tmp_path / "market" / "whole_units.py"), "1", "0"]


def test_a_lean_kernel_that_allocates_is_refused_by_the_compiler() -> None:
    @lean_kernel
    def allocates(size: int) -> float:
        total: float = np.zeros(size).sum()
        return total

    with pytest.raises((TypingError, NumbaRuntimeError)):
        allocates(3)


def test_the_codes_of_limits_and_outcomes_are_part_of_it() -> None:
    found = kernel_sources(ROOT)
    assert {"agents/guardian/codes.py", "coordinator/tally.py", "infra/brokers/paper/state.py"} <= (
        set(found)
    )
    assert "coordinator/session.py" not in found


def test_only_the_caches_used_last_are_kept(tmp_path: Path) -> None:
    for number in range(KEPT_CACHES + 3):
        folder = tmp_path / f"cache{number}"
        folder.mkdir()
        os.utime(folder, (number, number))
    forget_caches(tmp_path)
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {f"cache{number}" for number in range(3, KEPT_CACHES + 3)}


def sigma(close: list[float], *, taps: int = 4, decay: float = 0.5) -> float:
    """Of the last bar, after as many bars without a price as the estimate could look back on."""
    rules = VolatilityRules(taps, decay)
    panel = np.array([*[math.nan] * rules.lookback, *close], dtype=np.float64).reshape(-1, 1)
    return float(bar_volatility(panel, rules)[-1, 0])


def test_volatility_weighs_the_newest_return_most() -> None:
    returns = [0.01, -0.02, 0.03, 0.04]
    close = list(np.cumprod([1.0, *(1.0 + np.array(returns))]))
    weights = np.array([0.125, 0.25, 0.5, 1.0])
    expected = math.sqrt((weights * np.square(returns)).sum() / weights.sum())
    assert sigma(close) == pytest.approx(expected, rel=1e-12)


def test_volatility_looks_no_further_back_than_its_taps() -> None:
    newest = [1.0, 1.01, 1.0, 1.02, 1.0]
    assert sigma([9.0, 0.1, *newest]) == sigma(newest)


def test_volatility_spans_a_gap_and_ignores_a_missing_newest_price() -> None:
    spanned = sigma([1.0, 1.1, math.nan, 1.1 * 1.2, 1.1 * 1.2])
    weights, squares = [1.0, 0.5, 0.125], [0.0, 0.2**2, 0.1**2]
    expected = math.sqrt(np.average(squares, weights=weights))
    assert spanned == pytest.approx(expected, rel=1e-12)
    assert math.isfinite(sigma([1.0, 1.1, 1.2, 1.1, math.nan]))


@pytest.mark.parametrize(
    "close",
    [[1.0], [1.0, 1.1], [math.nan] * 5, [1.0, math.nan, math.nan, math.nan, 1.1], [0.0] * 5],
)
def test_volatility_is_unknown_with_too_few_returns(close: list[float]) -> None:
    assert math.isnan(sigma(close))


def test_volatility_depends_on_its_lookback_alone_to_the_last_bit() -> None:
    rng = np.random.default_rng(5)
    close = np.exp(0.01 * rng.standard_normal((400, 3)).cumsum(axis=0))
    close[rng.random(close.shape) < 0.1] = math.nan
    close[:, 0] = np.exp(0.01 * rng.standard_normal(400).cumsum())
    rules = VolatilityRules(20, 0.94)
    whole = bar_volatility(close, rules)
    assert np.isnan(whole[: rules.lookback - 1]).all()
    for row in range(rules.lookback - 1, 400):
        window = bar_volatility(close[row + 1 - rules.lookback : row + 1], rules)
        np.testing.assert_array_equal(window[-1], whole[row])
    assert np.isfinite(whole[rules.lookback :]).mean() > 0.9


def test_a_market_that_stands_still_has_no_volatility() -> None:
    assert sigma([1.1] * 5) == 0.0


@pytest.mark.parametrize(
    ("units", "stop", "expected"),
    [
        (100.0, 0.9, 100.0 * (1.0 - 0.01 - 0.9) * 2.0),
        (-100.0, 1.2, 100.0 * (1.2 - 1.0 - 0.01) * 2.0),
        (100.0, 0.995, 0.0),
        (0.0, 0.5, 0.0),
        (100.0, math.nan, 200.0),
        (-100.0, math.inf, 200.0),
    ],
)
def test_the_risk_of_a_position_is_its_loss_at_the_stop_or_all_of_it(
    units: float, stop: float, expected: float
) -> None:
    assert stop_risk(units, 1.0, 0.02, stop, 2.0) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("field", range(5))
def test_the_risk_of_a_position_that_cannot_be_valued_is_unknown_not_nothing(field: int) -> None:
    numbers = [100.0, 1.0, 0.02, 0.9, 2.0]
    numbers[field] = math.nan
    found = stop_risk(*numbers)
    assert math.isnan(found) or (field == 3 and found == 200.0)


@pytest.mark.parametrize(
    ("units", "increment", "expected"),
    [
        (1234.9, 1.0, 1234.0),
        (1234.9, 100.0, 1200.0),
        (0.9, 1.0, 0.0),
        (-5.0, 1.0, 0.0),
        (0.35, 0.1, 0.3),
        (0.29, 0.01, 0.29),
        (0.09, 0.1, 0.0),
        (0.8, 0.3, 0.6),
    ],
)
def test_sizes_are_cut_down_to_whole_units(units: float, increment: float, expected: float) -> None:
    assert whole_units(units, increment) == expected


def bar(mid: Floats, *, spread: float = 1e-4) -> Floats:
    values = np.full((6, COLUMNS), math.nan)
    values[:4] = mid
    values[4] = np.where(np.isnan(mid), math.nan, spread)
    return values


def mark(marks: Marks, values: Floats, field: int) -> None:
    mark_prices(marks, values, field, TYPICAL)
    mark_rates(marks, PATHS)


def test_marks_take_prices_and_keep_and_age_what_is_missing() -> None:
    marks = no_marks(COLUMNS)
    assert np.isinf(marks.age).all()
    mark(marks, bar(LEVELS), CLOSE)
    silent = LEVELS.copy()
    silent[0] = math.nan
    for age in (1.0, 2.0):
        mark(marks, bar(1.01 * silent), CLOSE)
        assert marks.mid[0] == LEVELS[0]
        assert list(marks.age) == [age, 0.0, 0.0, 0.0, 0.0]
    mark(marks, bar(LEVELS), OPEN)
    assert not marks.age.any()


def test_marks_convert_at_the_price_they_have_and_not_at_all_before_they_have_one() -> None:
    marks: Marks = no_marks(COLUMNS)
    mark(marks, bar(np.full(COLUMNS, math.nan)), CLOSE)
    assert np.isnan(marks.rate[[1, 2]]).all()
    mark(marks, bar(LEVELS), CLOSE)
    np.testing.assert_allclose(marks.rate, [1.0, 1 / 150.0, 1.25, 1.0, 1.0])
    risen = np.full(COLUMNS, math.nan)
    risen[SYMBOLS.index("GBP_USD")] = 1.30
    mark(marks, bar(risen), CLOSE)
    assert marks.rate[SYMBOLS.index("EUR_GBP")] == pytest.approx(1.30)


@pytest.mark.parametrize("spread", [math.nan, -1.0])
def test_without_a_spread_the_typical_one_is_marked(spread: float) -> None:
    marks = no_marks(COLUMNS)
    mark(marks, bar(LEVELS, spread=spread), CLOSE)
    np.testing.assert_array_equal(marks.spread, TYPICAL)


@pytest.mark.parametrize("price", [0.0, -1.0])
def test_a_price_that_is_none_is_missing(price: float) -> None:
    marks = no_marks(COLUMNS)
    mark(marks, bar(LEVELS), CLOSE)
    mark(marks, bar(np.full(COLUMNS, price)), CLOSE)
    np.testing.assert_array_equal(marks.mid, LEVELS)
    assert (marks.age == 1.0).all()
