"""`OandaBroker`: an account at OANDA as a `LiveBroker`."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from oandapyV20.endpoints import accounts, orders

from infra.brokers.oanda.account import account_state
from infra.brokers.oanda.answers import is_dependent, order_as_told
from infra.brokers.oanda.candles import granularity_for
from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.finding import Finder
from infra.brokers.oanda.history import history
from infra.brokers.oanda.origins import Origins, Raw
from infra.brokers.oanda.paths import quoted
from infra.brokers.oanda.placing import WAITS, Placing, refusal_of
from infra.brokers.oanda.protecting import Protecting, WantedExits
from infra.brokers.oanda.reading import reading
from infra.brokers.oanda.records import Records
from infra.brokers.oanda.translation import Translation
from infra.feeds.oanda.stream import OandaStream
from market.accounts import AccountState, BrokerOrder, OrderState, Transaction
from market.bars import Bars
from market.errors import (
    DataError,
    InvalidError,
    OutcomeUnknown,
    TransientError,
    UnknownInstrument,
)
from market.instruments import Instrument
from market.orders import OrderRequest

_KEPT = 10_000


class OandaBroker:
    """instruments: the desk's, in its order. interval_s: of its bars. speed: of the broker's time.

    Every call ends within the connection's time-outs. The gateway's thread places, finds and
    cancels; `transaction_of` and `transactions` may be called from any. Raises InvalidError for an
    interval that OANDA's candles do not make up.
    """

    def __init__(
        self,
        connection: OandaConnection,
        *,
        instruments: Sequence[Instrument],
        account_currency: str,
        interval_s: int,
        speed: float = 1.0,
        elapsed: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        granularity_for(interval_s)
        self._connection = connection
        self._account = quoted(connection.account)
        self._currency = account_currency
        self._speed = speed
        self.symbols = tuple(instrument.symbol for instrument in instruments)
        self._mids: OrderedDict[str, float] = OrderedDict()
        self._records = Records(connection)
        self._origins = Origins(self._records)
        self._finder = Finder(
            connection, self._records, self._origins, elapsed=elapsed, sleep=sleep
        )
        self._placing = Placing(
            connection,
            self._origins,
            self._finder,
            {instrument.symbol: instrument for instrument in instruments},
            self._note_mid,
        )
        self._protecting = Protecting(connection)
        self._translation = Translation(
            self._origins,
            self.symbols,
            decision_mid=lambda name: self._mids.get(name, math.nan),
            before=self._before,
        )

    def place(self, order: OrderRequest) -> BrokerOrder:
        """Send an order with its exits. Raises InvalidError with OANDA's code where it is refused;
        a repetition answers with the order that is there.
        """
        answer = self._placing.create(order)
        if answer.state is OrderState.REJECTED:
            raise InvalidError(refusal_of(answer))
        return answer

    def place_all(self, orders: Sequence[OrderRequest]) -> tuple[BrokerOrder, ...]:
        """Send several, one after the other; what is refused is answered REJECTED.

        After one without an answer, which is UNKNOWN, or that could not leave, which is NOT_SENT,
        nothing more is sent. Where that befell the first one its error is raised instead.
        """
        answers: list[BrokerOrder] = []
        for order in orders:
            try:
                answers.append(self._placing.create(order))
            except (OutcomeUnknown, TransientError, InvalidError) as error:
                if not answers:
                    raise
                unknown = isinstance(error, OutcomeUnknown)
                state = OrderState.UNKNOWN if unknown else OrderState.NOT_SENT
                answers.append(_unanswered(order, state, str(error)))
                break
        why = f"not sent after {answers[-1].client_order_id}" if answers else ""
        answers += [
            _unanswered(order, OrderState.NOT_SENT, why) for order in orders[len(answers) :]
        ]
        return tuple(answers)

    def find(self, client_order_id: str) -> BrokerOrder | None:
        """The order under this id; None where OANDA has none, nor in the last day or 5,000
        transactions had one.
        """
        return self._finder.find(client_order_id)

    def working(self) -> tuple[BrokerOrder, ...]:
        """The orders that wait, oldest first, but for the exits that hang on trades."""
        answer = self._connection.ask(orders.OrdersPending(self._account))
        with reading("the orders that wait"):
            told = [
                order_as_told(raw, self._records.transaction, self._origins)
                for raw in sorted(answer["orders"], key=lambda one: int(one["id"]))
                if not is_dependent(raw)
            ]
        if told:
            self._finder.catch_up()
        recorded = (self._finder.recorded(order.client_order_id) for order in told)
        return tuple(
            known if known is not None and known.state in WAITS else order
            for order, known in zip(told, recorded, strict=True)
        )

    def cancel(self, client_order_id: str) -> BrokerOrder:
        """Cancel an order that waits; of one that has ended, its end."""
        return self._placing.cancel(client_order_id)

    def replace(self, client_order_id: str, order: OrderRequest) -> BrokerOrder:
        """Put an order in the place of one that waits, in one step; of one that has ended, its end
        and nothing is placed.
        """
        return self._placing.replace(client_order_id, order)

    def close(self, symbol: str, client_order_id: str) -> BrokerOrder | None:
        """Close the whole position at the market under this id; None where there is none."""
        self._check_traded(symbol)
        return self._placing.close(symbol, client_order_id)

    def reduce(self, symbol: str, units: float, client_order_id: str) -> BrokerOrder | None:
        """Close so many units of the position at the market under this id, all of it where fewer
        are held; None where there is none. A repetition answers with the order that is there.
        """
        self._check_traded(symbol)
        if not 0.0 < units < math.inf:
            raise InvalidError(
                f"order {client_order_id}: the units to close must be positive, found {units}"
            )
        return self._placing.close(symbol, client_order_id, units)

    def close_trade(self, number: int) -> BrokerOrder | None:
        """Close one of OANDA's trades, by its id; None where it is not open."""
        return self._placing.close_trade(number)

    def protect(
        self,
        symbol: str,
        *,
        stop_price: float | None = None,
        take_profit_price: float | None = None,
        trailing: float | None = None,
    ) -> None:
        """Change the exits of every open trade of an instrument; None leaves one as it is, NaN
        takes it away. Raises OutcomeUnknown, naming the trades, where it was done in part.
        """
        self._check_traded(symbol)
        wanted = WantedExits(
            stop_price=stop_price, take_profit_price=take_profit_price, trailing=trailing
        )
        self._protecting.protect(symbol, wanted)

    def account(self) -> AccountState:
        """The account now, from one answer. Raises InvalidError where it is in another currency,
        or holds opposite positions.
        """
        answer = self._connection.ask(accounts.AccountDetails(self._account))
        with reading("the account"):
            told, currency = answer["account"], answer["account"]["currency"]
        if currency != self._currency:
            raise InvalidError(
                f"account {self._connection.account} is in {currency} and the desk in "
                f"{self._currency}; trade an account in the desk's currency"
            )
        return account_state(told, self.symbols)

    def transactions(self, after: int) -> tuple[Transaction, ...]:
        """Every transaction with an id above `after`, in order, up to the first that cannot be
        read. Raises DataError where that is the first of all.
        """
        found: list[Transaction] = []
        try:
            for raw in self._records.since(after):
                found.append(self.transaction_of(raw))
        except DataError:
            if not found:
                raise  # else it is the first of all once these are booked
        return tuple(found)

    def _every_transaction(self, after: int) -> tuple[Transaction, ...]:
        """The same, whole: what follows one that cannot be read may not be given either."""
        return tuple(map(self.transaction_of, self._records.since(after)))

    def transaction_of(self, raw: Mapping[str, Any]) -> Transaction:
        """A transaction of OANDA's as the desk's. What it does not tell itself is asked for, which
        may raise TransientError; DataError where it cannot be read.
        """
        return self._translation.transaction_of(raw)

    def history(self, interval_s: int, bars: int) -> Bars:
        """The last closed bars of the desk's instruments, at most so many, newest last."""
        return history(self._connection, self.symbols, interval_s, bars)

    def subscribe(self, after: int) -> OandaStream:
        """Prices from now on, and every transaction with an id above `after`."""
        return OandaStream(
            self._connection,
            self.symbols,
            after,
            transaction_of=self.transaction_of,
            backfill=self._every_transaction,
            speed=self._speed,
        )

    def _check_traded(self, symbol: str) -> None:
        if symbol not in self.symbols:
            raise UnknownInstrument(
                f"the desk does not trade {symbol}; it trades {', '.join(self.symbols)}"
            )

    def _note_mid(self, order: OrderRequest) -> None:
        self._mids[order.client_order_id] = order.reference_price
        if len(self._mids) > _KEPT:
            self._mids.popitem(last=False)

    def _before(self, number: int) -> Iterator[Raw]:
        """Transactions below an id, newest first, down to the first as far as they are read."""
        return self._records.newest_first(number, below=number)


def _unanswered(order: OrderRequest, state: OrderState, reason: str) -> BrokerOrder:
    return BrokerOrder(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        units=order.units,
        state=state,
        transaction=0,
        reason=reason,
    )
