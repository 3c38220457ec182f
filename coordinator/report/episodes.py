"""What the guardian did in the days that are remembered, where the run went through them."""

from __future__ import annotations

from collections import Counter

import numpy as np

from agents.guardian.codes import Limit
from agents.guardian.scenarios.episodes import EPISODES, Episode
from coordinator.report.markup import (
    Column,
    Html,
    block,
    in_words,
    paragraph,
    percent,
    table,
    tinted,
)
from coordinator.results.record import RunRecord
from coordinator.risk.words import scenario_name

NONE = Limit.NONE.name
REFUSED = "REFUSED"


def episodes_block(record: RunRecord) -> Html:
    """By episode: what was gained or lost, the halts, the orders that were refused or made smaller.

    An episode counts where the run decided on a bar of it, its first day included.
    """
    rows = [_row(record, episode) for episode in EPISODES if _bars(record, episode).any()]
    title = "The guardian in remembered days"
    if not rows:
        return block(title, paragraph("The run went through none of them."))
    columns = (
        Column(title="Days", align="left"),
        Column(title="Equity"),
        Column(title="Deepest fall"),
        Column(title="Halts", align="left"),
        Column(title="Refused", align="left"),
        Column(title="Made smaller by", align="left"),
    )
    return block(
        title,
        table(columns, rows),
        note="From the last calm day to the day on which each is told; a halt with its time.",
    )


def _bars(record: RunRecord, episode: Episode) -> np.ndarray:
    """(T,) which bars end in the episode, or on its first day."""
    first, last = episode.span
    time = np.asarray(record.settled.time, dtype=np.int64)
    return (time >= first) & (time <= last)


def _row(record: RunRecord, episode: Episode) -> tuple[str | Html, ...]:
    chosen = np.flatnonzero(_bars(record, episode))
    before = max(int(chosen[0]) - 1, 0)
    equity = np.asarray(record.settled.equity[before : int(chosen[-1]) + 1])
    gained = float(equity[-1] / equity[0] - 1.0)
    fall = float((1.0 - equity / np.maximum.accumulate(equity)).max())
    begin, end = (record.settled.time[row] for row in (chosen[0], chosen[-1]))
    halts = record.halts[record.halts["time"].between(begin, end)]
    verdicts = record.verdicts[record.verdicts["time"].between(begin, end)]
    refused = verdicts["verdict"] == REFUSED
    smaller = ~refused & (verdicts["limit"] != NONE)
    return (
        scenario_name(episode.name),
        tinted(gained, percent(gained)),
        percent(fall),
        ", ".join(
            f"{in_words(halt)} {at:%Y-%m-%d}"
            for halt, at in zip(halts["halt"], halts["time"], strict=True)
        )
        or "none",
        _counted(verdicts.loc[refused, "limit"].tolist()),
        _counted(verdicts.loc[smaller, "limit"].tolist()),
    )


def _counted(limits: list[str]) -> str:
    found = Counter(limits).most_common()
    return ", ".join(f"{times} {in_words(limit)}" for limit, times in found) or "none"
