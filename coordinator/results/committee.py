"""How the committee voted, and what became of its decisions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from agents.guardian.calibration.foretold import brier_of, calibration_error_of
from coordinator.results.calibration import gathered
from coordinator.results.frames import APPROVED, REFUSED
from coordinator.results.record import RunRecord
from coordinator.results.trades import OPEN
from coordinator.tally import Outcome
from market.bars import Floats

AGENT_RULE = (
    "each trade's profit and loss is split over the agents by w·s / Σ w·s of the decision behind "
    "its entry: w the agent's weight, s its signed score. The shares add up to 1; an agent that "
    "voted the other way has a negative share, and gains where the trade loses"
)


class Counts(NamedTuple):
    """How often something happened, by name, most frequent first.

    decisions: outcomes of the tally over instruments and bars. refusals: refused orders by the
    limit that refused them. bounds: approved orders by what set their size. shrunk: approved
    orders that the guardian made smaller, by limit. exits: closed trades by reason.
    halts: by breaker. cancellations: orders that did not fill whole, by reason; what a broker said
    when it rejected one is left out.
    """

    decisions: dict[str, int]
    refusals: dict[str, int]
    bounds: dict[str, int]
    shrunk: dict[str, int]
    exits: dict[str, int]
    halts: dict[str, int]
    cancellations: dict[str, int]


def counts_of(record: RunRecord, trades: pd.DataFrame) -> Counts:
    """Every count of a run."""
    verdicts = record.verdicts
    approved = verdicts[verdicts["verdict"] == APPROVED]
    refused = verdicts[verdicts["verdict"] == REFUSED]
    codes, times = np.unique(record.decided.outcome, return_counts=True)
    decisions = pd.Series(times, index=[Outcome(int(code)).name for code in codes], dtype=int)
    return Counts(
        decisions=_ranked(decisions),
        refusals=_ranked(refused["limit"].value_counts()),
        bounds=_ranked(approved["bound"].value_counts()),
        shrunk=_ranked(approved.loc[approved["limit"] != "NONE", "limit"].value_counts()),
        exits=_ranked(trades.loc[trades["exit_reason"] != OPEN, "exit_reason"].value_counts()),
        halts=_ranked(record.halts["halt"].value_counts()),
        cancellations=_ranked(record.cancellations["reason"].str.split(":").str[0].value_counts()),
    )


def consensus_rate(record: RunRecord) -> float:
    """Mean over BUY and SELL decisions of the voting agents' share on the decision's side.

    A neutral vote is a vote that does not agree; an abstention is no vote. NaN without decisions.
    """
    agreed, voted = _agreement(record)
    if not agreed.shape[0]:
        return float("nan")
    return float(np.mean(agreed.sum(axis=1) / voted.sum(axis=1)))


def agent_table(record: RunRecord, trades: pd.DataFrame) -> pd.DataFrame:
    """One row an agent.

    voted: share of instruments and bars on which it did not abstain. neutral: share of its votes
    that were 0. mean_size: mean |score| of the others. agreed: of the BUY and SELL decisions it
    voted on, the share on its side. contribution: profit and loss, account currency, by
    AGENT_RULE. brier_score, calibration_error: of the forecasts that sizes rested on, NaN where
    there were none. failures: decisions on which it failed or broke its contract.
    """
    scores = record.decided.scores
    cast = ~np.isnan(scores)
    votes, neutral = cast.sum(axis=(0, 2)), (scores == 0.0).sum(axis=(0, 2))
    sizes = np.nansum(np.abs(scores), axis=(0, 2))
    agreed, voted = _agreement(record)
    failures = record.abstentions["agent"].value_counts()
    every = scores.shape[0] * scores.shape[2]
    foretold = gathered(record)
    return pd.DataFrame(
        {
            "weight": record.weights,
            "voted": _ratio(votes, np.full(len(votes), every)),
            "neutral": _ratio(neutral, votes),
            "mean_size": _ratio(sizes, votes - neutral),
            "agreed": _ratio(agreed.sum(axis=0), voted.sum(axis=0)),
            "contribution": contribution_by_agent(record, trades),
            "brier_score": brier_of(foretold),
            "calibration_error": calibration_error_of(foretold),
            "failures": [int(failures.get(agent, 0)) for agent in record.agents],
        },
        index=pd.Index(record.agents, name="agent", dtype="str"),
    )


def contribution_by_agent(record: RunRecord, trades: pd.DataFrame) -> Floats:
    """Profit and loss (A,) by AGENT_RULE; trades whose decision was not recorded are left out."""
    known = trades[trades["decision"].isin(record.decided.sequence)]
    if known.empty:
        return np.zeros(len(record.agents))
    rows = np.searchsorted(record.decided.sequence, known["decision"].to_numpy())
    columns = [record.symbols.index(symbol) for symbol in known["symbol"]]
    parts = record.weights * np.nan_to_num(record.decided.scores[rows, :, columns])
    share = _ratio(parts, parts.sum(axis=1, keepdims=True))
    by_agent: Floats = np.nansum(share * known["pnl"].to_numpy()[:, None], axis=0)
    return by_agent


def instrument_table(record: RunRecord, trades: pd.DataFrame) -> pd.DataFrame:
    """One row a traded instrument: trades, share won, results and costs in account currency.

    held: share of the bars with a position at their end.
    """
    symbols = pd.Index(record.symbols, name="symbol", dtype="str")
    closed = trades[trades["exit_reason"] != OPEN]
    by_symbol = trades.groupby("symbol")
    money = by_symbol[["pnl", "realised", "unrealised", "financing", "spread_cost"]].sum()
    money["slippage_cost"] = by_symbol["slippage_cost"].sum()
    table = pd.DataFrame(index=symbols)
    table["trades"] = closed.groupby("symbol").size().reindex(symbols, fill_value=0).astype(int)
    table["win_rate"] = (closed["pnl"] > 0.0).groupby(closed["symbol"]).mean().reindex(symbols)
    table = table.join(money.reindex(symbols).fillna(0.0))
    held = record.settled.units[:, : len(symbols)] != 0.0
    table["held"] = held.mean(axis=0) if len(held) else np.nan
    return table


def _agreement(record: RunRecord) -> tuple[Floats, Floats]:
    """For every BUY or SELL decision and agent: whether its vote agreed, whether it voted."""
    decided = record.decided
    acted = np.abs(decided.outcome) == 1
    scores = np.moveaxis(decided.scores, 1, 2)[acted]
    agreed = np.sign(scores) == decided.outcome[acted][:, None]
    return agreed.astype(np.float64), (~np.isnan(scores)).astype(np.float64)


def _ratio(part: Floats, whole: Floats) -> Floats:
    ratio: Floats = np.divide(
        part,
        whole,
        out=np.full(np.broadcast(part, whole).shape, np.nan),
        where=np.broadcast_to(whole != 0.0, np.broadcast(part, whole).shape),
    )
    return ratio


def _ranked(counts: pd.Series) -> dict[str, int]:
    ranked = counts.sort_values(ascending=False, kind="stable")
    return {str(name): int(count) for name, count in ranked.items()}
