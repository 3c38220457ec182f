"""How a desk stops, and as what it is taken up again: a halt outlives both."""

from __future__ import annotations

from market.modes import Mode

ASKED = "stopping: "
SETTLED = "settled and closed; it was "


def halted_to_stop(mode: Mode, why: str) -> bool:
    """Whether nothing halts the desk but that somebody asked it to stop."""
    return mode is Mode.HALTED and why.startswith(ASKED)


def of_a_halt(reason: str) -> str:
    """A person's reason to halt, which is not taken for that of a stop."""
    return f"halted, {reason}" if reason.startswith(ASKED) else reason


def settled_reason(mode: Mode, why: str) -> str:
    """What the journal says of a desk that has stopped. mode: as what it is to be taken up again;
    STOPPED where it was not taken up at all, and then what it said before stands.
    """
    if mode is Mode.STOPPED:
        return why
    return f"{SETTLED}{mode.value}" + (f": {why}" if mode is not Mode.TRADING else "")


def taken_up(reason: str) -> tuple[Mode, str]:
    """The mode in which a stopped desk goes on, and why; HALTED where the reason does not tell."""
    before, _, why = reason.removeprefix(SETTLED).partition(": ")
    if not reason.startswith(SETTLED) or before not in tuple(Mode) or before == Mode.STOPPED:
        return Mode.HALTED, reason
    return Mode(before), why
