"""Faults on demand: what a broker does to its clients on a bad day, seeded and said beforehand."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from market.errors import InvalidError

TRADING = ("place_all", "cancel", "replace", "close", "reduce")
REFUSED = "REFUSED_ON_DEMAND: a fault that was asked for"


class Fault(StrEnum):
    """What happens to one request. Before: it has no effect. After: it has, and nobody is told."""

    NONE = "none"
    DELAY = "delay"
    SILENT_BEFORE = "silent before"
    SILENT_AFTER = "silent after"
    DROP_BEFORE = "drop before"
    DROP_AFTER = "drop after"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """script: the faults of the next requests, in order. rates: after these, the probability of
    each fault for every request. verbs: the requests that are struck. delay_s: real time between
    the effect and a delayed answer.
    """

    script: tuple[Fault, ...] = ()
    rates: tuple[tuple[Fault, float], ...] = ()
    seed: int = 0
    verbs: tuple[str, ...] = TRADING
    delay_s: float = 0.05

    def __post_init__(self) -> None:
        total = sum(rate for _, rate in self.rates)
        if not (total <= 1.0 and all(rate >= 0.0 for _, rate in self.rates)):
            raise InvalidError(f"the rates of faults must add up to at most 1, found {self.rates}")


class Faults:
    """Draws a fault for each request."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self._script = deque(plan.script)
        self._random = np.random.default_rng(plan.seed)

    def strike(self, verb: str) -> Fault:
        """What happens to this request."""
        if verb not in self.plan.verbs:
            return Fault.NONE
        if self._script:
            return self._script.popleft()
        if not self.plan.rates:
            return Fault.NONE
        drawn = float(self._random.random())
        for fault, rate in self.plan.rates:
            if drawn < rate:
                return fault
            drawn -= rate
        return Fault.NONE
