"""Overrides of a live desk as a person sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from market.bars import utc


def override_line(one: Mapping[str, Any]) -> str:
    """An override on one line."""
    configured = one["configured"]
    instead = "" if configured is None else f" instead of {configured:g}"
    return (
        f"{one['limit']} {one['value']:g}{instead} until {utc(one['until']):%Y-%m-%d %H:%M:%S} UTC "
        f"of market time by {one['by']}: {one['reason']}"
    )
