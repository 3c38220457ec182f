"""Whether two processors journal the same: the kernels that OpenBLAS has for each, in turn.

Run as a script it prints what this process journals; `processors` runs it under other kernels.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

from agents.optimizer.allocate import Optimizer
from agents.optimizer.settings import VariationalSettings
from agents.optimizer.warm_start import packed
from benchmarks.measuring.figures import SHORT, figure
from benchmarks.optimization.problems import PAIRS, rebalance
from benchmarks.optimization.rebalances import MONTH

MONTHS = 4 if SHORT else 24
CIRCUITS = (("qaoa-xy", 3), ("qaoa-xy", 8), ("qaoa-x", 5), ("vqe", 3))
KERNELS = ("Prescott", "Haswell", "SkylakeX")


def journaled() -> dict[str, list[tuple[str, str]]]:
    """By circuit, the selection and the hash of the warm start after each monthly rebalance."""
    months = [rebalance(MONTH * month) for month in reversed(range(MONTHS))]
    found = {}
    for circuit, layers in CIRCUITS:
        for alpha in (1.0, 0.1):
            settings = VariationalSettings(layers=layers, cvar_alpha=alpha)
            optimizer = Optimizer(method=circuit, settings=settings)
            rows = []
            for now in months:
                answer = optimizer.allocate(now.expected_returns, now.covariance, 5)
                kept = packed(optimizer.warm_starts).tobytes()
                rows.append((repr(answer.bits), hashlib.sha256(kept).hexdigest()))
            found[f"{circuit}_p{layers}_alpha_{alpha:g}"] = rows
    return found


def processors() -> None:
    """How many rebalances have the same selection and warm start under every kernel."""
    told = []
    for kernel in KERNELS:
        ran = subprocess.run(
            [sys.executable, "-m", __name__, *sys.argv[1:]],
            env={**os.environ, "OPENBLAS_CORETYPE": kernel, "OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            check=True,
        )
        told.append(json.loads(ran.stdout))
    for name in told[0]:
        rows = list(zip(*(one[name] for one in told), strict=True))
        how = f"of {MONTHS} monthly rebalances, under OpenBLAS for {', '.join(KERNELS)}; {PAIRS}"
        for index, what in enumerate(("selections", "warm_starts")):
            same = sum(len({answer[index] for answer in row}) == 1 for row in rows)
            figure(f"processors_{name}_same_{what}", same, "rebalances", None, how)


if __name__ == "__main__":
    print(json.dumps(journaled()))
