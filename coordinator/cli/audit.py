"""`quorum audit verify` and `quorum audit export`: is the record whole; the record elsewhere."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from coordinator.cli.counting import Counting
from coordinator.cli.journals import (
    AnchorsFile,
    JournalPath,
    KeyFile,
    anchors_for,
    journal_at,
    key_for,
)
from coordinator.cli.options import AsJson
from infra.journal.anchors import Anchor
from infra.journal.export import export
from infra.journal.verify import Fault, Verified
from infra.journal.verify import verify as verified

BROKEN = 1


class Format(StrEnum):
    """What a journal can be written as."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


audit = typer.Typer(no_args_is_help=True, help="The record: whole, and in other formats.")


@audit.command()
def verify(
    path: JournalPath,
    key_file: KeyFile = None,
    anchors: AnchorsFile = None,
    as_json: AsJson = False,
) -> None:
    """Was anything changed, removed, put in, moved or cut off? Exit code 1 names the first."""
    journal = journal_at(path)
    key, known = key_for(journal, key_file), anchors_for(journal, anchors)
    with Counting("entries verified") as counting:
        found = verified(journal, key, known, counting)
    if as_json:
        typer.echo(json.dumps(_document(found), ensure_ascii=False, allow_nan=False))
    else:
        _tell(Console(highlight=False, markup=False, soft_wrap=True), found, known)
    if not found.holds:
        raise typer.Exit(BROKEN)


@audit.command("export")
def export_events(
    path: JournalPath,
    form: Annotated[Format, typer.Option("--format", help="Of the new file.")],
    out: Annotated[Path, typer.Option("--out", help="The new file.")],
    key_file: KeyFile = None,
) -> None:
    """Write every event to a table: number, kind, times, hash, and the event as JSON."""
    journal = journal_at(path)
    key = key_for(journal, key_file)
    with Counting("events exported") as counting:
        count = export(journal, out, form.value, counting, key)
    typer.echo(f"{count:,} events in {out}")


def _document(found: Verified) -> dict[str, Any]:
    return {
        "journal": str(found.path),
        "holds": found.holds,
        "schema": found.schema,
        "events": found.events,
        "head": found.head.hex(),
        "sealed_from": found.sealed_from,
        "seals_checked": found.keyed,
        "anchors_met": found.anchors,
        "first_written_at": _iso(found.first_at),
        "last_written_at": _iso(found.last_at),
        "faults": [{"event": fault.event, "what": fault.what} for fault in found.faults],
    }


def _tell(console: Console, found: Verified, anchors: list[Anchor]) -> None:
    for fault in found.faults:
        console.print(f"BROKEN   {_said(fault)}")
    word = "hold" if found.holds else "hold before that"
    console.print(f"chain    {found.events:,} entries {word}, head {found.head.hex()}")
    if found.events:
        console.print(f"written  {_iso(found.first_at)} to {_iso(found.last_at)}")
    console.print(f"seals    {_seals(found)}")
    unmet = "none: an end that was cut off would go unseen"
    met = f"{found.anchors} of {len(anchors)} met" if anchors else unmet
    console.print(f"anchors  {met}")
    if not found.holds:
        console.print(
            f"`quorum journal salvage {found.path}` copies what holds into a new file; a backup "
            "may hold more"
        )


def _said(fault: Fault) -> str:
    return fault.what if fault.event is None else f"event {fault.event} {fault.what}"


def _seals(found: Verified) -> str:
    if found.sealed_from is None:
        return "none: a whole chain written anew, or other wall times, would go unseen"
    if not found.keyed:
        return f"from event {found.sealed_from} on, not checked: name the key with --key-file"
    if found.sealed_from > 0:
        return (
            f"from event {found.sealed_from} on, by this key; the desk went on unsealed until "
            "then. If it had its key before, its seals were taken away: compare with older anchors"
        )
    return "every event, by this key"


def _iso(seconds: float) -> str | None:
    if math.isnan(seconds):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError):
        return f"{seconds!r} s"  # without a key nobody vouches for it
