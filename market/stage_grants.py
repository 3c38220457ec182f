"""`StageGrant`: what a practice desk has shown, for a desk whose orders move real money."""

from __future__ import annotations

from dataclasses import dataclass

from market.stages import CapitalStage

GRANTED_BY = "practice desk"
"""Who moves a real desk to its first stage, on record."""

GOOD_FOR_NS = 30 * 86_400_000_000_000
"""How long after the promotion a grant may be taken up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageGrant:
    """From the verified journal of a practice desk.

    session: of that desk. digest: hash of the newest event of its journal, hexadecimal. stage:
    where it stands. since: market time of its newest promotion, UTC nanoseconds. evidence: every
    figure by name, as that promotion recorded it.
    """

    session: str
    digest: str
    stage: CapitalStage
    since: int
    evidence: tuple[tuple[str, float], ...]

    def has_lapsed(self, now: int) -> bool:
        """Whether what it rests on was shown too long ago. now: market time, UTC nanoseconds."""
        return now - self.since > GOOD_FOR_NS

    @property
    def said(self) -> str:
        """For the record."""
        return f"practice desk {self.session} stands at {self.stage}, its journal at {self.digest}"
