"""How the record says why an approved order was not sent."""

from __future__ import annotations

_BETWEEN = " was not sent: "


def unsent_said(symbol: str, why: str) -> str:
    """The alert, raised once for a reason, until something is sent or the mode changes. symbol: or
    `decision_said`, where nothing of a decision was sent.
    """
    return f"{symbol}{_BETWEEN}{why}"


def decision_said(sequence: int) -> str:
    """All orders of a decision."""
    return f"decision {sequence}"


def unsent_read(message: str) -> tuple[str, str] | None:
    """Instrument (or decision) and reason of such an alert; None of any other."""
    symbol, between, why = message.partition(_BETWEEN)
    return (symbol, why) if between else None
