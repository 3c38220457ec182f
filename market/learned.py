"""What a desk has foretold and learned, as far as it is needed to go on after a restart."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from market.bars import Floats
from market.conversion import Indices
from market.events import CalibrationFitted, Event
from market.live_events import ForecastMade


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """The newest S forecasts of N traded instruments, oldest first, and the table in force.

    sequence, time: (S,) of the bars decided on. side, confidence, leader, probability: (S, N), as
    of `ForecastMade`. fitted: what took effect last.
    """

    sequence: Indices = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    time: Indices = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    side: Floats = field(default_factory=lambda: np.empty((0, 0)))
    confidence: Floats = field(default_factory=lambda: np.empty((0, 0)))
    leader: Indices = field(default_factory=lambda: np.empty((0, 0), dtype=np.int64))
    probability: Floats = field(default_factory=lambda: np.empty((0, 0)))
    fitted: CalibrationFitted | None = None


class LearnedFold:
    """Folds forecasts and fits; keeps the newest `rows` forecasts."""

    def __init__(self, rows: int, kept: Learned | None = None) -> None:
        self._forecasts: deque[ForecastMade] = deque(maxlen=rows)
        self._fitted: CalibrationFitted | None = None
        if kept is not None:
            self._fitted = kept.fitted
            self._forecasts.extend(_forecasts(kept))

    def apply(self, event: Event) -> None:
        """Take in the next event; others than these two change nothing."""
        if isinstance(event, ForecastMade):
            self._forecasts.append(event)
        elif isinstance(event, CalibrationFitted):
            self._fitted = event

    def snapshot(self) -> Learned:
        """All of it as one value that shares nothing with the fold."""
        kept = self._forecasts
        if not kept:
            return Learned(fitted=self._fitted)
        return Learned(
            sequence=np.array([one.sequence for one in kept], dtype=np.int64),
            time=np.array([one.time for one in kept], dtype=np.int64),
            side=np.stack([one.side for one in kept]),
            confidence=np.stack([one.confidence for one in kept]),
            leader=np.stack([one.leader for one in kept]),
            probability=np.stack([one.probability for one in kept]),
            fitted=self._fitted,
        )


def _forecasts(kept: Learned) -> list[ForecastMade]:
    """They as events again."""
    return [
        ForecastMade(
            sequence=int(kept.sequence[row]),
            time=int(time),
            side=kept.side[row],
            confidence=kept.confidence[row],
            leader=kept.leader[row],
            probability=kept.probability[row],
        )
        for row, time in enumerate(kept.time)
    ]
