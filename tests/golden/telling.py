"""What is kept of a golden run: one digest of its decisions, and statistics for people."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from coordinator.plan import Plan
from coordinator.results.record import RunRecord, load_record
from coordinator.results.summary import summarise
from infra.journal.codec import encode
from market.events import AllocationApplied, Event, SessionStarted
from tests.desk import events_of
from tests.engines import replay_by_kernel

FOLDER = Path(__file__).resolve().parent
FIGURES = (
    "total_return", "annual_return", "annual_volatility", "sharpe_ratio", "max_drawdown",
    "spread_cost", "slippage_cost", "turnover", "win_rate",
)  # fmt: skip
Golden = dict[str, Any]


def decision_digest(events: Iterable[Event], session: str) -> str:
    """SHA-256 of everything that was decided and that happened.

    Left out is what changes with no decision: the first event, which holds versions and digests of
    source files; the session's name inside order ids, which follows from it; and an allocation's
    figures, which BLAS rounds as the processor likes (its multipliers stand in every decision).
    """
    digest = hashlib.sha256()
    for event in events:
        if isinstance(event, SessionStarted | AllocationApplied):
            continue
        kind, payload = encode(event)
        digest.update(kind.encode())
        digest.update(payload.replace(session.encode(), b"-" * len(session)))
    return digest.hexdigest()


def told(plan: Plan) -> Golden:
    """Run a plan, and what is kept of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        replay_by_kernel(plan, folder)
        record = load_record(folder / "journal.sqlite")
        return {
            "decisions": decision_digest(events_of(folder), plan.desk.session),
            **statistics(record),
        }


def statistics(record: RunRecord) -> Golden:
    """Returns, trades, fills by reason, refusals by limit, halts: what people ask about first."""
    results = summarise(record)
    refused = record.verdicts[record.verdicts["verdict"] == "REFUSED"]
    return {
        "bars": results.bars,
        "events": record.events,
        "trades": int(results["trades"].value or 0),
        "figures": {name: results[name].value for name in FIGURES},
        "fills": counted(record.fills["reason"]),
        "refusals": counted(refused["limit"]),
        "cancellations": counted(record.cancellations["reason"]),
        "halts": counted(record.halts["halt"]),
        "rearmed": len(record.rearms),
        "abstentions": counted(record.abstentions["agent"]),
        "allocations": len(record.allocations),
    }


def counted(names: Iterable[str]) -> dict[str, int]:
    """How often each name stands there, by name."""
    return dict(sorted(Counter(map(str, names)).items()))


def kept(story: str) -> Golden | None:
    """What is on record; None for a new story."""
    path = FOLDER / f"{story}.json"
    found: Golden | None = json.loads(path.read_text()) if path.is_file() else None
    return found


def keep(story: str, golden: Golden) -> None:
    """Put it on record."""
    (FOLDER / f"{story}.json").write_text(json.dumps(golden, indent=2) + "\n")


def flat(golden: Golden, prefix: str = "") -> dict[str, Any]:
    """Every statistic by its dotted name."""
    found: dict[str, Any] = {}
    for name, value in golden.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def changes(before: Golden, after: Golden) -> list[tuple[str, Any, Any]]:
    """The statistics that differ: name, old, new; None where there was or is none."""
    old, new = flat(before), flat(after)
    return [
        (name, old.get(name), new.get(name))
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]
