"""`StageGrant`: what a practice desk has shown, for a desk whose orders move real money."""

from __future__ import annotations

from dataclasses import dataclass

from market.stages import CapitalStage

GRANTED_BY = "practice desk"
"""Who moves a real desk to its first stage, on record."""


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

    @property
    def said(self) -> str:
        """For the record."""
        return f"practice desk {self.session} stands at {self.stage}, its journal at {self.digest}"
