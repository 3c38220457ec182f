"""`Progress`: where a session stands, for people who watch it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a session stands, for people who watch it."""

    bars: int
    time: int
    equity: float
    drawdown: float
    positions: tuple[tuple[str, float], ...]
    last_decision: str
    fills: int
    refusals: int
