"""The settings that a sweep may vary, by their dotted names."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, get_args

from pydantic import BaseModel, ValidationError

from coordinator.configuration.settings import InstrumentSettings, Settings
from coordinator.configuration.sources import explained
from coordinator.plan import Plan
from coordinator.roster import AgentInHand, AgentSpec, known_agents
from market.errors import ConfigError, nearest

Kind = Literal["int", "float", "other"]
Value = Any
"""What a setting may be: a number, a word, a truth, or a list of them."""

FIXED = {
    "data": "every trial runs on the same bars",
    "run": "where results go changes no result",
    "ray": "where a trial runs changes no result",
    "desk.account_currency": "the bars at hand convert into one account currency",
    "broker.financing_rates": "the rates belong to the data",
}


def sweepable_keys(plan: Plan) -> dict[str, Kind]:
    """Every key that may be varied on a plan, with the kind of its values."""
    known: dict[str, Kind] = {}
    for section, content in plan.settings:
        if not isinstance(content, BaseModel):
            continue
        for key, field in type(content).model_fields.items():
            name = f"{section}.{key}"
            if section not in FIXED and name not in FIXED and name != "committee.weights":
                known[name] = _kind(field.annotation)
    known |= {f"committee.weights.{name}": "float" for name in plan.names}
    for spec in plan.specs:
        parameters = inspect.signature(_class_of(spec)).parameters.values()
        known |= {
            f"agents.{table_of(spec)}.{parameter.name}": _kind(type(parameter.default))
            for parameter in parameters
        }
    for symbol in plan.desk.symbols:
        known |= {
            f"instruments.{symbol}.{key}": _kind(field.annotation)
            for key, field in InstrumentSettings.model_fields.items()
        }
    return known


def kind_of(name: str, plan: Plan) -> Kind:
    """The kind of a key's values.

    Raises ConfigError for a key that there is not, naming the nearest, and for one that a sweep
    holds fixed, saying why.
    """
    for fixed, reason in FIXED.items():
        if name == fixed or name.startswith(f"{fixed}."):
            raise ConfigError(f"{name} cannot be swept: {reason}")
    known = sweepable_keys(plan)
    if name not in known:
        raise ConfigError(
            f"unknown key {name!r}{nearest(name, known)} A key is written as in quorum.toml, its "
            f"table first: section.key, agents.NAME.parameter or committee.weights.NAME. Seated "
            f"are {', '.join(plan.names)}; all other keys: quorum config show"
        )
    for spec in plan.specs:
        if isinstance(spec, AgentInHand) and name.startswith(f"agents.{table_of(spec)}."):
            raise ConfigError(
                f"{name} cannot be swept: the agent was given as an object, which has its "
                "parameters already; put its class into a file and name it as module:Class"
            )
    return known[name]


def table_of(spec: AgentSpec) -> str:
    """The name of an agent's table in the configuration."""
    return _names_by_path().get(spec.path, spec.path.partition(":")[2])


@lru_cache(maxsize=1)
def _names_by_path() -> dict[str, str]:
    """Names of registered agents by the path of their class; installed packages are read once."""
    return {path: name for name, path in known_agents().items()}


def with_values(settings: Settings, values: Mapping[str, Value]) -> Settings:
    """The settings with these values by dotted key. Raises ConfigError where they are refused."""
    changed = settings.model_dump()
    for name, value in values.items():
        *path, last = name.split(".")
        table = changed
        for part in path:
            table = table.setdefault(part, {})
        table[last] = value
    try:
        return Settings.model_validate(changed)
    except ValidationError as error:
        raise ConfigError(explained(error)) from None


def _kind(annotation: Any) -> Kind:
    """Whether a type holds whole numbers, numbers, or neither."""
    if annotation is int or int in _parts(annotation):
        return "int"
    if annotation is float or float in _parts(annotation):
        return "float"
    return "other"


def _parts(annotation: Any) -> set[Any]:
    if isinstance(annotation, type) or getattr(annotation, "__origin__", None) in (tuple, dict):
        return set()
    arguments = get_args(annotation)
    return {part for part in arguments if isinstance(part, type)}.union(
        *(_parts(part) for part in arguments)
    )


def _class_of(spec: AgentSpec) -> Any:
    """The agent's class, which a plan has already built once."""
    if isinstance(spec, AgentInHand):
        return type(spec.agent)
    module, _, name = spec.path.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found
