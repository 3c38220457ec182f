"""`quorum journal backup`, `restore`, `salvage`, `migrate`: copies of a journal that are whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from coordinator.cli.counting import Counting
from coordinator.cli.journals import (
    AnchorsFile,
    JournalPath,
    KeyFile,
    anchors_for,
    journal_at,
    key_for,
)
from infra.journal.backup import back_up
from infra.journal.backup import restore as restored
from infra.journal.migration import migrate as migrated
from infra.journal.salvage import salvage as salvaged

Out = Annotated[Path, typer.Option("--out", help="The new file.")]

journal = typer.Typer(no_args_is_help=True, help="Copies of a journal: backup, salvage, migration.")


@journal.command()
def backup(
    path: JournalPath, out: Out, key_file: KeyFile = None, anchors: AnchorsFile = None
) -> None:
    """Copy a journal into one file and verify the copy; a desk may trade meanwhile."""
    source = journal_at(path)
    key, known = key_for(source, key_file), anchors_for(source, anchors)
    with Counting("pages copied") as counting:
        found = back_up(source, out, key, known, counting)
    typer.echo(f"{found.events:,} entries in {out}, verified; head {found.head.hex()}")


@journal.command()
def restore(
    path: Annotated[Path, typer.Argument(metavar="BACKUP", help="A file of `journal backup`.")],
    to: Annotated[
        Path, typer.Option("--to", help="The journal, or its folder; must not be there.")
    ],
    key_file: KeyFile = None,
) -> None:
    """Put a backup where a journal was lost, and verify it there."""
    target = to / "journal.sqlite" if to.is_dir() else to
    with Counting("pages copied") as counting:
        found = restored(journal_at(path), target, key_for(target, key_file), counting)
    typer.echo(f"{found.events:,} entries in {target}, verified; head {found.head.hex()}")
    if anchors_for(target, None):
        typer.echo(
            "A desk starts on it only if it reaches the last anchor; move anchors.jsonl away to go "
            "on without what came after."
        )


@journal.command()
def salvage(
    path: JournalPath,
    out: Annotated[
        Path | None, typer.Option("--out", help="The new file; else journal.salvaged.sqlite.")
    ] = None,
    key_file: KeyFile = None,
) -> None:
    """Copy every event before the first bad one into a new file, and say what is lost."""
    source = journal_at(path)
    target = out or source.with_name(f"{source.stem}.salvaged{source.suffix}")
    with Counting("entries salvaged") as counting:
        done = salvaged(source, target, key_for(source, key_file), counting)
    typer.echo(f"{done.kept:,} entries in {target}, verified")
    if not done.why:
        typer.echo(f"nothing is lost: {source} is whole")
        return
    lost = "an unknown number of" if done.lost is None else f"{done.lost:,}"
    typer.echo(f"lost: {lost} entries. {done.why}")
    typer.echo(
        f"To go on with it, move {source.name}* and {source.stem}.part* (its log, further files) "
        f"and its anchors into another folder, rename {target.name}, and compare with the broker: "
        "a desk asks for every transaction since the last that it knows."
    )


@journal.command()
def migrate(path: JournalPath) -> None:
    """Give a journal of an older version the present tables; the old file is kept."""
    source = journal_at(path)
    old = migrated(source)
    typer.echo(f"{source} has the present schema; the old one is {old}")
