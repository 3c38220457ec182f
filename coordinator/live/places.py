"""`Place`: a place at a live committee's table, and where its ballots go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place at the table: the agent's name, its lookback and the names of its evidence rows."""

    name: str
    lookback: int
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Of a place: its row of the scores, and its rows of the evidence from first to before stop."""

    score: int
    first: int
    stop: int


def rows_by_name(places: Sequence[Place]) -> dict[str, Rows]:
    """Where the ballots of each place go, in the order of the tally."""
    found, first = {}, 0
    for score, place in enumerate(places):
        stop = first + len(place.evidence)
        found[place.name] = Rows(score=score, first=first, stop=stop)
        first = stop
    return found
