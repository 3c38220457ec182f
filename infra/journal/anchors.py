"""Anchors: how far a journal had come at a time, kept where who rewrites it does not reach."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from infra.journal.parts import find_row
from infra.journal.reader import salvage_advice
from infra.journal.schema import DAMAGE
from market.errors import JournalError


class Anchor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One anchor, a JSON object.

    count: events. head: hash of the last of them. seal: its seal, None where unsealed; both
    hexadecimal. at: wall time of anchoring, seconds since 1970, UTC; nothing proves it.
    """

    count: int
    head: str
    seal: str | None
    at: float


_decoder = msgspec.json.Decoder(Anchor)


def anchor_line(anchor: Anchor) -> bytes:
    """The anchor as it stands in a file and is posted."""
    return msgspec.json.encode(anchor)


def read_anchors(path: Path) -> list[Anchor]:
    """The anchors of a file in their order.

    A line that was cut off while it was written is left out, also where the desk has gone on
    after it. Raises JournalError for a file that is not there or a line that is no anchor.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise JournalError(f"the anchors {path} cannot be read: {error.strerror}") from None
    *lines, _cut_off = content.split(b"\n")
    anchors = []
    for number, line in enumerate(lines, 1):
        if not line.endswith(b"}"):
            continue  # of a power cut: an anchor ends with its only closing brace
        try:
            anchors.append(_decoder.decode(line))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise JournalError(f"{path}: line {number} is no anchor; it was changed") from None
    return anchors


def require_anchored(journal: Path, anchors: Sequence[Anchor]) -> None:
    """Refuse a journal that is not the one that was anchored, or a shorter one, by its last anchor.

    Raises JournalError.
    """
    if not anchors:
        return
    last = max(anchors, key=lambda anchor: anchor.count)
    try:
        row = find_row(journal, last.count - 1)
    except DAMAGE as error:
        raise JournalError(
            f"{journal}: event {last.count - 1}, which was anchored, cannot be read: {error}. "
            f"{salvage_advice(journal)}"
        ) from None
    fault = "" if last.count == 0 else anchor_fault(last, row and row[3], row and row[5])
    if fault:
        raise JournalError(
            f"{journal} {fault}. Events were lost or rewritten, or an older copy was put in its "
            f"place: look with `quorum audit verify {journal}`. To go on with it nevertheless, "
            "move the file of its anchors away."
        )


def anchor_fault(anchor: Anchor, head: bytes | None, seal: bytes | None) -> str:
    """How the event that an anchor names differs from it; empty where it does not.

    head, seal: of that event; head None where the journal has none.
    """
    if head is None:
        return f"has no event {anchor.count - 1}, which was anchored"
    if head.hex() != anchor.head:
        return f"has another event {anchor.count - 1} than was anchored"
    if (None if seal is None else seal.hex()) != anchor.seal:
        return f"has another seal on event {anchor.count - 1} than was anchored"
    return ""
