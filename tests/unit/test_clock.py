"""Clocks: the wall's, a market's that runs faster, and one that tests move."""

from __future__ import annotations

import time

import pytest

from infra.clock import ManualClock, PacedClock, WallClock
from market.errors import ConfigError

SECOND = 1_000_000_000
START = 1_400_000_000 * SECOND


class Machine:
    """A machine's two clocks, moved by the test: the wall may step, the other may not."""

    def __init__(self, wall: int) -> None:
        self.wall = wall
        self.running = 5 * SECOND

    def pass_time(self, nanoseconds: int) -> None:
        self.wall += nanoseconds
        self.running += nanoseconds


def paced(machine: Machine, speed: float, since: int | None = None) -> PacedClock:
    return PacedClock(
        START, speed, since, wall=lambda: machine.wall, elapsed=lambda: machine.running
    )


def test_the_wall_clock_tells_the_machines_time() -> None:
    before = time.time_ns()
    assert before <= WallClock().now() <= time.time_ns()


def test_a_paced_clock_begins_at_its_start_and_runs_at_its_speed() -> None:
    machine = Machine(wall=10**18)
    clock = paced(machine, 600.0)
    assert clock.now() == START
    machine.pass_time(3 * SECOND + 1)
    assert clock.now() == START + 1_800 * SECOND + 600


def test_no_nanosecond_is_lost_in_a_week() -> None:
    machine = Machine(wall=10**18)
    clock = paced(machine, 1.0)
    machine.pass_time(7 * 86_400 * SECOND + 1)
    assert clock.now() == START + 7 * 86_400 * SECOND + 1


def test_a_clock_made_anew_shows_what_the_old_one_would_show() -> None:
    machine = Machine(wall=10**18)
    old = paced(machine, 60.0)
    machine.pass_time(100 * SECOND)
    machine.running = 1  # another boot of the machine
    assert paced(machine, 60.0, old.since).now() == START + 6_000 * SECOND


def test_a_wall_that_steps_back_does_not_take_the_market_with_it() -> None:
    machine = Machine(wall=10**18)
    clock = paced(machine, 60.0)
    machine.pass_time(SECOND)
    machine.wall -= 3_600 * SECOND
    assert clock.now() == START + 60 * SECOND


def test_a_wall_before_the_beginning_shows_the_start() -> None:
    machine = Machine(wall=10**18)
    assert paced(machine, 60.0, since=10**18 + 50 * SECOND).now() == START


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(ConfigError, match="multiple of real time above 0"):
        PacedClock(START, speed)


def test_a_manual_clock_moves_when_told() -> None:
    clock = ManualClock(START)
    clock.advance(1.5)
    assert clock.now() == START + 1_500_000_000
    clock.advance(-2.0)
    assert clock.now() == START - 500_000_000
