"""An explanation as one JSON object: numbers as numbers, what is unknown as null."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from coordinator.explain.afterwards import cancellations_of, entries_of
from coordinator.explain.chain import held_before, size_bound
from coordinator.explain.evidence import plain_name
from coordinator.explain.explanation import column_of, explain
from coordinator.explain.headline import headline
from coordinator.explain.record import DecisionRecord
from coordinator.explain.seen import DataSeen
from coordinator.explain.trade import trade_of
from coordinator.explain.votes import ballots_of, tally_rules
from coordinator.tally import Outcome
from market.bars import utc
from market.orders import Cancellation, Fill
from market.verdicts import RiskApproved


def decision_document(record: DecisionRecord, symbol: str, seen: DataSeen | None) -> dict[str, Any]:
    """Everything that `explain` tells, and its words. Times are ISO 8601, UTC; money is in
    `account_currency`.
    """
    column = column_of(record, symbol)
    taken = record.taken
    intent = record.order(symbol)
    trade = trade_of(record, intent.client_order_id) if intent is not None else None
    found: dict[str, Any] = {
        "session": record.session.session,
        "decision": taken.sequence,
        "instrument": symbol,
        "time": _time(taken.time),
        "account_currency": record.session.account_currency,
        "headline": headline(record, column).says,
        "ballots": _ballots(record, column),
        "tally": _tally(record, column),
        "allocation": _allocation(record, column),
        "size": {
            "held": held_before(record, column),
            "bound": size_bound(record, column),
        },
        "verdict": _verdict(record, symbol),
        "order": None if intent is None else asdict(intent),
        "broker": [
            {"answer": type(answer).__name__, **asdict(answer), "time": _time(answer.time)}
            for answer in record.answers
            if intent is not None and answer.client_order_id == intent.client_order_id
        ],
        "fills": [_told(record, fill) for fill in entries_of(record, column)],
        "cancellations": [_told(record, gone) for gone in cancellations_of(record, column)],
        "trade": None,
        "record": _record(record, seen),
        "steps": [
            {"title": step.title, "says": step.says} for step in explain(record, symbol, seen).steps
        ],
    }
    if trade is not None:
        found["trade"] = {
            "side": trade.side,
            "opened": _time(trade.opened),
            "closed": None if trade.closed is None else _time(trade.closed),
            "exit_reason": trade.exit_reason,
            "entry_price": trade.entry_price,
            "exit_price": trade.exit_price,
            "realised": trade.realised,
            "unrealised": trade.unrealised,
            "financing": trade.financing,
            "profit": trade.profit,
            "exits": [_told(record, fill) for fill in trade.exits],
        }
    told: dict[str, Any] = _known(found)
    return told


def _known(value: Any) -> Any:
    """The same with null for every number that is none."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _known(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_known(item) for item in value]
    return value


def _ballots(record: DecisionRecord, column: int) -> list[dict[str, Any]]:
    return [
        {
            "agent": ballot.agent,
            "weight": ballot.weight,
            "score": ballot.score,
            "vote": ballot.vote,
            "abstained_because": ballot.reason,
            "evidence": [
                {"name": name, "says": plain_name(name), "value": value}
                for name, value in ballot.evidence
            ],
        }
        for ballot in ballots_of(record, column)
    ]


def _tally(record: DecisionRecord, column: int) -> dict[str, Any]:
    taken, rules = record.taken, tally_rules(record)
    return {
        "score": float(taken.score[column]),
        "buy": float(taken.buy[column]),
        "sell": float(taken.sell[column]),
        "turnout": float(taken.turnout[column]),
        "quorum": rules.quorum,
        "threshold": rules.threshold,
        "outcome": Outcome(int(taken.outcome[column])).name,
    }


def _allocation(record: DecisionRecord, column: int) -> dict[str, Any]:
    last = record.allocation
    told: dict[str, Any] = {"multiplier": float(record.taken.multiplier[column])}
    if last is not None:
        told |= {
            "applied": last.sequence,
            "age_bars": record.taken.sequence - last.sequence,
            "method": last.method,
            "proven_optimal": last.proven_optimal,
            "fallback": last.fallback,
        }
    return told


def _verdict(record: DecisionRecord, symbol: str) -> dict[str, Any] | None:
    verdict = record.verdict(symbol)
    if verdict is None:
        return None
    approved = isinstance(verdict, RiskApproved)
    return {
        "verdict": "APPROVED" if approved else "REFUSED",
        "proposed_units": verdict.proposed_units,
        "units": verdict.units if isinstance(verdict, RiskApproved) else 0.0,
        "limit": verdict.limit,
        "allowed": verdict.allowed,
        "measured": verdict.measured,
    }


def _record(record: DecisionRecord, seen: DataSeen | None) -> dict[str, Any]:
    return {
        "live": record.live,
        "event": record.number,
        "chain_sha256": record.chained,
        "data": record.session.data,
        "data_sha256": record.session.data_digest,
        "seen": None if seen is None else asdict(seen),
        "versions": dict(record.versions),
        "sources": {seat.name: seat.source for seat in record.seats},
    }


def _told(record: DecisionRecord, what: Fill | Cancellation) -> dict[str, Any]:
    """With the broker's transaction, null where it numbers none."""
    return {
        **asdict(what),
        "time": _time(what.time),
        "transaction": record.transaction_of(what),
    }


def _time(time: int) -> str:
    return utc(time).isoformat()
