"""`Intake`: what becomes of an order when it comes in."""

from __future__ import annotations

from infra.brokers.paper.live.account import LiveAccount
from infra.brokers.paper.live.book import OrderBook
from infra.brokers.paper.live.expiry import expiry_of
from infra.brokers.paper.live.obstacles import obstacle_to
from infra.brokers.paper.live.terms import ExchangeTerms
from infra.brokers.paper.live.triggers import side_of
from market.accounts import BrokerOrder, TransactionKind
from market.errors import InvalidError
from market.orders import OrderRequest
from market.quotes import Quote

MARKET_HALTED = "MARKET_HALTED"


class Intake:
    """Puts orders into the book, or refuses them. closed: instruments that are not traded now."""

    def __init__(self, terms: ExchangeTerms, account: LiveAccount, book: OrderBook) -> None:
        self.closed: set[str] = set()
        self._instruments = terms.instruments
        self._columns = {symbol: column for column, symbol in enumerate(terms.symbols)}
        self._account = account
        self._book = book

    def take(
        self,
        order: OrderRequest,
        time: int,
        *,
        refuse: str = "",
        closes: bool = False,
        reduces: bool = False,
    ) -> BrokerOrder:
        """The order waits, or was refused; where its instrument is closed and it would have to fill
        at once it has ended. refuse: a reason to refuse it. What closes all that is held is of no
        size yet, and not looked at.
        """
        obstacle = refuse or ("" if closes else self.obstacle(order, time))
        if obstacle:
            return self._book.reject(order, time, obstacle)
        last = self._last(order, time)
        answer = self._book.accept(
            order,
            time,
            closes=closes,
            reduces=reduces,
            stood=0 if last is None else side_of(order, last),
            expires=expiry_of(order.entry, time),
        )
        return self._halt(order.client_order_id, time) or answer

    def obstacle(self, order: OrderRequest, time: int) -> str:
        """Why an order can never be filled; empty where it can."""
        column = self._columns.get(order.symbol)
        if column is None:
            return self._not_traded(order.symbol, order.client_order_id)
        return obstacle_to(
            order,
            self._instruments[column],
            float(self._account.state.ledger.units[column]),
            self._last(order, time),
            time,
        )

    def _last(self, order: OrderRequest, time: int) -> Quote | None:
        """The last quote, for an order whose entry is compared with it."""
        if order.entry is None:
            return None
        return self._account.last(self._columns[order.symbol], time)

    def column(self, symbol: str, asked: str) -> int:
        """The column of an instrument. asked: what for. Raises InvalidError where it is not traded
        here.
        """
        column = self._columns.get(symbol)
        if column is None:
            raise InvalidError(self._not_traded(symbol, asked))
        return column

    def halt(self, symbol: str, time: int) -> None:
        """An instrument is closed: what must fill at once ends."""
        self.closed.add(symbol)
        for item in self._book.queue(self._columns[symbol]):
            self._halt(item.order.client_order_id, time)

    def _halt(self, name: str, time: int) -> BrokerOrder | None:
        item = self._book.find(name)
        if item is None or item.order.symbol not in self.closed or not item.is_at_once:
            return None
        return self._book.end(name, time, TransactionKind.CANCELLED, MARKET_HALTED)

    def _not_traded(self, symbol: str, asked: str) -> str:
        return (
            f"order {asked}: {symbol} is not traded here; "
            f"instruments are {', '.join(self._columns)}"
        )
