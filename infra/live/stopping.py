"""How a desk stops, and as what it is taken up again: a halt outlives both."""

from __future__ import annotations

from market.modes import Mode

ASKED = "stopping: "
SETTLED = "settled and closed; it was "


def settled_reason(before: Mode, why: str) -> str:
    """What the journal says of a desk that has stopped. before: its mode when it was asked to."""
    return f"{SETTLED}{before.value}" + (f": {why}" if before is not Mode.TRADING else "")


def taken_up(reason: str) -> tuple[Mode, str]:
    """The mode in which a stopped desk goes on, and why; HALTED where the reason does not tell."""
    before, _, why = reason.removeprefix(SETTLED).partition(": ")
    if not reason.startswith(SETTLED) or before not in tuple(Mode) or before == Mode.STOPPED:
        return Mode.HALTED, reason
    return Mode(before), why
