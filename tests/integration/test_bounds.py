"""The kernels never reach outside an array: the same runs with every access checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.bounds import lived

PROJECT = Path(__file__).resolve().parents[2]
EVERYTHING = {
    "DECISION", "STOP_LOSS", "TAKE_PROFIT", "TRAILING_STOP", "MARGIN_CLOSEOUT", "NO_PRICE",
    "INSUFFICIENT_MARGIN", "reversed", "TradingHalted", "TradingRearmed", "DRAWDOWN_HALT",
    "DAILY_LOSS_HALT", "OPEN_POSITIONS",
}  # fmt: skip


def test_runs_in_which_everything_happens_stay_inside_their_arrays() -> None:
    """The flag is part of the name of the kernels' cache, so this process compiles its own.

    The first time that takes a minute. On a cache without the flag it would check nothing, hence
    the kernel that is wrong on purpose.
    """
    checked = json.loads(
        subprocess.run(
            [sys.executable, "-m", "tests.bounds"],
            cwd=PROJECT,
            env={**os.environ, "NUMBA_BOUNDSCHECK": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    assert checked["caught"], "an access outside an array goes unnoticed: the flag does nothing"
    unchecked = lived()
    assert checked["digests"] == unchecked["digests"]
    assert checked["seen"] == unchecked["seen"]
    assert {name for name in EVERYTHING if checked["seen"].get(name, 0) > 0} == EVERYTHING
