"""`RayMeters`: measures on Ray's dashboard, and for whichever Prometheus reads Ray's."""

from __future__ import annotations

from ray.util.metrics import Counter, Gauge, Histogram

from infra.metrics import MEASURES, Measure

_Tags = dict[str, str]


class RayMeters:
    """Tells Ray, which adds up and exports beside the desk: one call takes a microsecond or two.

    Belongs into a process that is connected to Ray. desk: its session, a tag of every series.
    """

    def __init__(self, desk: str) -> None:
        self._desk = desk
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        self._tags: dict[tuple[str, str], _Tags] = {}
        for measure in MEASURES:
            keys = ("desk", measure.by) if measure.by else ("desk",)
            if measure.kind == "counter":
                self._counters[measure.name] = Counter(
                    measure.name, description=measure.about, tag_keys=keys
                )
            elif measure.kind == "gauge":
                self._gauges[measure.name] = Gauge(
                    measure.name, description=measure.about, tag_keys=keys
                )
            else:
                self._histograms[measure.name] = Histogram(
                    measure.name,
                    description=measure.about,
                    boundaries=list(measure.bounds),
                    tag_keys=keys,
                )

    def count(self, measure: Measure, times: float = 1.0, of: str = "") -> None:
        """A counter rises."""
        if times > 0.0:  # Ray raises otherwise, and nothing here may stop a desk
            self._counters[measure.name].inc(times, self._of(measure, of))

    def show(self, measure: Measure, value: float, of: str = "") -> None:
        """A gauge is now at a value."""
        self._gauges[measure.name].set(value, self._of(measure, of))

    def observe(self, measure: Measure, value: float, of: str = "") -> None:
        """A histogram has one value more."""
        self._histograms[measure.name].observe(value, self._of(measure, of))

    def _of(self, measure: Measure, of: str) -> _Tags:
        known = self._tags.get((measure.by, of))
        if known is None:
            known = {"desk": self._desk} | ({measure.by: of} if measure.by else {})
            self._tags[measure.by, of] = known
        return known
