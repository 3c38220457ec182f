"""Lengths of time as people write them."""

from __future__ import annotations

import re

from market.errors import ConfigError

DAY_S = 86_400
UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def seconds(text: str) -> int:
    """Seconds of `30s`, `15m`, `4h` or `1d`. Raises ConfigError for anything else."""
    match = re.fullmatch(r"(\d+)([smhd])", text.strip())
    if match is None or int(match[1]) == 0:
        raise ConfigError(f"expected a length such as 30s, 15m, 4h or 1d, found {text!r}")
    return int(match[1]) * UNITS_S[match[2]]


def bar_seconds(text: str) -> int:
    """Seconds of a bar that is built from ticks: `1s` to `1d`, dividing a day.

    Its intervals are counted from midnight UTC. Raises ConfigError for any other length.
    """
    length = seconds(text)
    if DAY_S % length:
        raise ConfigError(
            "expected a length of bars that divides a day, such as 1s, 15m, 4h or 1d, "
            f"found {text!r}"
        )
    return length


def written(length_s: int) -> str:
    """Seconds as `seconds` reads them, in the largest unit that divides them."""
    unit = max((unit for unit in UNITS_S if length_s % UNITS_S[unit] == 0), key=UNITS_S.__getitem__)
    return f"{length_s // UNITS_S[unit]}{unit}"
