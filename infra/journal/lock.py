"""One writer: a lock beside the journal that dies with the process that holds it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from market.errors import JournalUnwritable


class Locked(JournalUnwritable):
    """Another process holds the lock."""


def lock(path: Path) -> int:
    """The descriptor that holds the lock, to be closed. Raises Locked where another holds it,
    JournalUnwritable where it cannot be made.
    """
    beside = _beside(path)
    try:
        descriptor = os.open(beside, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise JournalUnwritable(
            f"the journal {path} cannot be written: {error.strerror}; make the folder writable, "
            "or choose another"
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise Locked(
            f"another desk writes {path}; stop it first, or choose another folder"
        ) from None
    return descriptor


def is_locked(path: Path) -> bool:
    """Whether somebody writes this journal now, or may."""
    try:
        descriptor = os.open(_beside(path), os.O_RDWR)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # somebody else's, who may
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".lock")
