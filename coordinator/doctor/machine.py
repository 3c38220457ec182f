"""Processors, memory, shared memory and the clock."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from coordinator.doctor.finding import Finding, failed, passed, warned

GIB = 1024**3
DESK_MEMORY = 2.5 * GIB
"""Ray without its dashboard 0.7 GB, and about 0.15 GB for each of nine processes."""
LEAST_MEMORY = 1.0 * GIB
OBJECT_STORE = 0.25 * GIB
"""What `infra.runtime` asks for when it starts Ray."""
TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""
TIMEX_BYTES = 256


def memory(available: float | None) -> Iterator[Finding]:
    """Whether the desk's processes fit. available: bytes; None if unknown."""
    if available is None:
        yield passed("memory", "this system does not tell; a desk takes about 2.5 GB")
        return
    found = f"{available / GIB:.1f} GB available; a desk takes about 2.5 GB"
    if available < LEAST_MEMORY:
        yield failed("memory", found, "end other programs, or take a larger machine")
    elif available < DESK_MEMORY:
        yield warned("memory", found, "seat fewer agents (--agents), or end other programs")
    else:
        yield passed("memory", found)


def processors(count: int) -> Iterator[Finding]:
    """Whether more than one process can run. count: of usable processors."""
    if count < 2:
        yield warned("processors", "1", "it works, slowly; two or more are better")
    else:
        yield passed("processors", str(count))


def usable_processors() -> int:
    """Of this process, where the system tells; else of the machine."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def shared_memory(folder: Path = Path("/dev/shm")) -> Iterator[Finding]:
    """Whether Ray's object store fits into shared memory; else Ray puts it on disk, slower."""
    if not folder.is_dir():
        yield passed("shared memory", f"no {folder} on this system: Ray uses files")
        return
    free = shutil.disk_usage(folder).free
    found = f"{free / GIB:.1f} GB free; a local Ray takes 0.25 GB"
    if free < OBJECT_STORE:
        yield warned("shared memory", found, "in a container: docker run --shm-size=1g")
    else:
        yield passed("shared memory", found)


def clock(
    now: datetime, newest_data: datetime | None, synchronised: bool | None
) -> Iterator[Finding]:
    """Whether the clock can be believed.

    now: UTC. newest_data: UTC of the newest price at hand; a clock before it is wrong.
    synchronised: as the system says; None if it does not.
    """
    found = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if newest_data is not None and now < newest_data:
        yield failed(
            "clock",
            f"{found}, before the newest price ({newest_data:%Y-%m-%d})",
            "set the system's clock: timedatectl set-ntp true",
        )
    elif synchronised is False:
        yield warned(
            "clock",
            f"{found}, not synchronised; replay does not mind, live trading does",
            "timedatectl set-ntp true, or install chrony",
        )
    else:
        yield passed("clock", found + (", synchronised" if synchronised else ""))


def clock_synchronised() -> bool | None:
    """Whether the kernel's clock is disciplined (adjtimex(2)); None where it does not tell."""
    query: Callable[[ctypes.Array[ctypes.c_char]], int] | None
    query = getattr(ctypes.CDLL(None), "adjtimex", None) if sys.platform == "linux" else None
    if query is None:
        return None
    state = query(ctypes.create_string_buffer(TIMEX_BYTES))  # all zero: read, change nothing
    return None if state < 0 else state != TIME_ERROR


def utc_now() -> datetime:
    """The clock that is examined."""
    return datetime.now(UTC)
