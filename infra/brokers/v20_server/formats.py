"""Times of a message in the format that a client asked for."""

from __future__ import annotations

from typing import Any

from infra.brokers.v20.times import nanoseconds_of, unix


def in_format(message: Any, accepted: str) -> Any:
    """A message of RFC 3339 times as the `Accept-Datetime-Format` header asks: UNIX or the same."""
    if accepted.upper() != "UNIX":
        return message
    return _unix(message, "")


def _unix(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _unix(part, key) for key, part in value.items()}
    if isinstance(value, list):
        return [_unix(part, name) for part in value]
    if isinstance(value, str) and (name == "time" or name.endswith(("Time", "Timestamp", "stamp"))):
        return unix(nanoseconds_of(value))
    return value
