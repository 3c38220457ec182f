"""What a run rests on: data, limits of the simulation, versions, configuration."""

from __future__ import annotations

import json
from typing import Any

from coordinator.configuration.settings import Settings
from coordinator.report.markup import Html, in_words, safe, section
from coordinator.results.record import RunRecord
from coordinator.results.summary import STOPS_ON_FIXING, STOPS_ON_RANGE, Results


def sources_section(record: RunRecord, results: Results, tried: int | None) -> Html:
    """Where prices come from and what the simulation leaves out."""
    session = record.session
    stops = STOPS_ON_RANGE if session.has_extremes else STOPS_ON_FIXING
    facts = [
        ("Prices", session.data),
        ("Digest of the prices", session.data_digest),
        ("Stops and take profits", f"seen on {stops}"),
        ("Financing", session.financing),
        ("Annualised with", results.calendar.statement),
        ("Configurations tried", _tried(tried)),
        ("Session", session.session),
        ("Journal", f"{record.events:,} events, digest {record.digest}"),
        ("Versions", ", ".join(f"{name} {version}" for name, version in session.versions)),
    ]
    facts[3:3] = [
        (f"Input of {agent.name}", agent.source.partition(" ")[2])
        for agent in session.agents
        if " " in agent.source
    ]
    listed = "".join(f"<div><dt>{safe(k)}</dt><dd>{safe(v)}</dd></div>" for k, v in facts)
    return section(
        "What this rests on",
        Html(f'<dl class="facts long">{listed}</dl>'),
        note="A simulation on past prices, with assumed spreads where the data has none. It says "
        "what these rules would have done, not what they will do.",
    )


def configuration_section(record: RunRecord) -> Html:
    """Every setting that decisions depend on; those that differ from their default stand out."""
    configuration = json.loads(record.session.configuration)
    defaults = Settings().model_dump(mode="json")
    changed = 0
    parts = []
    for name, content in configuration.items():
        rows, differing = _settings(content, defaults.get(name))
        changed += differing
        if rows:
            parts.append(f"<div><h3>{safe(in_words(name))}</h3><dl>{''.join(rows)}</dl></div>")
    count = f"{changed} settings differ" if changed != 1 else "1 setting differs"
    note = f"{count} from the defaults and stand out." if changed else "All settings are defaults."
    return section(
        "Configuration", Html(f'<div class="settings">{"".join(parts)}</div>'), note=note
    )


def flat_settings(content: Any, prefix: str = "") -> dict[str, str]:
    """Nested settings as dotted names and their values in words."""
    if not isinstance(content, dict):
        return {prefix: value_in_words(content)}
    flat: dict[str, str] = {}
    for key, value in content.items():
        flat |= flat_settings(value, f"{prefix}.{key}" if prefix else str(key))
    return flat


def value_in_words(value: Any) -> str:
    """A value as a person would write it."""
    if value is None:
        return "unset"
    if isinstance(value, list):
        return " ".join(str(item) for item in value) or "none"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _settings(content: Any, defaults: Any) -> tuple[list[str], int]:
    found = flat_settings(content)
    usual = flat_settings(defaults) if defaults is not None else {}
    rows, changed = [], 0
    for key, value in found.items():
        differs = usual.get(key) != value
        changed += differs
        mark = ' class="changed"' if differs else ""
        default = f' title="default: {safe(usual[key])}"' if differs and key in usual else ""
        rows.append(f"<dt{mark}>{safe(key)}</dt><dd{mark}{default}>{safe(value)}</dd>")
    return rows, changed


def _tried(tried: int | None) -> str:
    if tried is None:
        return (
            "not recorded. The best of many looks better than it is; this run does not say how "
            "many came before it"
        )
    return f"{tried:,}, this one included. The best of many looks better than it is"
