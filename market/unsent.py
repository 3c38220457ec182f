"""How the record says why an approved order was not sent."""

from __future__ import annotations

_BETWEEN = " was not sent: "


def unsent_said(symbol: str, why: str) -> str:
    """The alert. It is raised once for a reason, until something is sent or the mode changes."""
    return f"{symbol}{_BETWEEN}{why}"


def unsent_read(message: str) -> tuple[str, str] | None:
    """Instrument and reason of such an alert; None of any other."""
    symbol, between, why = message.partition(_BETWEEN)
    return (symbol, why) if between else None
