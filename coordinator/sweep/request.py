"""`Request`: a sweep as it was asked for, before any price is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from coordinator.configuration.settings import Settings
from coordinator.sweep.definition import Lengths
from coordinator.sweep.measures import OBJECTIVES
from coordinator.sweep.space import Space, space_of
from coordinator.sweep.spelling import choices_from, range_from, read_space_file
from market.errors import ConfigError, nearest

WINDOW_FLAGS = ("train", "test", "purge", "embargo", "expanding")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """lengths: None for one in-sample pass. workers: Ray tasks at once; None for one a CPU."""

    settings: Settings
    space: Space
    lengths: Lengths | None
    objective: str
    workers: int | None = None

    def as_json(self) -> dict[str, Any]:
        """For a sweep's store; `request_of` reads it back."""
        return {
            "settings": self.settings.model_dump(mode="json"),
            "space": self.space.as_json(),
            "lengths": None if self.lengths is None else asdict(self.lengths),
            "objective": self.objective,
        }


def request_of(stored: Mapping[str, Any]) -> Request:
    """The request that `as_json` described."""
    lengths = stored["lengths"]
    return Request(
        settings=Settings.model_validate(stored["settings"]),
        space=space_of(stored["space"]),
        lengths=None if lengths is None else Lengths(**lengths),
        objective=stored["objective"],
    )


def request_from(
    settings: Settings,
    grid: Sequence[str],
    ranges: Sequence[str],
    file: Path | None,
    flags: Mapping[str, Any],
    stored: Request | None,
) -> Request:
    """The request of a command line; flags count over the file, both over what is stored.

    flags: by name, None where not given. Raises ConfigError that says what is wrong.
    """
    file_choices, file_ranges, told = read_space_file(file) if file is not None else ((), (), {})
    _check_told(told, flags, file)
    given = {**told, **{name: value for name, value in flags.items() if value is not None}}
    choices = [choices_from(text) for text in grid]
    bounds = [range_from(text) for text in ranges]
    named = {*(axis.key for axis in choices), *(axis.key for axis in bounds)}
    choices = [*(axis for axis in file_choices if axis.key not in named), *choices]
    bounds = [*(axis for axis in file_ranges if axis.key not in named), *bounds]
    draws = given.get("random")
    space = Space(
        choices=tuple(choices), ranges=tuple(bounds), draws=draws, seed=settings.desk.seed
    )
    if stored is not None and not space.keys and draws is None:
        space = stored.space
    objective = given.get("objective") or (stored.objective if stored else OBJECTIVES[0])
    if objective not in OBJECTIVES:
        raise ConfigError(
            f"objective: unknown {objective!r}{nearest(str(objective), OBJECTIVES)} Known are "
            f"{', '.join(OBJECTIVES)}"
        )
    workers = given.get("workers")
    if workers is not None and workers < 1:
        raise ConfigError(f"--workers: expected at least 1, found {workers}")
    return Request(
        settings=settings,
        space=space,
        lengths=_lengths(given, stored),
        objective=objective,
        workers=workers,
    )


def _lengths(given: Mapping[str, Any], stored: Request | None) -> Lengths | None:
    asked = {name: given[name] for name in WINDOW_FLAGS if name in given}
    if given.get("walk_forward") is False:
        if asked:
            raise ConfigError(
                f"--no-walk-forward has no windows, so {', '.join(f'--{n}' for n in asked)} would "
                "say nothing; leave one of them out"
            )
        return None
    if stored is not None and not asked and "walk_forward" not in given:
        return stored.lengths
    expanding = bool(asked.pop("expanding", False))
    return Lengths(**{name: str(value) for name, value in asked.items()}, expanding=expanding)


def _check_told(told: Mapping[str, Any], flags: Mapping[str, Any], file: Path | None) -> None:
    for name, value in told.items():
        if name not in flags:
            raise ConfigError(
                f"--space {file}: unknown key sweep.{name}{nearest(name, flags)} Known here: "
                f"{', '.join(flags)}."
            )
        kinds = {"random": int, "workers": int, "expanding": bool, "walk_forward": bool}
        if name in kinds and type(value) is not kinds[name]:
            raise ConfigError(
                f"--space {file}: sweep.{name}: expected {kinds[name].__name__}, found {value!r}"
            )
