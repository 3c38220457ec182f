"""What a desk may do now."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """TRADING: everything. HALTED: only what reduces risk. FLATTENING: positions are being closed.
    STOPPED: settled and closed; `quorum trade --resume` goes on.
    """

    TRADING = "TRADING"
    HALTED = "HALTED"
    FLATTENING = "FLATTENING"
    STOPPED = "STOPPED"
