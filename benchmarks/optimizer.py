"""The quantum optimizer: agreement with Qiskit, speed, quality. One JSON line a figure.

Comparisons are interleaved and quoted as ratios of medians. Without Qiskit Aer its figures are
left out; without skfolio's data (`pip install skfolio`) nothing can be measured. `--short` takes
small sizes only. The further tables of docs/QUANTUM.md are in `benchmarks/optimizer_tables.py`.
"""

from __future__ import annotations

from benchmarks.measuring.arguments import arguments
from benchmarks.measuring.figures import load
from benchmarks.optimization.quality import sixteen_stocks, twenty_stocks
from benchmarks.optimization.rebalances import desk, first_answer, twenty_days
from benchmarks.optimization.simulators import agreement, gradients, speed


def main() -> None:
    """Every figure, in the order of the table in docs/QUANTUM.md."""
    arguments(__doc__)
    load("before")
    agreement()
    speed()
    gradients()
    sixteen_stocks()
    twenty_days()
    desk()
    first_answer()
    twenty_stocks()
    load("after")


if __name__ == "__main__":
    main()
