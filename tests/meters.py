"""Meters that remember what they were told."""

from __future__ import annotations

from collections import Counter, defaultdict

from infra.metrics import Measure

Series = tuple[str, str]


class RecordingMeters:
    """counted, shown, observed: by the name of a measure and the series of it."""

    def __init__(self) -> None:
        self.counted: Counter[Series] = Counter()
        self.shown: dict[Series, float] = {}
        self.observed: defaultdict[Series, list[float]] = defaultdict(list)

    def count(self, measure: Measure, times: float = 1.0, of: str = "") -> None:
        assert measure.kind == "counter"
        assert times >= 0.0, "a counter only rises"
        assert bool(of) == bool(measure.by)
        self.counted[measure.name, of] += times  # type: ignore[assignment]

    def show(self, measure: Measure, value: float, of: str = "") -> None:
        assert measure.kind == "gauge"
        assert bool(of) == bool(measure.by)
        self.shown[measure.name, of] = value

    def observe(self, measure: Measure, value: float, of: str = "") -> None:
        assert measure.kind == "histogram"
        assert bool(of) == bool(measure.by)
        self.observed[measure.name, of].append(value)
