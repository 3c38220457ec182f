"""What a benchmark is told on its command line: `--help` and what it does not know stop it."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path


def arguments(
    about: str | None,
    *,
    seed: int | None = None,
    parts: Collection[str] = (),
    folder: str = "",
    given: Sequence[str] | None = None,
) -> argparse.Namespace:
    """The command line, which ends the process where it asks for help or cannot be read.

    about: the docstring of the benchmark. seed: the default of `--seed`, None where a benchmark
    draws nothing. parts: what may be named to be measured alone; all of them where none is. folder:
    what a folder that must be named is, in words; empty where none must. given: what stands on the
    command line, None for that of the process. `short` is read by
    `figures.SHORT` already, before a benchmark's sizes are worked out.
    """
    parser = argparse.ArgumentParser(
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--short", action="store_true", help="less of everything")
    if seed is not None:
        parser.add_argument("--seed", type=int, default=seed, help=f"of what is drawn ({seed})")
    if parts:
        parser.add_argument("parts", nargs="*", metavar="PART", help=f"of: {', '.join(parts)}")
    if folder:
        parser.add_argument("folder", type=Path, metavar="FOLDER", help=folder)
    read = parser.parse_intermixed_args(given)
    if folder and not read.folder.is_dir():
        parser.error(f"expected {folder}, found no folder {read.folder}")
    if parts:
        unknown = sorted(set(read.parts) - set(parts))
        if unknown:
            parser.error(f"no part {', '.join(unknown)}; expected some of {', '.join(parts)}")
        read.parts = [part for part in parts if not read.parts or part in read.parts]
    return read
