"""How much memory a process holds, from time to time."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
MEGABYTE = 1e6


def resident(pid: int) -> int:
    """Bytes of a process that are in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


@dataclass(slots=True)
class Memory:
    """Of one process, a number of bytes at each look."""

    pid: int
    looks: list[int] = field(default_factory=list)

    def look(self) -> None:
        """How much it is now."""
        self.looks.append(resident(self.pid))

    def growth(self, share: float = 0.2) -> tuple[float, float]:
        """Means of the first and of the last looks, megabytes; share: of all, each."""
        count = max(1, round(len(self.looks) * share))
        first, last = self.looks[:count], self.looks[-count:]
        return sum(first) / count / MEGABYTE, sum(last) / count / MEGABYTE
