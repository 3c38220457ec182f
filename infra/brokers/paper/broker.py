"""`PaperBroker`: fills orders on bars, with spread, slippage, margin and financing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from infra.brokers.paper.acceptance import enter_order, is_sized
from infra.brokers.paper.attribution import Attribution
from infra.brokers.paper.rollovers import nights_between
from infra.brokers.paper.settlement import settle_bar
from infra.brokers.paper.state import empty_state, fill_rules, no_fills
from market.bar_window import BarSlice
from market.bars import Floats
from market.conversion import conversion, currency_names
from market.errors import InvalidError
from market.instruments import Instrument
from market.messages import Settlement
from market.orders import OrderRequest
from market.ports import Interest


def size_refusal(client_order_id: str, units: float, increment: float) -> str:
    """Why an order of this size is not taken."""
    return (
        f"order {client_order_id}: units must be a multiple of "
        f"{increment:g} and not zero, found {units}"
    )


class PaperBroker:
    """A netting broker on bars: at most one position and one waiting order an instrument.

    instruments: the M columns of the bars. slippage: fraction of price. interest: when given,
    positions pay and earn it on both legs, less `financing_fee` a year on notional; else
    neither is charged.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        *,
        account_currency: str,
        cash: float,
        slippage: float,
        closeout_fraction: float = 0.5,
        interest: Interest | None = None,
        financing_fee: float = 0.0,
    ) -> None:
        self._symbols = tuple(instrument.symbol for instrument in instruments)
        self._currencies = currency_names(instruments, account_currency)
        self._paths = conversion(instruments, account_currency)
        self._rules = fill_rules(
            instruments,
            slippage=slippage,
            closeout_fraction=closeout_fraction,
            financing_fee=financing_fee if interest is not None else 0.0,
        )
        count = len(self._symbols)
        self._increment = np.array([instrument.unit_increment for instrument in instruments])
        self._state = empty_state(count, cash)
        self._log = no_fills(count)
        self._cancelled = np.zeros(count, dtype=np.int64)
        self._charged = np.zeros(count)
        self._attribution = Attribution(self._symbols)
        self._interest = interest
        self._rates = np.zeros(len(self._currencies))
        self._last_time: int | None = None

    def place(self, order: OrderRequest) -> None:
        """Take a market order; it fills at the next bar's first price.

        Raises InvalidError for an unknown instrument, a size that is zero, not finite or off
        the unit increment, or a second order while one waits in the same instrument.
        """
        if order.symbol not in self._symbols:
            raise InvalidError(
                f"order {order.client_order_id}: {order.symbol} is not traded here; "
                f"instruments are {', '.join(self._symbols)}"
            )
        column = self._symbols.index(order.symbol)
        increment = float(self._increment[column])
        if not is_sized(order.units, float(self._state.ledger.units[column]), increment):
            raise InvalidError(size_refusal(order.client_order_id, order.units, increment))
        waiting = self._attribution.waiting
        if column in waiting:
            raise InvalidError(
                f"order {order.client_order_id}: order {waiting[column].client_order_id} "
                f"already waits in {order.symbol}"
            )
        waiting[column] = order
        bracket = order.bracket
        enter_order(
            self._state.orders,
            column,
            order.units,
            bracket.stop,
            bracket.take_profit,
            np.nan if bracket.trailing is None else bracket.trailing,
            order.lowest_price,
            order.highest_price,
        )

    def settle(self, sequence: int, bar: BarSlice) -> Settlement:
        """Fill what waits, trigger exits, charge financing, mark: one bar."""
        ledger, marks = self._state.ledger, self._state.marks
        before = ledger.units.copy()
        nights = 0 if self._last_time is None else nights_between(self._last_time, bar.time)
        self._last_time = bar.time
        equity, margin = settle_bar(
            self._state,
            self._paths,
            np.ascontiguousarray(bar.values),
            self._interest_on(bar.time, nights),
            float(nights) if self._interest is not None else 0.0,
            self._rules,
            self._log,
            self._cancelled,
            self._charged,
        )
        attribution = self._attribution
        fills = attribution.fills(sequence, (bar.time,) * int(self._log.size[0]), self._log, before)
        cancellations = attribution.cancellations(sequence, bar.time, self._cancelled)
        attribution.waiting.clear()
        return Settlement(
            sequence=sequence,
            fills=fills,
            cancellations=cancellations,
            units=ledger.units.copy(),
            working=self._state.orders.units.copy(),
            stop_price=self._state.exits.stop_price.copy(),
            mid=marks.mid.copy(),
            spread=marks.spread.copy(),
            rate=marks.rate.copy(),
            age=marks.age.copy(),
            filled=np.bincount(
                self._log.column[: self._log.size[0]], minlength=len(ledger.units)
            ).astype(np.float64),
            financing=self._charged.copy(),
            cash=float(ledger.cash[0]),
            equity=float(equity),
            margin_used=float(margin),
        )

    def working(self) -> tuple[OrderRequest, ...]:
        """The orders that wait for the next bar."""
        return tuple(self._attribution.waiting.values())

    def _interest_on(self, time: int, nights: int) -> Floats:
        if self._interest is not None and nights:
            times = np.array([time], dtype=np.int64)
            self._rates = self._interest.on(times, self._currencies)[0]
        return self._rates
