"""The folder of a run."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from market.errors import RunFolderError


def new_run_folder(out: Path, session: str) -> Path:
    """A new `<UTC time>-<session>` in `out`; numbered where two start in one second.

    Raises RunFolderError where it cannot be made or written.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    try:
        out.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            folder = out / (f"{stamp}-{session}" if number == 1 else f"{stamp}-{session}-{number}")
            try:
                folder.mkdir()
                break
            except FileExistsError:
                continue
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise RunFolderError(
            f"the run folder {out} cannot be written: {error.strerror}. "
            "Choose another with --out, or make this one writable."
        ) from None
    return folder
