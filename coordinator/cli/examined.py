"""What `quorum lookahead` and `quorum lookback` share: the agent with its panel, differences."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from agents.ballot import Agent
from agents.law import Violation
from agents.scrutiny.voting import Failure
from coordinator.bootstrap import agent_and_panel
from coordinator.cli.options import listed
from coordinator.configuration.sources import load_settings
from market.bars import Bars, utc
from market.errors import ConfigError

BROKEN = 1
"""Exit code of an agent that does not keep what it must."""


def examined(
    name: str,
    config: Path | None,
    *,
    data: str | None,
    instruments: str | None,
    start: str | None,
    end: str | None,
    clock: str | None,
    bar: str | None,
    seed: int | None,
) -> tuple[Agent, Bars, str, int]:
    """The agent, the panel, what the panel is, and the seed in force."""
    settings = load_settings(
        config,
        {
            "desk": {"seed": seed},
            "data": {
                "source": data,
                "instruments": listed(instruments),
                "start": start,
                "end": end,
                "clock": clock,
                "bar": bar,
            },
        },
    )
    return *agent_and_panel(settings, name), settings.desk.seed


def check_tolerance(tolerance: float) -> None:
    """Raise ConfigError for a tolerance that nothing could exceed, or nothing keep."""
    if not 0.0 <= tolerance < math.inf:
        raise ConfigError(f"--tolerance: expected a number of 0 or more, found {tolerance:g}")


def panel_told(bars: Bars, description: str) -> str:
    """Size, days and source of a panel."""
    return (
        f"{len(bars):,} bars of {bars.shape[1]} instruments, {utc(bars.time[0]):%Y-%m-%d} to "
        f"{utc(bars.time[-1]):%Y-%m-%d}, from {description.partition(':')[0]}"
    )


def value_told(value: float) -> str:
    """A value to as many digits as make it this one."""
    return "no number" if math.isnan(value) else repr(value)


def difference_as_json(found: Violation | Failure | None) -> dict[str, Any] | None:
    """A difference or an error for machines; what is no finite number is null."""
    if found is None:
        return None
    if isinstance(found, Failure):
        return {
            "panel": found.part, "row": found.row, "time": told_time(found.time),
            "rows": found.rows, "raised": found.said,
        }  # fmt: skip
    return {
        "panel": found.part, "row": found.row, "time": told_time(found.time),
        "instrument": found.symbol, "array": found.array,
        "whole": finite(found.whole), "altered": finite(found.partial),
    }  # fmt: skip


def finite(value: float) -> float | None:
    """A number that JSON has; null for others."""
    return value if math.isfinite(value) else None


def told_time(time: int) -> str:
    """The end of a bar, ISO 8601 in UTC."""
    return utc(time).isoformat()
