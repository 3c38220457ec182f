"""`PaperBroker`: fills orders on bars, with spread, slippage, margin and financing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np

from infra.brokers.paper.margin import margin_used
from infra.brokers.paper.settlement import settle_bar
from infra.brokers.paper.state import CancelReason, FillReason, FillRules, empty_state, no_fills
from market.bar_window import BarSlice
from market.bars import Floats, utc
from market.conversion import conversion, currency_names
from market.errors import InvalidError
from market.instruments import Instrument
from market.messages import Settlement
from market.orders import Cancellation, Fill, OrderRequest
from market.ports import Interest

NEW_YORK = ZoneInfo("America/New_York")
WHOLE = 1e-12
ROLLOVER = timedelta(hours=7)  # 17:00 in New York is midnight of a clock seven hours ahead


def nights_between(earlier_ns: int, later_ns: int) -> int:
    """Rollovers (17:00 New York) in the time after `earlier` up to and including `later`."""
    days = [(utc(t).astimezone(NEW_YORK) + ROLLOVER).date() for t in (earlier_ns, later_ns)]
    return (days[1] - days[0]).days


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
        self._rules = FillRules(
            slippage=slippage,
            margin_rate=np.array([instrument.margin_rate for instrument in instruments]),
            typical_spread=np.array([instrument.typical_spread for instrument in instruments]),
            closeout_fraction=closeout_fraction,
            financing_fee=financing_fee if interest is not None else 0.0,
        )
        count = len(self._symbols)
        self._increment = np.array([instrument.unit_increment for instrument in instruments])
        self._state = empty_state(count, cash)
        self._log = no_fills(count)
        self._cancelled = np.zeros(count, dtype=np.int64)
        self._charged = np.zeros(count)
        self._waiting: dict[int, OrderRequest] = {}
        self._opened_by: dict[int, str] = {}
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
        increments = order.units / self._increment[column]
        # A multiple of 0.01 is one only to the last bits, and the last bits are those of the
        # positions whose difference the order is: 98,995.92 − 98,989.51 is not quite 6.41.
        size = abs(increments) + abs(self._state.ledger.units[column]) / self._increment[column]
        sized = order.units != 0.0 and np.isfinite(increments)
        if not sized or abs(increments - round(increments)) > WHOLE * max(1.0, size):
            raise InvalidError(
                f"order {order.client_order_id}: units must be a multiple of "
                f"{self._increment[column]:g} and not zero, found {order.units}"
            )
        if column in self._waiting:
            raise InvalidError(
                f"order {order.client_order_id}: order {self._waiting[column].client_order_id} "
                f"already waits in {order.symbol}"
            )
        self._waiting[column] = order
        orders, bracket = self._state.orders, order.bracket
        orders.units[column] = order.units
        orders.stop_distance[column] = bracket.stop
        orders.take_profit_distance[column] = bracket.take_profit
        orders.trailing_distance[column] = np.nan if bracket.trailing is None else bracket.trailing
        orders.lowest_price[column] = order.lowest_price
        orders.highest_price[column] = order.highest_price

    def settle(self, sequence: int, bar: BarSlice) -> Settlement:
        """Fill what waits, trigger exits, charge financing, mark: one bar."""
        ledger, marks = self._state.ledger, self._state.marks
        before = ledger.units.copy()
        nights = 0 if self._last_time is None else nights_between(self._last_time, bar.time)
        self._last_time = bar.time
        equity = settle_bar(
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
        fills = self._fills(sequence, bar.time, before)
        cancellations = self._cancellations(sequence, bar.time)
        self._waiting.clear()
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
            financing=self._charged.copy(),
            cash=float(ledger.cash[0]),
            equity=float(equity),
            margin_used=float(margin_used(ledger.units, marks, self._rules.margin_rate)),
        )

    def working(self) -> tuple[OrderRequest, ...]:
        """The orders that wait for the next bar."""
        return tuple(self._waiting.values())

    def _interest_on(self, time: int, nights: int) -> Floats:
        if self._interest is not None and nights:
            times = np.array([time], dtype=np.int64)
            self._rates = self._interest.on(times, self._currencies)[0]
        return self._rates

    def _fills(self, sequence: int, time: int, held: Floats) -> tuple[Fill, ...]:
        """The bar's fills as values. held: (M,) positions before the bar, moved on here."""
        log = self._log
        fills = []
        for n in range(int(log.size[0])):
            column, reason = int(log.column[n]), FillReason(int(log.reason[n]))
            price, slippage_bps = float(log.price[n]), float("nan")
            held_before = held[column]
            held[column] += log.units[n]
            if reason is FillReason.DECISION:
                order = self._waiting[column]
                if held_before * held[column] <= 0.0:
                    self._opened_by[column] = order.client_order_id
                reference = order.reference_price
                side = 1.0 if order.units > 0.0 else -1.0
                slippage_bps = 1e4 * side * (price - reference) / reference
            fills.append(
                Fill(
                    client_order_id=(
                        self._waiting[column].client_order_id
                        if reason is FillReason.DECISION
                        else self._opened_by[column]
                    ),
                    sequence=sequence,
                    time=time,
                    symbol=self._symbols[column],
                    units=float(log.units[n]),
                    price=price,
                    mid=float(log.mid[n]),
                    rate=float(log.rate[n]),
                    reason=reason.name,
                    realised=float(log.realised[n]),
                    spread_cost=float(log.spread_cost[n]),
                    slippage_cost=float(log.slippage_cost[n]),
                    slippage_bps=slippage_bps,
                )
            )
        return tuple(fills)

    def _cancellations(self, sequence: int, time: int) -> tuple[Cancellation, ...]:
        return tuple(
            Cancellation(
                client_order_id=order.client_order_id,
                sequence=sequence,
                time=time,
                symbol=order.symbol,
                reason=CancelReason(int(self._cancelled[column])).name,
            )
            for column, order in self._waiting.items()
            if self._cancelled[column]
        )
