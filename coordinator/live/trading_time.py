"""`TradingTime`: when the time is over for which a person wants a desk to trade."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

AT_WORK_WITHIN_S = 180.0
"""A desk that is heard and does not get to work for so long uses its time up all the same."""


def missing(told: Mapping[str, Any]) -> str:
    """What keeps the desk from deciding on what comes, by its status; empty where nothing does."""
    if told["waiting"]:
        return str(told["waiting"])
    if not told["coordinator_attached"]:
        return "the coordinator is not there yet"
    agents = told.get("agents", {})
    away = [name for name, one in agents.items() if one["seated"] and not one["here"]]
    if not told.get("guardian_here", False):
        away.append("the guardian")
    return f"without {', '.join(away)} so far" if away else ""


class TradingTime:
    """Real time, counted from when the desk is at work: a first start compiles for a minute, and
    what it has decided by then is nothing.

    for_s: how long; infinite for one that trades until somebody stops it. clock: seconds that never
    step back.
    """

    def __init__(self, for_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._for_s = for_s
        self._clock = clock
        self._until = math.inf
        self._works = False

    def heard(self, told: Mapping[str, Any]) -> None:
        """A status of the desk came."""
        if not self._works:
            self._works = not missing(told)
            patience_s = 0.0 if self._works else AT_WORK_WITHIN_S
            self._until = min(self._until, self._clock() + patience_s + self._for_s)

    @property
    def over(self) -> bool:
        """Whether it is."""
        return self._clock() >= self._until
