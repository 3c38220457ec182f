"""Who sits on a committee."""

from __future__ import annotations

from dataclasses import dataclass

MOST_WEIGHT = 1_000.0
"""Weights are added up and compared: far beyond this one alone would decide, or none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSeated:
    """A member of the committee: its weight, lookback and the names of its evidence rows."""

    name: str
    weight: float
    lookback: int
    evidence: tuple[str, ...]
    source: str
