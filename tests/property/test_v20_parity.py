"""The v20 account does what the paper exchange does, and tells nothing else."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.brokers.paper.live.exchange import PaperExchange
from infra.brokers.v20.times import rfc3339
from infra.brokers.v20_server.books import CREATED, Books
from infra.brokers.v20_server.log import V20Log
from infra.brokers.v20_server.terms import V20Terms
from infra.brokers.v20_server.trades import DEPENDENTS
from market.accounts import OrderState, TransactionKind
from market.errors import InvalidError
from market.orders import Entry, EntryKind, OrderRequest, TimeInForce
from market.quotes import Quote
from tests.exchanges import SECOND, TERMS, LocalBench, order
from tests.v20_accounts import TOKEN, V20Bench, opened
from tests.v20_messages import faults_of, is_here

SYMBOLS = ("EUR_USD", "USD_JPY", "EUR_GBP")
MIDS = {"EUR_USD": 1.1, "GBP_USD": 1.3, "USD_JPY": 150.0, "EUR_GBP": 0.85}
PIPS = {"EUR_USD": 0.0001, "GBP_USD": 0.0001, "USD_JPY": 0.01, "EUR_GBP": 0.0001}
KINDS = {
    EntryKind.LIMIT: "LIMIT",
    EntryKind.STOP: "STOP",
    EntryKind.MARKET_IF_TOUCHED: "MARKET_IF_TOUCHED",
}
RESTING = (TimeInForce.GTC, TimeInForce.GTD, TimeInForce.GFD)
ENDS = {TransactionKind.CANCELLED, TransactionKind.EXPIRED, TransactionKind.REPLACED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happens to both. pips: of its price, from where the market began."""

    what: str
    symbol: str
    pips: int = 0
    units: int = 0
    kind: EntryKind = EntryKind.MARKET
    force: TimeInForce = TimeInForce.FOK
    stop: int = 0
    trailing: int = 0
    bound: int = 0
    seconds: int = 1

    @property
    def price(self) -> float:
        return round(MIDS[self.symbol] + self.pips * PIPS[self.symbol], 5)


symbols = st.sampled_from(SYMBOLS)
pips = st.integers(-40, 40)
quotes = st.builds(
    Step, what=st.just("quote"), symbol=symbols, pips=pips, seconds=st.sampled_from((1, 1, 30, 400))
)
units = st.sampled_from((-700_000, -3_000, -1_000, -1, 1, 1_000, 2_000, 5_000, 900_000))
exits = {"stop": st.sampled_from((0, 5, 20)), "trailing": st.sampled_from((0, 6, 15))}
markets = st.builds(
    Step,
    what=st.just("order"),
    symbol=symbols,
    units=units,
    force=st.sampled_from((TimeInForce.FOK, TimeInForce.IOC)),
    bound=st.sampled_from((0, 0, 3)),
    **exits,
)
resting = st.builds(
    Step,
    what=st.just("order"),
    symbol=symbols,
    pips=pips,
    units=units,
    kind=st.sampled_from(tuple(KINDS)),
    force=st.sampled_from(RESTING),
    **exits,
)
others = st.builds(
    Step, what=st.sampled_from(("cancel", "replace", "close", "reduce")), symbol=symbols, pips=pips
)
steps = st.lists(st.one_of(quotes, quotes, markets, resting, others), min_size=1, max_size=25)


class Both:
    """The exchange in process and the one behind the wire, asked the same."""

    def __init__(self, local: LocalBench, wire: V20Bench) -> None:
        self.local = local
        self.wire = wire
        self._asked = 0
        for symbol in MIDS:
            self.quote(Step(what="quote", symbol=symbol))

    def do(self, step: Step) -> None:
        getattr(self, step.what)(step)

    def quote(self, step: Step) -> None:
        half, time = PIPS[step.symbol], self.local.time + step.seconds * SECOND
        bid, ask = round(step.price - half, 5), round(step.price + half, 5)
        now = Quote(symbol=step.symbol, time=time, bid=bid, ask=ask)
        self.local.put(now)
        self.wire.put(now)

    def order(self, step: Step) -> None:
        request, body = self._both_ways(step)
        try:
            self._exchange.place(request)
        except InvalidError as error:
            pytest.fail(f"the exchange refused what v20 takes: {error}")
        status, answer = self.wire.ask("POST", "/orders", {"order": body})
        assert (status, list(answer)) == (
            201,
            ["orderCreateTransaction", "relatedTransactionIDs", "lastTransactionID"],
        )

    def cancel(self, step: Step) -> None:
        waiting = self._first(step.symbol)
        if waiting:
            self._exchange.cancel(waiting)
            status, _ = self.wire.ask("PUT", f"/orders/@{waiting}/cancel")
            assert status == 200

    def replace(self, step: Step) -> None:
        waiting = self._first(step.symbol)
        if not waiting:
            return
        _, old = self.wire.ask("GET", f"/orders/@{waiting}")
        kind = {name: kind for kind, name in KINDS.items()}[old["order"]["type"]]
        fresh = replace(step, kind=kind, units=1_000, force=TimeInForce.GTC)
        request, body = self._both_ways(fresh)
        self._exchange.replace(waiting, request)
        status, _ = self.wire.ask("PUT", f"/orders/@{waiting}", {"order": body})
        assert status == 201

    def close(self, step: Step) -> None:
        self._close(step.symbol, "ALL")

    def reduce(self, step: Step) -> None:
        self._close(step.symbol, "1")

    def _close(self, symbol: str, many: str) -> None:
        held = float(self._exchange.account().units[TERMS.symbols.index(symbol)])
        if not held or any(o.symbol == symbol for o in self._exchange.working()):
            return
        name = self._name()
        if many == "ALL":
            self._exchange.close(symbol, name)
        else:
            self._exchange.reduce(symbol, float(many), name)
        side = "long" if held > 0.0 else "short"
        body = {f"{side}Units": many, f"{side}ClientExtensions": {"id": name}}
        status, _ = self.wire.ask("PUT", f"/positions/{symbol}/close", body)
        assert status == 200

    @property
    def _exchange(self) -> PaperExchange:
        return self.local.exchange

    def _name(self) -> str:
        self._asked += 1
        return f"order-{self._asked}"

    def _first(self, symbol: str) -> str:
        """The oldest order that rests in an instrument; empty where none does."""
        for found in self._exchange.working():
            if found.symbol == symbol:
                _, body = self.wire.ask("GET", f"/orders/@{found.client_order_id}")
                if body["order"]["type"] in KINDS.values():
                    return found.client_order_id
        return ""

    def _both_ways(self, step: Step) -> tuple[OrderRequest, dict[str, object]]:
        pip, name = PIPS[step.symbol], self._name()
        decimals = 3 if pip == 0.01 else 5
        bound = step.price + math.copysign(step.bound * pip, step.units)
        bounds = (0.0, math.inf)
        body: dict[str, object] = {
            "type": "MARKET",
            "instrument": step.symbol,
            "units": str(step.units),
            "timeInForce": step.force.value,
            "clientExtensions": {"id": name},
        }
        if step.bound:
            text = f"{bound:.{decimals}f}"
            body["priceBound"] = text
            bounds = (0.0, float(text)) if step.units > 0 else (float(text), math.inf)
        stop, trailing = step.stop * pip, step.trailing * pip
        if stop:
            body["stopLossOnFill"] = {"distance": f"{stop:.{decimals}f}"}
        if trailing:
            body["trailingStopLossOnFill"] = {"distance": f"{trailing:.{decimals}f}"}
        entry = None
        until = self.local.exchange.clock + 50 * SECOND if step.force is TimeInForce.GTD else 0
        if step.kind is not EntryKind.MARKET:
            price = f"{step.price:.{decimals}f}"
            body |= {"type": KINDS[step.kind], "price": price}
            if until:
                body["gtdTime"] = rfc3339(until)
            entry = Entry(
                kind=step.kind, price=float(price), time_in_force=step.force, good_until=until
            )
        elif step.force is TimeInForce.IOC:
            entry = Entry(kind=step.kind, price=math.nan, time_in_force=step.force)
        request = order(
            name,
            float(step.units),
            step.symbol,
            stop=float(f"{stop:.{decimals}f}") if stop else math.nan,
            trailing=float(f"{trailing:.{decimals}f}") if trailing else None,
            bounds=bounds,
        )
        return replace(request, entry=entry), body


def told_by(exchange: PaperExchange) -> list[tuple[object, ...]]:
    """What the paper exchange did: kinds, and of fills what they were."""
    told: list[tuple[object, ...]] = []
    for one in exchange.transactions(0):
        if one.kind is TransactionKind.NOTED:
            continue
        kind = "ENDED" if one.kind in ENDS else one.kind.name
        told.append((kind, one.symbol, *_numbers(one.fill.units if one.fill else 0.0)))
    return told


def told_over(wire: V20Bench) -> list[tuple[object, ...]]:
    """The same of the v20 account, without what v20 alone tells of."""
    told: list[tuple[object, ...]] = []
    symbols: dict[str, str] = {}
    names: set[str] = set()
    for one in wire.log:
        kind = one["type"]
        of = CREATED.get(kind)
        if of in DEPENDENTS:
            continue
        if of is not None:
            symbols[one["id"]] = one["instrument"]
            name = one.get("clientExtensions", {}).get("id", "")
            if name and name not in names:  # else the rest of one, or the broker's own
                told.append(("ACCEPTED", one["instrument"], 0))
            names.add(name)
        elif kind == "ORDER_FILL":
            told.append(("FILLED", one["instrument"], *_numbers(float(one["units"]))))
        elif kind == "ORDER_CANCEL" and one["orderID"] in symbols:
            told.append(("ENDED", symbols[one["orderID"]], 0))
        elif kind == "TRANSFER_FUNDS":
            told.append(("TRANSFER", "", 0))
    return told


def _numbers(units: float) -> tuple[float]:
    return (round(units, 6),)


@pytest.mark.parametrize("liquidity", [math.inf, 1_500.0], ids=["any size", "little at a time"])
@settings(max_examples=40, deadline=None)
@given(steps=steps)
def test_the_same_orders_and_prices_give_the_same_fills_profit_and_transactions(
    liquidity: float, steps: list[Step]
) -> None:
    exchange_terms = replace(TERMS, liquidity=liquidity)
    terms = V20Terms(exchange=exchange_terms, token=TOKEN, fills="next quote")
    with tempfile.TemporaryDirectory() as folder:
        here, there = Path(folder) / "local", Path(folder) / "wire"
        here.mkdir()
        there.mkdir()
        local = LocalBench(here, exchange_terms)
        try:
            with opened(there, terms) as wire:
                both = Both(local, wire)
                for step in steps:
                    both.do(step)
                assert told_over(wire) == told_by(local.exchange)
                same_fills(local, wire)
                same_standing(local, wire)
                same_when_read_again(wire, Path(folder))
        finally:
            local.close()


def same_fills(local: LocalBench, wire: V20Bench) -> None:
    """Prices to the last digit that v20 writes; profit within its rounding."""
    fills = [one.fill for one in local.exchange.transactions(0) if one.fill is not None]
    told = [one for one in wire.log if one["type"] == "ORDER_FILL"]
    for fill, one in zip(fills, told, strict=True):
        assert float(one["price"]) == pytest.approx(fill.price, abs=1e-9)
        assert float(one["pl"]) == pytest.approx(fill.realised, abs=1.01e-4)
        assert float(one["units"]) == fill.units
        assert float(one["gainQuoteHomeConversionFactor"]) == fill.rate
        parts = [*one.get("tradesClosed", ())]
        parts += [one[part] for part in ("tradeReduced", "tradeOpened") if part in one]
        assert sum(Decimal(part["units"]) for part in parts) == Decimal(one["units"])
        gains = sum(Decimal(part.get("realizedPL", "0")) for part in parts)
        assert gains == Decimal(one["pl"])


def same_standing(local: LocalBench, wire: V20Bench) -> None:
    """The account, and the orders that wait, after it all."""
    state, (_, body) = local.exchange.account(), wire.ask("GET", "")
    account = body["account"]
    assert float(account["balance"]) == pytest.approx(state.cash, abs=5.01e-5)
    assert float(account["NAV"]) == pytest.approx(state.equity, abs=5.01e-5)
    assert float(account["marginUsed"]) == pytest.approx(state.margin_used, abs=5.01e-5)
    held = dict.fromkeys(TERMS.symbols, Decimal(0))
    for trade in account["trades"]:
        held[trade["instrument"]] += Decimal(trade["currentUnits"])
    assert [float(units) for units in held.values()] == list(state.units)
    entries = [one for one in account["orders"] if one["type"] not in DEPENDENTS]
    waiting = [
        found.client_order_id
        for found in local.exchange.working()
        if found.state in (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)
    ]
    names = [one["clientExtensions"]["id"] for one in entries]
    assert sorted(names) == sorted(waiting)
    for symbol in TERMS.symbols:
        protected = local.exchange.exits(symbol)
        shown = {
            one["type"]
            for one in account["orders"]
            if one["type"] in DEPENDENTS and _symbol_of(one, account) == symbol
        }
        assert (not math.isnan(protected.trailing)) == ("TRAILING_STOP_LOSS" in shown)
        stops = shown & {"STOP_LOSS", "TRAILING_STOP_LOSS"}
        assert math.isnan(protected.stop_price) or stops
        assert stops or math.isnan(protected.stop_price)


def same_when_read_again(wire: V20Bench, folder: Path) -> None:
    """What is open and what there is follows from the transactions alone."""
    log = V20Log(folder / "again.sqlite")
    try:
        again = Books(log)
        for one in wire.log:
            again.apply(one)
        totals, state = again.totals, wire.ask("GET", "")[1]["account"]
        assert str(totals.balance) == state["balance"]
        assert float(totals.pl) == float(state["pl"])
        dynamic = {"trailingStopValue"}
        assert list(again.waiting.values()) == [
            {name: part for name, part in order.items() if name not in dynamic}
            for order in state["orders"]
        ]
        assert [(one.id, str(one.units), str(one.realized)) for one in again.trades.values()] == [
            (one["id"], one["currentUnits"], str(Decimal(one["realizedPL"])))
            if Decimal(one["realizedPL"])
            else (one["id"], one["currentUnits"], "0")
            for one in state["trades"]
        ]
    finally:
        log.close()


def _symbol_of(one: dict[str, str], account: dict[str, object]) -> str:
    trades = account["trades"]
    assert isinstance(trades, list)
    return str(next(t["instrument"] for t in trades if t["id"] == one["tradeID"]))


@pytest.mark.skipif(not is_here(), reason="OANDA's description is not beside the project")
def test_a_message_with_a_field_that_v20_does_not_know_is_found_out() -> None:
    right = {
        "id": "1",
        "time": rfc3339(0),
        "userID": 1,
        "accountID": "1-1-1-1",
        "batchID": "1",
        "type": "TRANSFER_FUNDS",
        "amount": "1.0000",
    }
    assert faults_of(right, "Transaction") == []
    for wrong in ({"colour": "red"}, {"amount": 1.0}, {"amount": "1e5"}, {"type": "GIFT"}):
        assert faults_of(right | wrong, "Transaction") != []
