"""The configuration as a commented TOML document."""

from __future__ import annotations

import json
import math
import re
from datetime import date, time
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from coordinator.configuration.settings import Settings


def as_toml(settings: Settings) -> str:
    """Every section and key with its value in force, its meaning as a comment."""
    sections = [
        _section(
            name, getattr(settings, name), (type(getattr(settings, name)).__doc__ or "").strip()
        )
        for name in Settings.model_fields
        if isinstance(getattr(settings, name), BaseModel)
    ]
    sections += [_table("agents", settings.agents)]
    sections += [
        _table(
            "instruments",
            {name: entry.model_dump(mode="json") for name, entry in settings.instruments.items()},
        )
    ]
    return "\n".join(part for part in sections if part)


def _section(name: str, section: BaseModel, meaning: str) -> str:
    lines = [f"# {meaning}", f"[{name}]"]
    for key, field in type(section).model_fields.items():
        value = getattr(section, key)
        assignment = f"{key} = {_value(value)}" if value is not None else f"# {key} ="
        lines.append(f"{assignment}  # {field.description}")
    return "\n".join(lines) + "\n"


def _table(name: str, entries: dict[str, dict[str, Any]]) -> str:
    lines: list[str] = []
    for entry, values in entries.items():
        lines.append(f"[{name}.{_key(entry)}]")
        lines += [
            f"{_key(key)} = {_value(value)}" for key, value in values.items() if value is not None
        ]
    return "\n".join(lines) + "\n" if lines else ""


def _value(value: Any) -> str:
    """A TOML literal: JSON's strings, finite numbers, booleans and lists are TOML's."""
    if isinstance(value, dict):
        items = (f"{_key(key)} = {_value(item)}" for key, item in value.items())
        return "{ " + ", ".join(items) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


def _key(name: str) -> str:
    """A TOML key, in quotes where it needs them, as `package.module:Class` does."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)
