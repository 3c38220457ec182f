"""What asks a desk's command to end, and that it is noted instead of striking out of nowhere."""

from __future__ import annotations

import os
import signal

import pytest

from coordinator.interrupts import ends, interrupts_noted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_way_to_end_a_command_is_noted_once_and_then_as_it_was(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with interrupts_noted(*ends()) as interrupted:
        assert not interrupted()
        os.kill(os.getpid(), number)
        assert interrupted()
        assert signal.getsignal(number) is before, "a second one ends it at once"


def test_a_closed_terminal_ends_nothing_that_was_started_so_as_to_outlive_it() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert ends() == (signal.SIGINT, signal.SIGTERM)
    finally:
        signal.signal(signal.SIGHUP, before)
