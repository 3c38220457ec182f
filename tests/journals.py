"""Builds journals of small, hand-made sessions for the tests of results and report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from coordinator.tally import tally, tally_halves, undecided
from infra.journal.sqlite import SqliteJournal
from market.bars import Floats
from market.events import (
    AgentAbstained,
    AllocationApplied,
    BarSettled,
    DecisionTaken,
    Event,
    OrderFilled,
    OrderIntended,
    SessionEnded,
    SessionStarted,
)
from market.ledger import book_fill, equity, open_ledger
from market.orders import Bracket, Fill, OrderRequest, client_order_id
from market.seats import AgentSeated
from market.verdicts import RiskApproved, RiskRefused

SESSION = "test"
THRESHOLD = 0.25
NOT_MODELLED = "not modelled: no rates file given"


class JournalBuilder:
    """A desk whose prices, orders and exits the test dictates; booking is the real ledger's.

    Orders of `decide` fill at the next `bar`. half_spread and slippage are in price units.
    Use it as a context manager to close the journal.
    """

    def __init__(
        self,
        path: Path,
        symbols: tuple[str, ...] = ("EUR_USD",),
        *,
        agents: Mapping[str, float] | None = None,
        times: pd.DatetimeIndex | None = None,
        interval_s: int = 86_400,
        bars: int = 10,
        half_spread: float = 0.0,
        slippage: float = 0.0,
        financing: str = NOT_MODELLED,
        has_extremes: bool = True,
        configuration: str = "{}",
    ) -> None:
        self.path = path
        self.symbols = symbols
        self.agents = dict(agents or {"momentum": 0.5, "mean_reversion": 0.5})
        self._times = times if times is not None else pd.bdate_range("2024-01-01", periods=bars)
        self._half_spread, self._slippage = half_spread, slippage
        self._ledger = open_ledger(len(symbols), 100_000.0)
        self._waiting: list[OrderRequest] = []
        self._opened_by: dict[str, str] = {}
        self._sequence = -1
        self._time = 0
        self._journal = SqliteJournal(path)
        self.record(
            SessionStarted(
                session=SESSION,
                account_currency="USD",
                initial_balance=100_000.0,
                symbols=symbols,
                traded=len(symbols),
                currencies=tuple(sorted({leg for s in symbols for leg in s.split("_")} | {"USD"})),
                interval_s=interval_s,
                has_extremes=has_extremes,
                first_time=_ns(self._times[0]),
                last_time=_ns(self._times[-1]),
                bars=bars,
                data="made by hand",
                data_digest="0" * 64,
                financing=financing,
                agents=tuple(
                    AgentSeated(name=name, weight=weight, lookback=5, evidence=(), source="tests")
                    for name, weight in self.agents.items()
                ),
                configuration=configuration,
                versions=(("quorum", "0.1.0"),),
            )
        )

    def __enter__(self) -> JournalBuilder:
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.close()

    def record(self, event: Event) -> None:
        """Append any event."""
        self._journal.append(event)

    def bar(
        self,
        mid: Mapping[str, float],
        *,
        exits: Mapping[str, str] | None = None,
        financing: Mapping[str, float] | None = None,
    ) -> None:
        """Settle the next bar: waiting orders and the exits (symbol to reason) fill at `mid`."""
        self._sequence += 1
        self._time = _ns(self._times[self._sequence])
        prices = np.array([mid[symbol] for symbol in self.symbols])
        rates = np.array([self._rate(symbol, mid) for symbol in self.symbols])
        charged = np.array([(financing or {}).get(symbol, 0.0) for symbol in self.symbols])
        self._ledger.cash[0] += charged.sum()
        for order in self._waiting:
            self._fill(order.symbol, order.units, order.client_order_id, "DECISION", prices, rates)
        self._waiting = []
        for symbol, reason in (exits or {}).items():
            units = -float(self._ledger.units[self.symbols.index(symbol)])
            self._fill(symbol, units, self._opened_by[symbol], reason, prices, rates)
        spread = np.full(len(prices), 2.0 * self._half_spread)
        self.record(
            BarSettled(
                sequence=self._sequence,
                time=self._time,
                units=self._ledger.units.copy(),
                mid=prices,
                spread=spread,
                rate=rates,
                equity=float(equity(self._ledger, prices, spread, rates)),
                cash=float(self._ledger.cash[0]),
                financing=charged,
                margin_used=0.0,
            )
        )

    def decide(
        self,
        scores: Mapping[str, tuple[float, ...]] | None = None,
        *,
        orders: Mapping[str, float] | None = None,
        refused: Mapping[str, str] | None = None,
        bound: str = "RISK_PER_TRADE",
    ) -> None:
        """Decide on the bar: by symbol the agents' scores, orders in units, refusals by limit."""
        votes: Floats = np.zeros((len(self.agents), len(self.symbols)))
        for symbol, given in (scores or {}).items():
            votes[:, self.symbols.index(symbol)] = given
        decision = undecided(len(self.symbols))
        weights = np.array(list(self.agents.values()))
        tally(votes, weights, THRESHOLD, 0.5, decision)
        tally_halves(votes, weights, decision)
        self.record(
            DecisionTaken(
                sequence=self._sequence,
                time=self._time,
                scores=votes,
                evidence=np.empty((0, len(self.symbols))),
                score=decision.score,
                buy=decision.buy,
                sell=decision.sell,
                turnout=decision.turnout,
                outcome=decision.outcome,
                multiplier=np.ones(len(self.symbols)),
                bound=np.zeros(len(self.symbols), dtype=np.int64),
                approved=tuple(_approved(s, units, bound) for s, units in (orders or {}).items()),
                refused=tuple(_refused(s, limit) for s, limit in (refused or {}).items()),
            )
        )
        for symbol, units in (orders or {}).items():
            self._intend(symbol, units)

    def abstain(self, agent: str, reason: str) -> None:
        """An agent fails on the present bar."""
        self.record(
            AgentAbstained(sequence=self._sequence, time=self._time, agent=agent, reason=reason)
        )

    def allocate(self, weights: Floats) -> None:
        """An allocation takes effect on the present bar."""
        self.record(
            AllocationApplied(
                approximation_ratio=float("nan"),
                uniform_gain=float("nan"),
                gap=float("nan"),
                fallback=None,
                sequence=self._sequence,
                time=self._time,
                requested=self._sequence - 1,
                method="exact",
                proven_optimal=True,
                objective=0.0,
                expected_return=0.0,
                variance=0.0,
                weights=weights,
                multiplier=weights * len(weights),
                note="",
                repaired=None,
                warm_starts=np.zeros(0),
            )
        )

    def end(self, outcome: str = "completed") -> None:
        """The last event."""
        self.record(
            SessionEnded(
                sequence=self._sequence, time=self._time, outcome=outcome, bars=self._sequence + 1
            )
        )

    def _intend(self, symbol: str, units: float) -> None:
        order = OrderRequest(
            client_order_id=client_order_id(SESSION, self._sequence, symbol),
            sequence=self._sequence,
            symbol=symbol,
            units=units,
            bracket=Bracket(stop=0.01, take_profit=0.025, trailing=None),
            lowest_price=0.0,
            highest_price=1e9,
            reference_price=1.0,
        )
        self._waiting.append(order)
        self.record(OrderIntended(order=order))

    def _fill(
        self, symbol: str, units: float, order: str, reason: str, prices: Floats, rates: Floats
    ) -> None:
        column = self.symbols.index(symbol)
        mid, rate = float(prices[column]), float(rates[column])
        held = float(self._ledger.units[column])
        cost = self._half_spread + self._slippage
        price = mid + (cost if units > 0.0 else -cost)
        realised = float(book_fill(self._ledger, column, units, price, rate))
        if held * (held + units) <= 0.0:
            self._opened_by[symbol] = order
        fill = Fill(
            client_order_id=order,
            sequence=self._sequence,
            time=self._time,
            symbol=symbol,
            units=units,
            price=price,
            mid=mid,
            rate=rate,
            reason=reason,
            realised=realised,
            spread_cost=abs(units) * self._half_spread * rate,
            slippage_cost=abs(units) * self._slippage * rate,
            slippage_bps=float("nan"),
        )
        self.record(OrderFilled(fill=fill))

    @staticmethod
    def _rate(symbol: str, mid: Mapping[str, float]) -> float:
        base, _, quote = symbol.partition("_")
        if quote == "USD":
            return 1.0
        return 1.0 / mid[symbol] if base == "USD" else mid[f"{quote}_USD"]


def _ns(time: pd.Timestamp) -> int:
    return int(time.as_unit("ns").value)


def _approved(symbol: str, units: float, bound: str) -> RiskApproved:
    return RiskApproved(
        symbol=symbol,
        units=units,
        proposed_units=units,
        score=0.5,
        bracket=Bracket(stop=0.01, take_profit=0.025, trailing=None),
        reference_price=1.0,
        lowest_price=0.0,
        highest_price=1e9,
        bound=bound,
        limit="NONE",
        allowed=float("nan"),
        measured=float("nan"),
    )


def _refused(symbol: str, limit: str) -> RiskRefused:
    return RiskRefused(
        symbol=symbol,
        proposed_units=1_000.0,
        score=0.5,
        bound="RISK_PER_TRADE",
        limit=limit,
        allowed=300_000.0,
        measured=310_000.0,
    )
