"""A number for a glance, and what it is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from agents.guardian.assessment.uses import LimitUse


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePart:
    """One limit: bound, what set it; used, the part of it that is used, NaN unknown; score: what of
    100 is left."""

    code: str
    bound: str
    of: str
    used: float
    score: float


def score_parts(uses: Sequence[LimitUse]) -> tuple[ScorePart, ...]:
    """Of every limit, what of it is left: 100 × (1 − used), 0 where breached or unknown; the
    scarcest first.
    """
    parts = [
        ScorePart(code=use.code, bound=use.bound, of=use.of, used=use.used, score=left(use.used))
        for use in uses
    ]
    return tuple(sorted(parts, key=lambda part: (part.score, -_finite(part.used))))


def left(used: float) -> float:
    """What of 100 is left of a limit."""
    return 0.0 if math.isnan(used) else 100.0 * min(max(1.0 - used, 0.0), 1.0)


def overall_score(parts: Sequence[ScorePart]) -> float:
    """The lowest part: a book is as far from its limits as it is from the nearest. A mean would
    hide one limit that is breached behind ten that are not used.
    """
    return min((part.score for part in parts), default=0.0)


def _finite(used: float) -> float:
    return math.inf if math.isnan(used) else used
