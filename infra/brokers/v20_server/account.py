"""`V20Account`: one account of a paper exchange, in the words of v20."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

from infra.brokers.paper.live.exchange import PaperExchange
from infra.brokers.v20_server.closing import Closing, known_trade
from infra.brokers.v20_server.core import Core
from infra.brokers.v20_server.entering import Entering, Twist, core_told
from infra.brokers.v20_server.exit_orders import ExitOrders
from infra.brokers.v20_server.fields import Fields
from infra.brokers.v20_server.gaps import Gaps
from infra.brokers.v20_server.halts import Halts
from infra.brokers.v20_server.log import V20Log
from infra.brokers.v20_server.on_fill import LONGEST_TEXT, extensions
from infra.brokers.v20_server.pricing import Pricing
from infra.brokers.v20_server.record import Record
from infra.brokers.v20_server.requests import FORCES, order_kind
from infra.brokers.v20_server.statements import Statements
from infra.brokers.v20_server.terms import V20Terms
from infra.brokers.v20_server.trades import DEPENDENTS
from infra.brokers.v20_server.wire import Answer, Json, Malformed
from infra.feeds.live.hours import standard_hours
from market.quotes import Quote


class V20Account:
    """For one thread. Whatever a method answers was durable before; it raises FatalError once
    nothing can be written any more. Every time within a message is RFC 3339.

    The methods of the wire raise Malformed (400) and NotFound (404) where nothing came of it.
    """

    def __init__(self, terms: V20Terms, exchange: PaperExchange, log: V20Log) -> None:
        """Opens with everything told that the exchange did before."""
        self._core = Core(terms, exchange, log)
        self._entering = Entering(self._core)
        self._closing = Closing(self._core)
        self._exits = ExitOrders(self._core)
        self._statements = statements = Statements(self._core)
        self._record = Record(self._core, statements)
        self._pricing = Pricing(self._core)
        self._halts = Halts(exchange, standard_hours() if terms.hours == "market" else None)
        self._gaps = Gaps(terms.exchange.instruments, terms.exchange.account_currency, log)

        self.price: Callable[[str], Json | None] = self._pricing.price
        self.prices: Callable[[Sequence[str]], list[Json]] = self._pricing.prices
        self.pricing: Callable[[Mapping[str, str]], Answer] = self._pricing.asked
        self.account = statements.account
        self.summary = statements.summary
        self.position = statements.position
        self.trades = statements.trades
        self.open_trades = statements.open_trades
        self.trade = statements.trade
        self.orders = statements.orders
        self.pending_orders = statements.pending_orders
        self.order = statements.order
        self.close_position = self._closing.position
        self.close_trade = self._closing.trade
        self.trade_orders = self._exits.of_trade
        self.transaction = self._record.one
        self.transactions_since = self._record.since
        self.transactions_between = self._record.between
        self.transaction_pages = self._record.pages
        self.changes = self._record.changes

    # The market

    def take(self, quotes: Iterable[Quote], now: int) -> tuple[Quote, ...]:
        """Trade on every sound quote up to `now` (UTC ns); those are given back, where the market
        stands and at whole price increments. Those of a market that is closed are not traded on.
        """
        core, listed, exchange = self._core, self._core.listed, self._core.exchange
        taken: list[Quote] = []
        standing = map(self._gaps.shifted, quotes)
        on_the_grid = (
            one if one.symbol not in listed else listed[one.symbol].on_the_grid(one)
            for one in standing
        )
        # A commit a moment: what is told of a fill depends on what stood right after it.
        for time, group in groupby(on_the_grid, lambda one: one.time):
            if time > now:
                break
            self._halts.turn(time)
            taken += exchange.take((one for one in group if self._halts.moves(one.symbol)), time)
            core.settle()
        self._halts.turn(now)
        exchange.take((), now)
        core.settle()
        return tuple(taken)

    def set_tradeable(self, symbol: str, tradeable: bool, *, frozen: bool = False) -> None:
        """Halt an instrument, or take it up again: it trades once its market is open. frozen: its
        price stands still meanwhile.
        """
        self._halts.ask(symbol, tradeable, frozen=frozen)
        self._core.settle()

    @property
    def halted(self) -> frozenset[str]:
        """Instruments that somebody halted."""
        return self._halts.asked

    @property
    def closed(self) -> frozenset[str]:
        """Instruments that are not tradeable now."""
        return self._core.exchange.closed

    def open_away(self, symbols: Iterable[str], share: float) -> tuple[str, ...]:
        """From the next quote on the prices of these are away by so much of themselves, for good;
        those whose prices are others then.
        """
        self._core.exchange.save()  # what comes again after a crash comes from after it
        return self._gaps.open_away(symbols, share)

    def close_out(self) -> None:
        """Close every position as a margin close-out does."""
        self._closing.everything()

    @property
    def twist(self) -> Twist | None:
        """Taken up, and removed, by the next order that is created."""
        return self._entering.twist

    @twist.setter
    def twist(self, twist: Twist | None) -> None:
        self._entering.twist = twist

    @property
    def terms(self) -> V20Terms:
        return self._core.terms

    @property
    def symbols(self) -> tuple[str, ...]:
        return self._core.terms.exchange.symbols

    @property
    def exchange(self) -> PaperExchange:
        """What stands behind the wire; only this account may act on it."""
        return self._core.exchange

    @property
    def clock(self) -> int:
        """The market's time, UTC ns."""
        return self._core.exchange.clock

    @property
    def last_transaction_id(self) -> int:
        return self._core.books.totals.last_id

    @property
    def next_request_id(self) -> str:
        """Of the request that comes next, where it causes a transaction."""
        return self._core.request_id()

    def transactions(self, after: int, most: int) -> list[Json]:
        """The next v20 transactions with an id above `after`, in order, at most so many."""
        return self._core.log.transactions(after, most)

    def save(self) -> None:
        """Make durable what quotes alone moved."""
        self._core.exchange.save()

    def release(self) -> None:
        """Let go of the stores."""
        self._core.exchange.release()
        self._core.log.close()

    # What is asked over the wire

    def create_order(self, body: Json) -> Answer:
        fields, kind = _order_of(body)
        if kind in DEPENDENTS:
            return self._exits.create(fields, kind)
        return self._entering.create(fields, kind)

    def replace_order(self, specifier: str, body: Json) -> Answer:
        fields, kind = _order_of(body)
        order = self._core.find_order(specifier)
        if order is None or order["state"] != "PENDING":
            return self._entering.gone(specifier)
        if order["type"] in DEPENDENTS:
            return self._exits.replace(order, fields, kind)
        return self._entering.replace(order, fields, kind)

    def cancel_order(self, specifier: str) -> Answer:
        order = self._core.find_order(specifier)
        if order is None or order["state"] != "PENDING":
            return self._entering.gone(specifier)
        if order["type"] in DEPENDENTS:
            return self._exits.cancel(order)
        return self._entering.cancel(order)

    def rename_order(self, specifier: str, body: Json) -> Answer:
        """Client extensions of an order that waits."""
        order = self._core.find_order(specifier)
        if order is None or order["state"] != "PENDING":
            return self._entering.not_renamed(specifier)
        return self._entering.rename(order, Fields(body, "body"))

    def rename_trade(self, specifier: str, body: Json) -> Answer:
        """Client extensions of a trade that is open."""
        core, fields = self._core, Fields(body, "body")
        trade = known_trade(core, specifier)
        named = extensions(fields, "clientExtensions", "CLIENT_TRADE")
        refusal = fields.reason or ("" if named else "CLIENT_EXTENSIONS_DATA_MISSING")
        owner = core.books.trade_of_client(named["id"]) if "id" in named else None
        if not trade.is_open:
            refusal = refusal or "TRADE_DOESNT_EXIST"
        elif owner is not None and owner.is_open and owner.id != trade.id:
            refusal = refusal or "CLIENT_TRADE_ID_ALREADY_EXISTS"
        kind = "TRADE_CLIENT_EXTENSIONS_MODIFY"
        told = core.translation.add(
            f"{kind}_REJECT" if refusal else kind,
            core.exchange.clock,
            tradeID=trade.id,
            clientTradeID=trade.client_id or None,
            tradeClientExtensionsModify=named,
            rejectReason=refusal or None,
            requestID=core.request_id(),
        )
        related = core_told(core, told)
        if refusal:
            status = 404 if refusal == "TRADE_DOESNT_EXIST" else 400
            field = "tradeClientExtensionsModifyRejectTransaction"
            return core.refused(status, field, told, related)
        return 200, {"tradeClientExtensionsModifyTransaction": told, **core.told(related)}

    def configure(self, body: Json) -> Answer:
        """The alias can be changed; margin is the exchange's."""
        core, fields = self._core, Fields(body, "body")
        alias, margin_rate = fields.text("alias"), fields.text("marginRate")
        refusal = ""
        if margin_rate is not None:
            refusal = "MARGIN_RATE_INVALID"
        elif alias is None:
            refusal = "CLIENT_CONFIGURE_DATA_MISSING"
        elif not 0 < len(alias) <= LONGEST_TEXT:
            refusal = "ALIAS_INVALID"
        told = core.translation.add(
            "CLIENT_CONFIGURE_REJECT" if refusal else "CLIENT_CONFIGURE",
            core.exchange.clock,
            alias=alias,
            marginRate=margin_rate,
            rejectReason=refusal or None,
            requestID=core.request_id(),
        )
        related = core_told(core, told)
        if refusal:
            status, answer = core.refused(400, "clientConfigureRejectTransaction", told, related)
            del answer["relatedTransactionIDs"]
            return status, answer
        return 200, {"clientConfigureTransaction": told, **core.last()}

    def accounts(self) -> Answer:
        """The one that there is."""
        return 200, {"accounts": [{"id": self.terms.account, "tags": []}]}

    def instruments(self, symbols: Sequence[str] = ()) -> Answer:
        return self._statements.instruments(symbols)

    def positions(self, *, open_only: bool = False) -> Answer:
        return self._statements.positions(open_only=open_only)


def _order_of(body: Json) -> tuple[Fields, str]:
    fields = Fields(body, "body").part("order")
    if fields is None:
        raise Malformed("Invalid value specified for 'order': it is missing")
    kind = order_kind(fields)
    if kind not in FORCES and kind not in DEPENDENTS:
        known = ", ".join((*FORCES, *DEPENDENTS))
        raise Malformed(f"Invalid value specified for 'order.type': one of {known}")
    return fields, kind
