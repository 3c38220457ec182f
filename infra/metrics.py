"""What is measured while a desk trades, and `Meters`: whoever is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One thing that is measured. by: what tells its series apart, such as the agent; empty: one.

    kind: a counter only rises, a gauge is as it is now, a histogram counts values by size.
    bounds: upper ones of a histogram's classes.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    about: str
    by: str = ""
    bounds: tuple[float, ...] = ()


SECONDS = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1.0)
BPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""A fill that was better than decided falls into the first class."""

DECISIONS: Final = Measure(
    name="quorum_decisions", kind="counter", about="Decisions that the committee took"
)
DECISION_SECONDS: Final = Measure(
    name="quorum_decision_seconds",
    kind="histogram",
    about="From a bar's arrival to the guardian's verdict, seconds",
    bounds=SECONDS,
)
VOTE_SECONDS: Final = Measure(
    name="quorum_vote_seconds",
    kind="histogram",
    about="From asking an agent to its ballot, seconds",
    by="agent",
    bounds=SECONDS,
)
ABSTENTIONS: Final = Measure(
    name="quorum_abstentions",
    kind="counter",
    about="Votes that were not cast: late, away, behind, starting or failed",
    by="reason",
)
REVIEW_SECONDS: Final = Measure(
    name="quorum_tally_to_verdict_seconds",
    kind="histogram",
    about="From the tally to the guardian's verdict, seconds",
    bounds=SECONDS,
)
REFUSALS: Final = Measure(
    name="quorum_refusals", kind="counter", about="Proposals that a limit refused", by="limit"
)
ORDERS: Final = Measure(name="quorum_orders", kind="counter", about="Orders sent to the broker")
FILLS: Final = Measure(
    name="quorum_fills", kind="counter", about="Fills booked, exits among them", by="reason"
)
SLIPPAGE_BPS: Final = Measure(
    name="quorum_slippage_bps",
    kind="histogram",
    about="Fill against the mid that was decided on, basis points; a cost is positive",
    bounds=BPS,
)
EQUITY: Final = Measure(
    name="quorum_equity", kind="gauge", about="Of the desk's own books, account currency"
)
DRAWDOWN: Final = Measure(
    name="quorum_drawdown",
    kind="gauge",
    about="1 - equity over its peak since the gateway took up its work, or the first balance",
)
DATA_AGE_SECONDS: Final = Measure(
    name="quorum_data_age_seconds", kind="gauge", about="Since the broker's last quote, wall time"
)
SKIPPED_QUOTES: Final = Measure(
    name="quorum_skipped_quotes",
    kind="counter",
    about="Quotes that newer ones replaced before anyone looked",
)
MISSED_BARS: Final = Measure(
    name="quorum_missed_bars", kind="counter", about="Bars that closed while nobody decided"
)
JOURNAL_LAG_SECONDS: Final = Measure(
    name="quorum_journal_lag_seconds",
    kind="histogram",
    about="How long what had to be durable first held up the desk, seconds",
    bounds=SECONDS,
)
ANCHOR_FAILURES: Final = Measure(
    name="quorum_anchor_failures",
    kind="counter",
    about="Anchors of the journal that could not be written or posted",
)

MEASURES: Final = (
    DECISIONS, DECISION_SECONDS, VOTE_SECONDS, ABSTENTIONS, REVIEW_SECONDS, REFUSALS, ORDERS,
    FILLS, SLIPPAGE_BPS, EQUITY, DRAWDOWN, DATA_AGE_SECONDS, SKIPPED_QUOTES, MISSED_BARS,
    JOURNAL_LAG_SECONDS, ANCHOR_FAILURES,
)  # fmt: skip


class Meters(Protocol):
    """Told what happened, on the path of a decision: an answer is never waited for.

    of: which series of a measure that has several.
    """

    def count(self, measure: Measure, times: float = 1.0, of: str = "") -> None:
        """A counter rises."""
        ...

    def show(self, measure: Measure, value: float, of: str = "") -> None:
        """A gauge is now at a value."""
        ...

    def observe(self, measure: Measure, value: float, of: str = "") -> None:
        """A histogram has one value more."""
        ...


class NoMeters:
    """Measures nothing: in tests, replays and benchmarks."""

    def count(self, measure: Measure, times: float = 1.0, of: str = "") -> None:
        """Nothing."""

    def show(self, measure: Measure, value: float, of: str = "") -> None:
        """Nothing."""

    def observe(self, measure: Measure, value: float, of: str = "") -> None:
        """Nothing."""


NO_METERS: Final = NoMeters()
