"""The files of a journal: `journal.sqlite`, then `journal.1.sqlite` and so on, as each is full.

The chain and the numbers of events run on through them. Only the last is written; the first keeps
its name, so that a journal is where it always was.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.journal.rows import first_number, row_at, stored_rows
from infra.journal.schema import open_to_read, schema_of
from market.errors import JournalError


def part(path: Path, number: int) -> Path:
    """The file of that number; 0 is the journal's own."""
    return path if number == 0 else path.with_name(f"{path.stem}.{number}{path.suffix}")


def parts(path: Path) -> list[Path]:
    """The files that are there, in order. Raises JournalError where one is missing in between."""
    named = (found.name for found in path.parent.glob("*"))
    middles = (
        name.removeprefix(f"{path.stem}.").removesuffix(path.suffix)
        for name in named
        if name.startswith(f"{path.stem}.") and name.endswith(path.suffix)
    )
    highest = max((int(middle) for middle in middles if middle.isdecimal()), default=0)
    found = [part(path, number) for number in range(highest + 1)]
    for file in found:
        if not file.is_file():
            raise JournalError(
                f"no journal at {file}; expected the journal.sqlite of a run folder"
                + (f", and {found[-1].name} is there: put {file.name} back" if highest else "")
            )
    return found


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
