"""Times as v20 writes them: RFC 3339 in UTC with nine digits, or seconds since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from market.errors import DataError

SECOND_NS = 1_000_000_000
SECONDS = {
    "S5": 5, "S10": 10, "S15": 15, "S30": 30,
    "M1": 60, "M2": 120, "M4": 240, "M5": 300, "M10": 600, "M15": 900, "M30": 1_800,
    "H1": 3_600, "H2": 7_200, "H3": 10_800, "H4": 14_400, "H6": 21_600, "H8": 28_800,
    "H12": 43_200,
}  # fmt: skip
"""Of the granularities of candles that are a fixed time, shortest first."""
_RFC3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-]\d{2}:\d{2}))"
)
_UNIX = re.compile(r"(\d+)(?:\.(\d{1,9}))?")


def rfc3339(time: int) -> str:
    """UTC nanoseconds as `2026-11-29T12:00:00.000000000Z`."""
    seconds, nanoseconds = divmod(time, SECOND_NS)
    stamp = datetime.fromtimestamp(seconds, UTC)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def unix(time: int) -> str:
    """UTC nanoseconds as `1796990400.000000000`."""
    seconds, nanoseconds = divmod(time, SECOND_NS)
    return f"{seconds}.{nanoseconds:09d}"


def nanoseconds_of(text: object) -> int:
    """UTC nanoseconds of either form, to the last digit. Raises DataError."""
    if isinstance(text, str):
        found = _RFC3339.fullmatch(text)
        if found is not None:
            day, clock, fraction, offset = found.groups()
            try:
                stamp = datetime.fromisoformat(f"{day}T{clock}{offset or '+00:00'}")
            except ValueError:
                raise DataError(f"expected a time in RFC 3339, found {text!r}") from None
            return int(stamp.timestamp()) * SECOND_NS + _fraction(fraction)
        found = _UNIX.fullmatch(text)
        if found is not None:
            return int(found[1]) * SECOND_NS + _fraction(found[2])
    raise DataError(f"expected a time in RFC 3339 or in seconds since 1970, found {text!r}")


def _fraction(digits: str | None) -> int:
    return int((digits or "").ljust(9, "0"))
