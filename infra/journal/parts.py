"""The files of a journal: `journal.sqlite`, then `journal.part1.sqlite` and so on, as each is full.

The chain and the numbers of events run on through them. Only the last is written; the first keeps
its name, so that a journal is where it always was.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.journal.rows import first_number, row_at, stored_rows
from infra.journal.schema import open_to_read, schema_of
from market.errors import JournalError


def part(path: Path, number: int) -> Path:
    """The file of that number; 0 is the journal's own."""
    return path if number == 0 else path.with_name(f"{path.stem}.part{number}{path.suffix}")


def parts(path: Path) -> list[Path]:
    """The files that are there, in order. Raises JournalError where one is missing in between."""
    numbers = part_numbers(path)
    missing = next((n for n, found in enumerate(numbers, 1) if found != n), None)
    if not path.is_file():
        missing = 0
    if missing is not None:
        highest = part(path, numbers[-1]).name if numbers else ""
        raise JournalError(
            f"no journal at {part(path, missing)}; expected the journal.sqlite of a run folder"
            + (f", and {highest} is there: put {part(path, missing).name} back" if highest else "")
        )
    return [part(path, number) for number in range(len(numbers) + 1)]


def part_numbers(path: Path) -> list[int]:
    """The numbers of the files beside a journal's own that bear the name of a part of it."""
    # Not any number: somebody keeps a backup as journal.20250131.sqlite beside it.
    named = re.compile(re.escape(path.stem) + r"\.part([1-9]\d*)" + re.escape(path.suffix))
    matches = (named.fullmatch(beside.name) for beside in path.parent.glob("*"))
    return sorted(int(match[1]) for match in matches if match)


def journal_rows(path: Path, first: int | None = None) -> Iterator[Any]:
    """Every row from the sequence `first` on, from the beginning without one, through all files.

    The types are whatever the files hold. Raises JournalError for a missing file or another
    schema, `DAMAGE` at a row that cannot be read, when all before it were given.
    """
    files, expected = parts(path), first or 0
    if first is not None:
        files = files[_holding(files, first) :]
    for number, file in enumerate(files):
        with contextlib.closing(open_to_read(file)) as database:
            schema = schema_of(database, file)
            whole = first is None or number > 0
            for row in stored_rows(database, schema, expected, whole=whole):
                yield row
                expected = row[0] + 1


def find_row(path: Path, number: int) -> Any:
    """The row of one event, None where there is none. Raises JournalError, and `DAMAGE` where it
    cannot be read.
    """
    files = parts(path)
    file = files[_holding(files, number)]
    with contextlib.closing(open_to_read(file)) as database:
        return row_at(database, schema_of(database, file), number)


def _holding(files: list[Path], number: int) -> int:
    """The last file that begins with this event or one before it."""
    for place in range(len(files) - 1, 0, -1):
        with contextlib.closing(open_to_read(files[place])) as database:
            schema_of(database, files[place])
            begins = first_number(database)
        if begins is not None and begins <= number:
            return place
    return 0
