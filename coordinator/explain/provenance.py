"""The last step: where the decision stands in the chain, and what the agents were shown."""

from __future__ import annotations

from coordinator.explain.record import DecisionRecord
from coordinator.explain.seen import DataSeen
from coordinator.explain.step import Step, minute
from coordinator.report.grid import Grid, columns

DIGEST, SHA256 = 12, 64


def record_step(record: DecisionRecord, seen: DataSeen | None) -> Step:
    """Hashes and versions. seen: None where nobody looked for the data."""
    rows = [
        ("Journal", f"event {record.number:,}, chained as {record.chained}"),
        ("Code and libraries", ", ".join(f"{name} {said}" for name, said in record.versions)),
    ]
    if seen is None:
        says = "The journal addresses everything that the decision rests on."
        rows.append(("Prices", _whole(record)))
    elif seen.digest is None:
        says = f"The data that the agents saw cannot be shown: {seen.missing}"
        rows.append(("Prices", _whole(record)))
    else:
        says = (
            f"The agents saw {seen.bars:,} bars of {len(record.symbols)} instruments, "
            f"{minute(seen.first)} to {minute(seen.last)} UTC, {seen.source}."
        )
        rows.append(("Data the agents saw", f"SHA-256 {seen.digest}"))
    rows += [(f"{seat.name}, code and inputs", _shortened(seat.source)) for seat in record.seats]
    return Step(title="Record", says=says, grid=Grid(columns("", " "), tuple(rows)))


def _shortened(source: str) -> str:
    """Digests by their start; whole they are in the journal, and in JSON."""
    return " ".join(
        f"{word[:DIGEST]}…" if len(word) == SHA256 else word for word in source.split(" ")
    )


def _whole(record: DecisionRecord) -> str:
    return f"{record.session.data}, SHA-256 of all of them {record.session.data_digest}"
