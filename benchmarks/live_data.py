"""Speed of live prices: `PYTHONPATH=. python benchmarks/live_data.py`, one JSON line a figure.

Every instrument of the registry, with made-up prices; the recorded ticks are the same, kept on
disk. An hour of the market; `--short` takes a tenth of it.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.measuring.arguments import arguments
from benchmarks.measuring.figures import MACHINE, SHORT, figure
from infra.clock import ManualClock
from infra.feeds.live.board import PriceBoard
from infra.feeds.live.recorded import RecordedTicks
from infra.feeds.live.synthetic import SyntheticPrices
from infra.feeds.scratch import ScratchFile
from infra.feeds.series import Ticks
from market.instruments import Registry
from market.marks import no_marks
from market.ports import PriceSource
from market.quotes import Quote

SECOND_NS = 1_000_000_000
BEGIN = 1_783_339_200 * SECOND_NS
"""A Monday at noon."""
SPAN_S = 360 if SHORT else 3_600
STEP_NS = 6 * SECOND_NS
"""At 600 times real time a source that is asked every 10 ms."""
REPEATS = 5
SYMBOLS = Registry().symbols()


def made_up() -> SyntheticPrices:
    registry = Registry()
    return SyntheticPrices([registry[s] for s in SYMBOLS], 7, ManualClock(BEGIN), begin=BEGIN)


def play(source: PriceSource) -> list[Quote]:
    found: list[Quote] = []
    for until in range(BEGIN, BEGIN + SPAN_S * SECOND_NS, STEP_NS):
        found += source.quotes(until)
    return found


def kept(quotes: list[Quote], folder: Path) -> tuple[Ticks, ...]:
    """The quotes as columns on disk."""
    file = ScratchFile(folder)
    own = {symbol: [one for one in quotes if one.symbol == symbol] for symbol in SYMBOLS}
    return tuple(
        Ticks(
            symbol=symbol,
            time=file.keep(np.array([one.time for one in rows], dtype=np.int64)),
            bid=file.keep(np.array([one.bid for one in rows])),
            ask=file.keep(np.array([one.ask for one in rows])),
        )
        for symbol, rows in own.items()
    )


def put_all(quotes: list[Quote], *, every_tick: bool) -> None:
    """Put every quote; bars of a minute. every_tick: close and mark after each of them."""
    board = PriceBoard(SYMBOLS, 60, np.full(len(SYMBOLS), 5 * SECOND_NS, dtype=np.int64))
    marks = no_marks(len(SYMBOLS))
    for quote in quotes:
        board.put(quote, quote.time)
        if every_tick:
            board.close_due(quote.time)
            board.mark(marks, quote.time)


def seconds(call: Callable[[], object]) -> float:
    """Median of some calls, after one to warm up."""
    call()
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def main() -> None:
    arguments(__doc__)
    quotes = play(made_up())
    how = f"{len(quotes):,} quotes of {len(SYMBOLS)} instruments, median of {REPEATS}; {MACHINE}"
    put = seconds(lambda: put_all(quotes, every_tick=False)) / len(quotes)
    figure("price_board_put_us", put * 1e6, "us", 2.0, f"bars of 1m; {how}", at_most=True)
    all_three = seconds(lambda: put_all(quotes, every_tick=True)) / len(quotes)
    figure(
        "price_board_tick_us",
        all_three * 1e6,
        "us",
        None,
        f"put, bars of 1m closed, {len(SYMBOLS)} instruments marked, after every quote; {how}",
    )
    whole = f"asked every {STEP_NS // SECOND_NS} s of the market; {how}"
    figure("synthetic_speed", SPAN_S / seconds(lambda: play(made_up())), "x", 600.0, whole)
    with tempfile.TemporaryDirectory() as folder:
        ticks = kept(quotes, Path(folder))

        def recorded() -> list[Quote]:
            return play(RecordedTicks(ticks, ManualClock(BEGIN), begin=BEGIN, name="disk"))

        if recorded() != quotes:
            raise SystemExit("the recorded ticks are not those that were kept")
        figure("recorded_ticks_speed", SPAN_S / seconds(recorded), "x", 600.0, whole)
    source = made_up()
    source.quotes(BEGIN + SPAN_S * SECOND_NS)
    history = seconds(lambda: source.history(SYMBOLS, 60, 500))
    figure("synthetic_history_s", history, "s", None, f"500 bars of 1m, all instruments; {MACHINE}")


if __name__ == "__main__":
    main()
