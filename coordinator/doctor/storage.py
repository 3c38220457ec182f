"""Disks and folders: room, and whether they can be written."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from coordinator.doctor.finding import Finding, failed, passed, warned

GIB = 1024**3
LEAST_ROOM = 0.2 * GIB
ROOM = 2.0 * GIB
FULLEST_FOR_RAY = 0.95
"""Share of a disk in use from which Ray refuses to create objects."""


def nearest_folder(path: Path) -> Path:
    """The folder itself, or the closest one above it that exists."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.exists())


def refusal(folder: Path) -> str | None:
    """Why nothing can be written there; None when it can. Leaves nothing behind.

    A folder that does not exist yet is as good as the closest one above it.
    """
    try:
        with tempfile.TemporaryFile(dir=nearest_folder(folder)):
            return None
    except OSError as error:
        return error.strerror or str(error)


def writable(subject: str, folder: Path, mend: str, *, needed: bool = True) -> Iterator[Finding]:
    """Whether the folder can be written; one that is not needed warns only."""
    why = refusal(folder)
    if why is None:
        yield passed(subject, f"{folder} can be written")
    else:
        told = f"{folder} cannot be written: {why}"
        yield failed(subject, told, mend) if needed else warned(subject, told, mend)


def room(subject: str, folder: Path) -> Iterator[Finding]:
    """Whether a disk has room for results."""
    free = shutil.disk_usage(nearest_folder(folder)).free
    found = f"{free / GIB:.1f} GB free at {folder}"
    mend = f"free some space, or choose another folder than {folder}"
    if free < LEAST_ROOM:
        yield failed(subject, found, mend)
    elif free < ROOM:
        yield warned(subject, found, mend)
    else:
        yield passed(subject, found)


def room_for_ray(folder: Path) -> Iterator[Finding]:
    """Whether Ray's temporary folder is on a disk that it will use."""
    usage = shutil.disk_usage(nearest_folder(folder))
    used = 1.0 - usage.free / usage.total
    found = f"{folder} is on a disk that is {used:.0%} full"
    if used >= FULLEST_FOR_RAY:
        yield warned(
            "disk, Ray", found, "Ray stops making objects at 95%: free space, or set RAY_TMPDIR"
        )
    else:
        yield passed("disk, Ray", found)
