"""Ctrl-C as a wish that work takes note of, instead of an exception out of nowhere."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def ends() -> tuple[signal.Signals, ...]:
    """What asks a process that runs for long to end: Ctrl-C, SIGTERM and, where whoever started it
    has not had it ignored (nohup), a terminal that is closed.
    """
    hears = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    return (*STOP_SIGNALS, signal.SIGHUP) if hears else STOP_SIGNALS


@contextmanager
def interrupts_noted(
    *signals: signal.Signals,
) -> Iterator[Callable[[], bool]]:
    """Gives a function that says whether an interrupt has come; a second one ends the work at once.

    signals: what counts as one; Ctrl-C alone where none is named. Only the main thread receives
    them; elsewhere nothing is ever noted.
    """
    came = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield came.is_set
        return
    before = {one: signal.getsignal(one) for one in signals or (signal.SIGINT,)}

    def note(*_: object) -> None:
        came.set()
        restore()

    def restore() -> None:
        for one, handler in before.items():
            signal.signal(one, handler)

    for one in before:
        signal.signal(one, note)
    try:
        yield came.is_set
    finally:
        restore()
