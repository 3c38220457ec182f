"""The results in the run's folder: metrics.json, equity.parquet, trades.parquet."""

from __future__ import annotations

import json
import os
from io import BytesIO
from pathlib import Path

import pandas as pd

from coordinator.results.summary import Results
from market.errors import RunFolderError


def write_results(results: Results, run: Path) -> tuple[Path, ...]:
    """Write each file whole or not at all; returns their paths.

    Raises RunFolderError where the folder cannot be written or the disk is full; files that
    were there before are then left as they were.
    """
    text = json.dumps(results.as_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    contents = {
        run / "metrics.json": text.encode(),
        run / "equity.parquet": _parquet(results.curve),
        run / "trades.parquet": _parquet(results.trades),
    }
    for path, content in contents.items():
        write_whole(path, content)
    return tuple(contents)


def write_whole(path: Path, content: bytes, *, kept: str | None = None) -> None:
    """Put a file in place in one step: nobody ever sees a part of it.

    kept: what is safe all the same and how to write again, where that is no journal of a run.
    Raises RunFolderError; the file that was there before is then unharmed.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True) if path.parent.is_dir() else None
        safe = kept or (
            f"The run itself is safe in {path.parent / 'journal.sqlite'}; free disk space or make "
            f"the folder writable, then write the results again with: quorum report {path.parent}"
        )
        raise RunFolderError(
            f"{path} cannot be written: {error.strerror or error}. {safe}"
        ) from None


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()
