"""Decisions of this checkout and of another one, in turns: how many times as long they take.

Where a machine is twice as fast in one second as in the next, nothing else tells one version from
another. `git worktree add FOLDER COMMIT` makes a checkout. One with an environment of its own runs
in that one, so that interpreters can be compared as well. One JSON line a figure; `--short` takes
fewer turns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.deciding.asked import READY
from benchmarks.measuring.arguments import arguments
from benchmarks.measuring.figures import SHORT, figure, load
from market.bars import Floats

TURNS = 6 if SHORT else 25
AWAKE, EACH = 15, 80
"""Decisions of a turn before it counts, for the caches are the other's; and those counted."""
HERE = Path(__file__).resolve().parents[2]


class Checkout:
    """A desk of one checkout, in processes of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        own = folder / ".venv" / "bin" / "python"
        python = str(own) if own.exists() else sys.executable
        self._process = subprocess.Popen(
            [python, str(HERE / "benchmarks" / "deciding" / "asked.py")],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if not self._heard(READY):
            raise SystemExit(
                f"{folder} cannot decide: expected a checkout of this project that is compiled; "
                f"`cd {folder} && PYTHONPATH=. python benchmarks/decide.py --short` says more"
            )

    def decide(self, count: int) -> Floats:
        """Seconds (2, `count`): until the verdict, and with what waited for it."""
        print(count, file=self._process.stdin, flush=True)
        answer = self._heard("[[")
        if not answer:
            raise SystemExit(f"the desk of {self._folder} ended; run asked.py there to see why")
        return np.array(json.loads(answer))

    def close(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _heard(self, begins: str) -> str:
        """The next line that begins so; others, as Ray's, are passed over. Empty at the end."""
        assert self._process.stdout is not None
        return next((line for line in self._process.stdout if line.startswith(begins)), "")


def main() -> None:
    """One turn of each after the other."""
    other = arguments(__doc__, folder="the folder of another checkout").folder.resolve()
    load("before")
    desks = [Checkout(other), Checkout(HERE)]
    taken: list[list[Floats]] = [[] for _ in desks]
    for _ in range(TURNS):
        for desk, turns in zip(desks, taken, strict=True):
            desk.decide(AWAKE)
            turns.append(desk.decide(EACH))
    for desk in desks:
        desk.close()
    seconds = np.array(taken)  # (2 checkouts, TURNS, 2, EACH)
    how = f"{TURNS} turns of {EACH} decisions each"
    for name, found in zip(("other", "this"), seconds, strict=True):
        p50, p99 = np.quantile(found[:, 0], [0.5, 0.99]) * 1e3
        figure(f"{name}_p50_ms", p50, "ms", None, how)
        figure(f"{name}_p99_ms", p99, "ms", None, how)
        figure(f"{name}_decisions_per_s", 1.0 / found[:, 1].mean(), "decisions/s", None, how)
    of_other, of_this = np.median(seconds[:, :, 0], axis=-1)
    ratio = float(np.median(of_this / of_other))
    figure("this_to_other", ratio, "ratio", None, f"of p50 by turn, {how}")
    load("after")


if __name__ == "__main__":
    main()
