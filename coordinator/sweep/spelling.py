"""How a space is written: on the command line, and in a TOML file."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from coordinator.sweep.keys import Value
from coordinator.sweep.space import Choices, Range
from market.errors import ConfigError, nearest

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
STEPS = re.compile(rf"({NUMBER}):({NUMBER}):({NUMBER})")
BOUNDS = re.compile(rf"({NUMBER}):({NUMBER})(:log)?")
MOST_STEPS = 100_000
TABLES = ("grid", "range", "sweep")


def choices_from(text: str) -> Choices:
    """`KEY=1,2,3` or `KEY=START:STOP:STEP`, the stop included where a step meets it."""
    key, values = _split(text, "--grid", "committee.decision_threshold=0.2,0.25,0.3")
    return Choices(key=key, values=_values(values, f"--grid {key}"))


def range_from(text: str) -> Range:
    """`KEY=LOW:HIGH` or `KEY=LOW:HIGH:log`."""
    key, bounds = _split(text, "--range", "sizing.stop_sigmas=1.5:6:log")
    return _range(key, bounds)


def read_space_file(
    path: Path,
) -> tuple[tuple[Choices, ...], tuple[Range, ...], dict[str, Any]]:
    """The tables [grid], [range] and [sweep] of a TOML file; the last as it stands.

    Keys may be quoted or dotted: "sizing.stop_sigmas" = "2:4:0.5" and sizing.stop_sigmas =
    [2, 3, 4] say the same key. Raises ConfigError for a file that is none.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"--space {path} cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"--space {path} is not TOML: {error}") from None
    for table, entries in content.items():
        if table not in TABLES or not isinstance(entries, dict):
            raise ConfigError(
                f"--space {path}: unknown table {table!r}{nearest(table, TABLES)} Expected [grid] "
                "and [range] with settings, and [sweep] with the command's own flags."
            )
    choices = tuple(
        Choices(key=key, values=_listed(value, f"{path}: grid.{key}"))
        for key, value in _flat(content.get("grid", {})).items()
    )
    ranges = tuple(
        _range(key, str(value)) for key, value in _flat(content.get("range", {})).items()
    )
    return choices, ranges, dict(content.get("sweep", {}))


def _split(text: str, flag: str, example: str) -> tuple[str, str]:
    key, equals, rest = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"{flag}: expected KEY=VALUES such as {example}, found {text!r}")
    return key.strip(), rest.strip()


def _values(text: str, where: str) -> tuple[Value, ...]:
    stepped = STEPS.fullmatch(text)
    if stepped is not None:
        return _steps(*(Decimal(part) for part in stepped.groups()), where=where)
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise ConfigError(
            f"{where}: expected values such as 0.2,0.25,0.3 or START:STOP:STEP, found "
            f"{text!r}" + (": the grid is empty" if not text else "")
        )
    return tuple(dict.fromkeys(_spelt(part) for part in parts))


def _steps(start: Decimal, stop: Decimal, step: Decimal, *, where: str) -> tuple[Value, ...]:
    """Decimal steps: 0.1 and 0.2 more is 0.3, not 0.30000000000000004."""
    if step == 0 or (stop - start) / step < 0:
        raise ConfigError(
            f"{where}: {start}:{stop}:{step} holds no value: the grid is empty. Expected a step "
            "that leads from the first value to the last."
        )
    count = int((stop - start) / step) + 1
    if count > MOST_STEPS:
        raise ConfigError(f"{where}: {count:,} values are more than {MOST_STEPS:,}; widen the step")
    whole = all(part == part.to_integral_value() for part in (start, step))
    numbers = [start + position * step for position in range(count)]
    return tuple(int(number) if whole else float(number) for number in numbers)


def _spelt(part: str) -> Value:
    """A number, a truth, or the word itself."""
    try:
        value = json.loads(part)
    except ValueError:
        return part
    return value if isinstance(value, (bool, int, float)) else part


def _listed(value: Any, where: str) -> tuple[Value, ...]:
    if isinstance(value, list):
        return tuple(value)
    return _values(str(value), where)


def _range(key: str, text: str) -> Range:
    found = BOUNDS.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"--range {key}: expected LOW:HIGH or LOW:HIGH:log, found {text!r}")
    return Range(key=key, low=float(found[1]), high=float(found[2]), log=found[3] is not None)


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables, which dotted keys make, as dotted names."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{prefix}.{key}" if prefix else key
        flat |= _flat(value, name) if isinstance(value, dict) else {name: value}
    return flat
