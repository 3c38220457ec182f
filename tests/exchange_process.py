"""A paper exchange in a process of its own, to be killed.

python -m tests.exchange_process FOLDER SOCKET SEED
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from infra.brokers.paper.live.faults import Fault, FaultPlan
from infra.brokers.paper.live.history import panel_of
from infra.brokers.paper.live.running import run_exchange
from market.bars import Bars
from market.quotes import Quote
from tests.exchanges import KEY, START, SYMBOLS, TERMS, quote

TICK_NS = 5_000_000
SOME_FAULTS = tuple(
    (fault, 0.04)
    for fault in (
        Fault.DELAY,
        Fault.SILENT_BEFORE,
        Fault.SILENT_AFTER,
        Fault.DROP_BEFORE,
        Fault.DROP_AFTER,
    )
)


class Waves:
    """Each instrument is quoted every 5 ms of real time; the same prices at the same time."""

    def __init__(self, after: int | None) -> None:
        self._begin = START if after is None else after
        self._next = self._begin // TICK_NS + 1
        self._since = time.monotonic_ns()

    @property
    def description(self) -> str:
        return "waves"

    def history(self, symbols: Sequence[str], interval_s: int, bars: int) -> Bars:
        return panel_of(()[:bars], tuple(symbols), interval_s)

    def now(self) -> int:
        return self._begin + time.monotonic_ns() - self._since

    def quotes(self, until: int) -> tuple[Quote, ...]:
        found = []
        while self._next * TICK_NS <= until:
            mid = 1.2 + 0.01 * math.sin(self._next / 50.0)
            found += [quote(symbol, self._next * TICK_NS, mid, 1e-4) for symbol in SYMBOLS]
            self._next += 1
        return tuple(found)

    @property
    def ended(self) -> bool:
        return False


def main(folder: str, at: str, seed: str) -> None:
    run_exchange(
        TERMS,
        store=Path(folder) / "exchange.sqlite",
        open_source=Waves,
        at=(at,),
        key=KEY,
        faults=FaultPlan(rates=SOME_FAULTS, seed=int(seed), delay_s=0.01),
        listening=lambda _: print("listening", flush=True),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
