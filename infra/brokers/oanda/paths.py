"""Ids as they stand in paths, which the client fills in as they are."""

from __future__ import annotations

from urllib.parse import quote


def quoted(part: str) -> str:
    """One segment of a path."""
    return quote(part, safe="")


def by_client_id(name: str) -> str:
    """The specifier of an order or trade by its client id."""
    return f"@{quoted(name)}"
