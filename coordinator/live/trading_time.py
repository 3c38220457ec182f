"""`TradingTime`: when the time is over for which a person wants a desk to trade."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

AT_WORK_WITHIN_S = 180.0
"""A desk that is heard and does not get to work for so long uses its time up all the same."""


def missing(told: Mapping[str, Any]) -> str:
    """Whom a desk is without, by its status, that its decisions count on; empty for nobody. An
    agent without weight is counted on by none.
    """
    if told["waiting"]:
        return str(told["waiting"])
    if not told["coordinator_attached"]:
        return "the coordinator is not there yet"
    weights = told["weights"]
    away = [
        name
        for name, one in told.get("agents", {}).items()
        if one["seated"] and not one["here"] and weights.get(name, 0.0) > 0.0
    ]
    if not told.get("guardian_here", False):
        away.append("the guardian")
    return f"without {', '.join(away)} so far" if away else ""


class TradingTime:
    """Real time, counted from when a desk is at work: a first start compiles for a minute or two,
    and what it decides until then is nothing.

    for_s: how long; infinite for one that trades until somebody stops it. clock: seconds that never
    step back.
    """

    def __init__(self, for_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._for_s = for_s
        self._clock = clock
        self._until = math.inf
        self.begun = False

    def heard(self, told: Mapping[str, Any]) -> None:
        """A status of the desk came."""
        if not self.begun:
            self.begun = not missing(told)
            patience_s = 0.0 if self.begun else AT_WORK_WITHIN_S
            self._until = min(self._until, self._clock() + patience_s + self._for_s)

    @property
    def over(self) -> bool:
        """Whether the time is over."""
        return self._clock() >= self._until
