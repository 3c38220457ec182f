"""The further tables of docs/QUANTUM.md: every one, or those that are named.

One JSON line a figure. `python -m benchmarks.optimizer_tables noise layers` prints two tables;
`--short` takes small sizes only.
"""

from __future__ import annotations

from benchmarks.measuring.arguments import arguments
from benchmarks.measuring.figures import load
from benchmarks.optimization.tables import TABLES


def main() -> None:
    """Print the tables that are named, all where none is."""
    named = arguments(__doc__, parts=TABLES).parts
    load("before")
    for name in named:
        TABLES[name]()
    load("after")


if __name__ == "__main__":
    main()
