"""Waiting for a call that may never come back, such as a job in a device's queue."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Protocol, TypeVar

from agents.optimizer.stopwatch import DeadlinePassed, Stopwatch

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
CANCEL_S = 1.0
"""Seconds that asking a backend to cancel may take."""


class Job(Protocol[T_co]):
    """Qiskit's `BasePrimitiveJob`, as far as it is needed here."""

    def result(self) -> T_co: ...

    def cancel(self) -> object: ...


def result_within(stopwatch: Stopwatch, job: Job[T]) -> T:
    """The result of a submitted job; one that is late is asked to cancel and left behind.

    Only the waiting is done on a thread of its own: objects of Qiskit's transpiler that were made
    on one thread crash on another. Raises DeadlinePassed, or what the job raises.
    """
    try:
        return within(stopwatch, job.result)
    except DeadlinePassed:
        # A job that cannot be cancelled any more, or a backend that is gone, changes nothing.
        with contextlib.suppress(Exception):
            within(Stopwatch(CANCEL_S), job.cancel)
        raise


def within(stopwatch: Stopwatch, call: Callable[[], T]) -> T:
    """What `call` returns, or DeadlinePassed once no time is left; then it runs on unheard.

    Where there is no limit it is called here and waited for. Raises what `call` raises.
    """
    stopwatch.check()
    left_s = stopwatch.left_s
    if left_s is None:
        return call()
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:
            answer.set_exception(error)

    # A daemon: a call that never returns must not keep the process from ending.
    threading.Thread(target=run, daemon=True, name="optimizer-backend").start()
    wait([answer], timeout=left_s)
    if not answer.done():
        raise DeadlinePassed(f"the backend did not answer within the {left_s:.3g} s that were left")
    stopwatch.check()
    return answer.result()
