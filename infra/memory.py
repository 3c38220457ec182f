"""How much memory is at hand."""

from __future__ import annotations

from pathlib import Path


def available_memory(
    meminfo: Path = Path("/proc/meminfo"), limit: Path = Path("/sys/fs/cgroup/memory.max")
) -> float | None:
    """Bytes that can be had without swapping, within a container's limit; None if unknown."""
    if not meminfo.is_file():
        return None
    lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
    if "MemAvailable" not in lines:
        return None
    available = float(lines["MemAvailable"].split()[0]) * 1024
    stated = limit.read_text().strip() if limit.is_file() else "max"
    return min(available, float(stated)) if stated.isdecimal() else available
