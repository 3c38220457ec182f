"""How soon a breaker is told and on record after its tick, and a desk stopped in an emergency."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.guarding.desk import StoppedDesk, Ticks, quote_of, stopped_desk
from benchmarks.measuring.figures import SHORT
from market.breaker_rules import PRICE_FALL

INSTRUMENTS = 100
TRIPS = 20 if SHORT else INSTRUMENTS
STOPS = 2 if SHORT else 5
PRICES_SPEED = 30.0
SLOW_SPEED = 1.0
"""Slow enough that orders still wait when the desk is stopped."""
WITHIN_S = 60.0
SECOND_NS = 1_000_000_000
Figure = dict[str, Any]


def figures() -> Iterator[Figure]:
    """The arguments of `figure`, one figure after the other."""
    with tempfile.TemporaryDirectory(prefix="q") as name:
        yield from _alerts(Path(name))
    with tempfile.TemporaryDirectory(prefix="q") as name:
        yield from _stops(Path(name))


def _alerts(folder: Path) -> Iterator[Figure]:
    """Each tick is a fall of a fifth, in one instrument after the other."""
    told, recorded = np.empty(TRIPS), np.empty(TRIPS)
    with stopped_desk(INSTRUMENTS, folder, PRICES_SPEED) as desk:
        ticks = Ticks()
        now = desk.gateway.now + SECOND_NS
        with desk.running(ticks):
            ticks.put(*(quote_of(symbol, now, 1.0) for symbol in desk.symbols))
            for n, symbol in enumerate(desk.symbols[:TRIPS]):
                _wait(desk, "heard", partial(_heard, desk, now))
                now += SECOND_NS
                desk.stamps.clear()
                began = time.perf_counter()
                ticks.put(quote_of(symbol, now, 0.8))
                _wait(desk, "on record", lambda: desk.stamps.times.get("durable", 0) > 0)
                told[n] = desk.stamps.at[f"alert {PRICE_FALL}"] - began
                recorded[n] = desk.stamps.first["durable"] - began
                now += 400 * SECOND_NS
                ticks.put(quote_of(symbol, now, 0.8))
                _wait(desk, "heard", partial(_heard, desk, now))
                desk.ask("resume")
    how = f"{TRIPS} ticks that trip, {INSTRUMENTS} instruments, through the gateway's loop"
    for name, seconds in (("alert", told), ("alert_recorded", recorded)):
        yield {
            "name": f"{name}_max_ms",
            "value": float(seconds.max()) * 1e3,
            "unit": "ms",
            "reach": 50.0,
            "how": how if name == "alert" else f"{how}; durable in the journal",
            "at_most": True,
        }


def _stops(folder: Path) -> Iterator[Figure]:
    """Positions in every instrument and an order that waits in each; then `flatten`."""
    cancelled, closed, waited = np.empty(STOPS), np.empty(STOPS), np.empty(STOPS)
    with stopped_desk(INSTRUMENTS, folder, SLOW_SPEED) as desk:
        for n in range(STOPS):
            desk.order(1_000.0)
            desk.filled()
            held = np.count_nonzero(desk.gateway.books.state.ledger.units)
            if held != INSTRUMENTS:
                raise AssertionError(f"expected {INSTRUMENTS} positions, found {held}")
            desk.order(1_000.0)
            desk.stamps.clear()
            with desk.running():
                began = time.perf_counter()
                desk.ask("flatten")
                cancelled[n] = desk.stamps.at["cancel"] - began
                waited[n] = desk.stamps.times["cancel"]
                _wait(desk, "flat", lambda: desk.gateway.books.state.mode == "HALTED")
                closed[n] = desk.stamps.at["close"] - began
                desk.ask("resume")
    how = (
        f"{INSTRUMENTS} positions, {int(waited.min())} or more working orders, {STOPS} times, from "
        "the command on the gateway's socket; paper exchange in a process of its own"
    )
    yield {
        "name": "emergency_stop_last_cancel_max_ms",
        "value": float(cancelled.max()) * 1e3,
        "unit": "ms",
        "reach": 500.0,
        "how": how,
        "at_most": True,
    }
    yield {
        "name": "emergency_stop_last_close_max_ms",
        "value": float(closed.max()) * 1e3,
        "unit": "ms",
        "reach": None,
        "how": f"{how}; a position is closed once its order is cancelled",
    }


def _heard(desk: StoppedDesk, now: int) -> bool:
    return desk.gateway.now >= now


def _wait(desk: StoppedDesk, what: str, holds: Callable[[], bool]) -> None:
    until = time.monotonic() + WITHIN_S
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError(f"never {what}: {desk.stamps.at}")
        time.sleep(0.0005)
