"""Code and libraries that are others now than when a run was made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coordinator.explain.seating import SeatAgain

Versions = Sequence[tuple[str, str]]
DESK_CODE = "the desk's arithmetic"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionChange:
    """name: of a library, or the code in words. recorded, running: None where there is none."""

    name: str
    recorded: str | None
    running: str | None

    def __str__(self) -> str:
        recorded, running = self.recorded or "unknown", self.running or "not installed"
        return f"{self.name}: recorded {recorded}, running {running}"


def changed_versions(recorded: Versions, running: Versions, code: str, running_code: str) -> tuple[
    VersionChange, ...
]:  # fmt: skip
    """Which differ. code: digest of the desk's arithmetic that is noted beside the journal, empty
    where it is not.
    """
    now = dict(running)
    changes = [
        VersionChange(name=name, recorded=said, running=now.get(name))
        for name, said in recorded
        if now.get(name) != said
    ]
    if code and code != running_code:
        changes.append(VersionChange(name=DESK_CODE, recorded=code, running=running_code))
    return tuple(changes)


def changed_agents(seats: Iterable[SeatAgain]) -> tuple[str, ...]:
    """In words, whose code differs."""
    return tuple(dict.fromkeys(seat.changed for seat in seats if seat.changed is not None))
