"""The answer of `quorum whatif`, for people and for machines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from coordinator.results.record import RunRecord
from coordinator.whatif.answer import HELD_FIXED, Answer
from coordinator.whatif.contribution import GAME
from coordinator.whatif.differences import Changed
from coordinator.whatif.outlook import YARDSTICK
from coordinator.whatif.shapley import Shares


def question(found: Answer, record: RunRecord) -> str:
    """What was asked, in words."""
    recorded, asked = found.recorded, found.asked
    gone = [name for name in recorded.names if name not in asked.names]
    parts = [f"without {', '.join(gone)}"] if gone else []
    parts += [
        f"{name} weighs {asked.weight_of(name):g}, not {recorded.weight_of(name):g}"
        for name in asked.names
        if asked.weight_of(name) != recorded.weight_of(name)
    ]
    if asked.threshold != recorded.threshold:
        parts.append(f"threshold {asked.threshold:g}, not {recorded.threshold:g}")
    if asked.quorum != recorded.quorum:
        parts.append(f"quorum {asked.quorum:g}, not {recorded.quorum:g}")
    asked_for = "; ".join(parts) or "by its own rules"
    return f"Run {record.session.session} {asked_for}"


def tell(console: Console, found: Answer, record: RunRecord) -> None:
    """Print the answer."""
    counts = found.differences
    console.print(Text(question(found, record), style="bold"))
    console.print(f"{HELD_FIXED}\n")
    console.print(
        "By its own rules every recorded outcome and score comes out again, bit for bit.\n"
        f"Agreement {counts.agreement:.2%}: {counts.changed:,} of {counts.decisions:,} decisions "
        f"change; {counts.acted:,} in their side, {counts.reversed_:,} from one side to the other\n"
        f"One bar later: recorded {_bps(found.recorded_bps)}, what if {_bps(found.asked_bps)} bps "
        "a decision, before costs\n"
    )
    if counts.changed:
        console.print(_matrix(counts.matrix), "")
        console.print(_by_instrument(counts.by_instrument), "")
    console.print(_by_agent(found))
    console.print(
        "for recorded, for what if: votes on the changed decisions for the side decided then.\n"
    )
    if counts.first:
        console.print(_first(counts.first, counts.changed), "")
    console.print(f"Shapley values, in bps a decision: {GAME}. {_how(found.recorded_shares)}")


def _table(title: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    return table


def _matrix(matrix: pd.DataFrame) -> Table:
    table = _table("Recorded, by row, and what if", "", *matrix.columns)
    for name, counts in matrix.iterrows():
        table.add_row(str(name), *(f"{count:,}" if count else "·" for count in counts))
    return table


def _by_instrument(changes: pd.DataFrame) -> Table:
    table = _table("By instrument", "", "decisions", "changed", "in side", "reversed", "share")
    for symbol, row in changes.iterrows():
        table.add_row(
            str(symbol), f"{row['decisions']:,}", f"{row['changed']:,}", f"{row['acted']:,}",
            f"{row['reversed']:,}", f"{row['changed'] / row['decisions']:.1%}",
        )  # fmt: skip
    return table


def _by_agent(found: Answer) -> Table:
    table = _table("By agent", "", "weight", "what if", "for recorded", "for what if", "Shapley",
                   "what if")  # fmt: skip
    for name, row in found.differences.by_agent.iterrows():
        agent = str(name)
        weight, anew = found.recorded.weight_of(agent), found.asked.weight_of(agent)
        share, then = (found.share_of(agent, asked=asked) for asked in (False, True))
        table.add_row(
            agent, f"{weight:g}", "out" if anew is None else f"{anew:g}",
            f"{row['for_recorded']:,}", f"{row['for_what_if']:,}", _bps(share), _bps(then),
        )  # fmt: skip
    table.add_row(
        "together", "", "", "", "",
        _bps(found.recorded_shares.everybody), _bps(found.asked_shares.everybody),
    )  # fmt: skip
    return table


def _first(changes: Sequence[Changed], changed: int) -> Table:
    table = _table(
        f"The first {len(changes)} of {changed:,}", "", "instrument", "recorded", "score",
        "what if", "score",
    )  # fmt: skip
    for change in changes:
        table.add_row(
            f"{change.time:%Y-%m-%d %H:%M}", change.instrument, change.recorded.name,
            _score(change.recorded_score), change.what_if.name, _score(change.what_if_score),
        )  # fmt: skip
    return table


def _score(score: float) -> str:
    return "none" if math.isnan(score) else f"{score:+.4f}"


def _bps(value: float | None) -> str:
    if value is None:
        return "·"
    return "unknown" if math.isnan(value) else f"{value:+.3f}"


def _how(shares: Shares) -> str:
    if shares.permutations is None:
        return f"Exact, from all {shares.coalitions:,} coalitions."
    return (
        f"A sample of {shares.permutations} orders of joining; the largest standard error is "
        f"{shares.standard_error.max():.3f}."
    )


def as_json(found: Answer, record: RunRecord) -> dict[str, Any]:
    """The whole answer; what is no number is null."""
    counts = found.differences
    return {
        "session": record.session.session,
        "market_path": "held fixed",
        "reproduced": True,
        "recorded": _rules_json(found, asked=False),
        "what_if": _rules_json(found, asked=True),
        "decisions": counts.decisions,
        "changed": counts.changed,
        "changed_side": counts.acted,
        "reversed": counts.reversed_,
        "agreement": counts.agreement,
        "matrix": counts.matrix.to_dict(orient="index"),
        "by_instrument": counts.by_instrument.to_dict(orient="index"),
        "by_agent": counts.by_agent.to_dict(orient="index"),
        "first_changed": [
            {
                "time": change.time.isoformat(),
                "instrument": change.instrument,
                "recorded": change.recorded.name,
                "recorded_score": _finite(change.recorded_score),
                "what_if": change.what_if.name,
                "what_if_score": _finite(change.what_if_score),
            }
            for change in counts.first
        ],
        "yardstick": YARDSTICK,
        "game": GAME,
        "missing": list(record.missing),
    }


def _rules_json(found: Answer, *, asked: bool) -> dict[str, Any]:
    rules = found.asked if asked else found.recorded
    shares = found.asked_shares if asked else found.recorded_shares
    return {
        "weights": dict(zip(rules.names, rules.weights.tolist(), strict=True)),
        "threshold": rules.threshold,
        "quorum": rules.quorum,
        "one_bar_ahead_bps": _finite(found.asked_bps if asked else found.recorded_bps),
        "shapley": {
            "bps": {
                name: _finite(value)
                for name, value in zip(rules.names, shares.values.tolist(), strict=True)
            },
            "standard_error": dict(zip(rules.names, shares.standard_error.tolist(), strict=True)),
            "nobody": _finite(shares.nobody),
            "everybody": _finite(shares.everybody),
            "coalitions": shares.coalitions,
            "permutations": shares.permutations,
        },
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
