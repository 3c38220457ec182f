"""Checks of an agent's parameters: refused at construction, with what was expected and found."""

from __future__ import annotations

from market.errors import AgentError


def require_bars(agent: str, least: int, **windows: int) -> None:
    """Windows are whole numbers of bars, at least `least`; AgentError otherwise."""
    for name, value in windows.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise AgentError(
                f"{agent}: {name} must be a whole number of bars, at least {least}, found {value!r}"
            )


def require_between(agent: str, low: float, high: float, **values: float) -> None:
    """Numbers strictly between `low` and `high`; AgentError otherwise, NaN included."""
    for name, value in values.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not low < value < high:
            raise AgentError(
                f"{agent}: {name} must lie between {low:g} and {high:g}, found {value!r}"
            )


def require_order(agent: str, shorter: str, longer: str, windows: tuple[int, int]) -> None:
    """The first window is the shorter one; AgentError otherwise."""
    if not windows[0] < windows[1]:
        raise AgentError(
            f"{agent}: {shorter} must be shorter than {longer}, "
            f"found {windows[0]} and {windows[1]} bars"
        )
