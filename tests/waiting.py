"""To wait until something holds of which nothing says so by itself."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any, TypeVar

from infra.live.asking import ask_desk
from infra.live.home import DeskHome
from market.errors import QuorumError
from market.live_messages import Command

WITHIN_S = 20.0
DESK_WITHIN_S = 240.0
"""For a desk of many processes on a machine that has others."""
ASK_S = 5.0
Seen = TypeVar("Seen")
Over = Callable[[float], bool]
"""Whether what is waited for can come no more; takes as many seconds as it is given, if need be."""


def _never(pause_s: float) -> bool:
    time.sleep(pause_s)
    return False


def until(
    look: Callable[[], Seen | None],
    what: str = "it came to hold",
    within_s: float = WITHIN_S,
    *,
    pause_s: float = 0.002,
    over: Over = _never,
) -> Seen:
    """What a look gives once it is anything; fail where it is nothing by the deadline, or where it
    is over before.
    """
    deadline = time.monotonic() + within_s
    while not (seen := look()):
        assert time.monotonic() < deadline, f"never: {what}"
        assert not over(pause_s), f"over before: {what}"
    return seen


def desk_told(
    home: DeskHome,
    enough: Callable[[dict[str, Any]], object],
    what: str = "the desk's status was enough",
    within_s: float = DESK_WITHIN_S,
    *,
    over: Over = _never,
) -> dict[str, Any]:
    """The desk's status, the first that is enough; a gateway that is down is asked again."""

    def look() -> dict[str, Any] | None:
        try:
            told = dict(ask_desk(home, Command(name="status"), ASK_S).told)
        except QuorumError:
            return None
        return told if enough(told) else None

    return until(look, what, within_s, pause_s=0.05, over=over)


def ended(process: subprocess.Popen[str]) -> Over:
    """Over once this process has ended."""

    def over(pause_s: float) -> bool:
        try:
            process.wait(pause_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    return over
