"""The further tables of docs/QUANTUM.md: every one, or those that are named.

One JSON line a figure. `python -m benchmarks.optimizer_tables noise layers` prints two tables;
`--short` takes small sizes only.
"""

from __future__ import annotations

import sys

from benchmarks.measuring.figures import load
from benchmarks.optimization.tables import TABLES
from market.errors import ConfigError


def main() -> None:
    """Print the tables that are named, all where none is."""
    named = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    unknown = sorted(set(named) - set(TABLES))
    if unknown:
        raise ConfigError(f"no table {', '.join(unknown)}; expected some of {', '.join(TABLES)}")
    load("before")
    for name in named or TABLES:
        TABLES[name]()
    load("after")


if __name__ == "__main__":
    main()
