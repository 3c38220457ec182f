"""The same orders and prices at the paper exchange in process, and through OANDA's adapter and a
v20 server over HTTP.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from market.accounts import Transaction, TransactionKind
from market.orders import Entry, TimeInForce
from market.ports import LiveBroker
from market.quotes import Quote
from tests.exchanges import SECOND, SYMBOLS, LocalBench, at_market, if_touched, limit, order
from tests.exchanges import stop_entry as stop_at
from tests.paper import HOUR_NS, FlatRates
from tests.v20_bench import V20Bench

MIDS = {"EUR_USD": 1.1, "GBP_USD": 1.3, "USD_JPY": 150.0, "EUR_GBP": 0.85}
PIPS = {"EUR_USD": 0.0001, "GBP_USD": 0.0001, "USD_JPY": 0.01, "EUR_GBP": 0.0001}
RATES = {"EUR": 0.02, "USD": 0.05, "GBP": 0.04, "JPY": 0.001}
CENT = 1.01e-4
"""Account currency: v20 writes money with four decimals."""
EVERYTHING = {
    *("accepted", "cancelled", "expired", "replaced", "financing", "transfer"),
    *("DECISION", "STOP_LOSS", "TRAILING_STOP", "TAKE_PROFIT", "MARGIN_CLOSEOUT"),
}


class Both:
    """Two brokers that are asked the same. meet: the paper exchange fills on the standing quote."""

    def __init__(self, here: LocalBench, there: V20Bench, *, meet: bool, seed: int) -> None:
        self.here = here
        self.there = there
        self.brokers: tuple[LiveBroker, LiveBroker] = (here.broker, there.broker)
        self.rng = np.random.default_rng(seed)
        self.mids = dict(MIDS)
        self.asked = 0
        self._meet = meet
        for symbol in SYMBOLS:
            self.quote(symbol)

    def quote(self, symbol: str, pips: int = 0, *, seconds: int = 1) -> None:
        """The market's next quote, so many pips from its last."""
        pip, decimals = PIPS[symbol], 3 if PIPS[symbol] == 0.01 else 5
        self.mids[symbol] = mid = round(self.mids[symbol] + pips * pip, decimals)
        now = Quote(
            symbol=symbol,
            time=self.here.time + seconds * SECOND,
            bid=round(mid - pip, decimals),
            ask=round(mid + pip, decimals),
        )
        self.here.put(now)
        self.there.put(now)

    def price(self, symbol: str, pips: int) -> float:
        return float(f"{self.mids[symbol] + pips * PIPS[symbol]:.5f}")

    def place(
        self, symbol: str, units: float, *, entry: Entry | None = None, **pips: float | None
    ) -> str:
        """An order whose exits are so many pips away; its name."""
        self.asked += 1
        name, pip = f"order-{self.asked}", PIPS[symbol]
        away = {kind: round(many * pip, 5) for kind, many in pips.items() if many is not None}
        # A take profit is told OANDA as a price: from where the order is expected to fill.
        reference = self.mids[symbol] + math.copysign(pip, units)
        wish = order(name, units, symbol, entry=entry, reference=reference, **away)  # type: ignore[arg-type]
        for broker in self.brokers:
            broker.place(wish)
        self._met(symbol, name, entry)
        return name

    def replace(self, name: str, symbol: str, units: float, entry: Entry) -> None:
        self.asked += 1
        wish = order(f"order-{self.asked}", units, symbol, entry=entry)
        answers = [broker.replace(name, wish) for broker in self.brokers]
        assert answers[0].state == answers[1].state
        self._met(symbol)

    def cancel(self, name: str) -> None:
        ends = [broker.cancel(name) for broker in self.brokers]
        assert (ends[0].state, ends[0].filled) == (ends[1].state, ends[1].filled)

    def close(self, symbol: str) -> None:
        self.asked += 1
        for broker in self.brokers:
            held = broker.close(symbol, f"order-{self.asked}")
        self._met(symbol, f"order-{self.asked}" if held is not None else "")

    def _met(self, symbol: str, name: str = "", entry: Entry | None = None) -> None:
        """Of a quote that is too old, what must fill at once makes nothing."""
        if not self._meet or self.here.exchange.meet(symbol):
            return
        if name and (entry is None or entry.time_in_force is TimeInForce.IOC):
            self.here.exchange.cancel(name)

    def wander(self, steps: int) -> None:
        """Quotes and orders of any kind."""
        for _ in range(steps):
            symbol = str(self.rng.choice(SYMBOLS))
            pips, units = int(self.rng.integers(-25, 26)), float(self.rng.choice(UNITS))
            deed = self.rng.random()
            if deed < 0.5:
                self.quote(symbol, pips, seconds=int(self.rng.choice([1, 20, 200])))
            elif deed < 0.9 and self._may_add(symbol, units):
                resting = (None, at_market(TimeInForce.IOC), limit, stop_at, if_touched)
                entry = resting[int(self.rng.integers(len(resting)))]
                if callable(entry):
                    entry = entry(self.price(symbol, pips))
                self.place(symbol, units, entry=entry, stop=12.5, trailing=9.5)
            else:
                self.end_something(symbol)

    def _may_add(self, symbol: str, units: float) -> bool:
        """Orders of one side make one position there and several trades here, with exits each."""
        broker = self.brokers[0]
        held = broker.account().units[SYMBOLS.index(symbol)]
        return held * units <= 0.0 and not [o for o in broker.working() if o.symbol == symbol]

    def end_something(self, symbol: str) -> None:
        waiting = [one for one in self.brokers[0].working() if one.symbol == symbol]
        if waiting:
            self.cancel(waiting[0].client_order_id)
        else:
            self.close(symbol)


# Quotes are whole pips and exits end in halves: that a price is touched exactly is for no rounding
# to decide.
UNITS = (-3_000.0, -1_000.0, -1.0, 1.0, 1_000.0, 2_000.0)


def flat(both: Both, symbol: str) -> None:
    """Nothing waits and nothing is held."""
    for one in both.brokers[0].working():
        if one.symbol == symbol:
            both.cancel(one.client_order_id)
    both.quote(symbol)  # on an old one nothing is closed at once
    both.close(symbol)
    both.quote(symbol)


def brackets(both: Both) -> None:
    for exits, way in (
        ({"stop": 10.5}, -11),
        ({"take_profit": 10.5}, 13),
        ({"trailing": 8.5}, 0),
        ({"stop": 30.5, "take_profit": 20.5, "trailing": 25.5}, 23),
    ):
        for side in (1, -1):
            flat(both, "EUR_USD")
            both.place("EUR_USD", side * 1_000.0, **exits)  # type: ignore[arg-type]
            both.quote("EUR_USD")
            both.quote("EUR_USD", side * (way or 15))
            both.quote("EUR_USD", side * (-way or -9))
            both.quote("EUR_USD")


def resting(both: Both) -> None:
    for make, away in ((limit, -5), (stop_at, 5), (if_touched, 5)):
        for side in (1, -1):
            flat(both, "GBP_USD")
            both.place("GBP_USD", side * 2_000.0, entry=make(both.price("GBP_USD", side * away)))
            both.quote("GBP_USD", side * away)
            both.quote("GBP_USD", side * away)
    flat(both, "GBP_USD")
    until = both.here.time + 30 * SECOND
    never = limit(both.price("GBP_USD", -900), TimeInForce.GTD, until)
    both.place("GBP_USD", 1_000.0, entry=never)
    both.quote("GBP_USD", seconds=60)


def replaced(both: Both) -> None:
    flat(both, "USD_JPY")
    name = both.place("USD_JPY", 3_000.0, entry=limit(both.price("USD_JPY", -50)))
    both.replace(name, "USD_JPY", 1_000.0, limit(both.price("USD_JPY", -10)))
    both.quote("USD_JPY", -12)
    name = both.place("USD_JPY", 3_000.0, entry=stop_at(both.price("USD_JPY", 5)))
    both.quote("USD_JPY", 9)
    both.replace(name, "USD_JPY", 1_000.0, stop_at(both.price("USD_JPY", 30)))


def reversed_and_closed(both: Both) -> None:
    flat(both, "EUR_GBP")
    both.place("EUR_GBP", 3_000.0, stop=40.5)
    both.quote("EUR_GBP", 3)
    both.place("EUR_GBP", 1_000.0)
    both.quote("EUR_GBP", 3)
    both.place("EUR_GBP", -9_000.0, stop=40.5)
    both.quote("EUR_GBP", 3)
    both.quote("EUR_GBP", -7)
    flat(both, "EUR_GBP")


def nights(both: Both) -> None:
    flat(both, "EUR_USD")
    flat(both, "USD_JPY")
    both.place("EUR_USD", 2_000.0)
    both.place("USD_JPY", -1_000.0)
    for _ in range(2):
        both.quote("EUR_USD", seconds=1)
        both.quote("USD_JPY", seconds=1)
        both.quote("EUR_USD", seconds=24 * HOUR_NS // SECOND)
        both.quote("USD_JPY", seconds=1)


def closed_out(both: Both) -> None:
    for symbol in SYMBOLS:
        both.quote(symbol)
    flat(both, "EUR_USD")
    both.place("EUR_USD", 1_800_000.0)
    both.quote("EUR_USD")
    both.quote("EUR_USD", -300)
    both.quote("EUR_USD", -120)


PASSAGES = (brackets, resting, replaced, reversed_and_closed, nights)


@contextmanager
def both(folder: Path, seed: int, *, meet: bool) -> Iterator[Both]:
    here, there = folder / "here", folder / "there"
    here.mkdir()
    there.mkdir()
    rates = FlatRates(annual=RATES)
    local = LocalBench(here, interest=rates)
    v20 = V20Bench(there, fills="at once" if meet else "next quote", interest=rates)
    try:
        yield Both(local, v20, meet=meet, seed=seed)
    finally:
        v20.close()
        local.close()


@pytest.mark.parametrize("meet", [False, True], ids=["next quote", "at once"])
@pytest.mark.parametrize("seed", [0, 1, 10])
def test_the_same_story_has_the_same_transactions_and_the_same_end(
    tmp_path: Path, seed: int, meet: bool
) -> None:
    with both(tmp_path, seed, meet=meet) as story:
        story.wander(15)
        for number in story.rng.permutation(len(PASSAGES)):
            PASSAGES[number](story)
            story.wander(8)
        closed_out(story)
        here, there = (told(broker) for broker in story.brokers)
        assert [one[:5] for one in there] == [one[:5] for one in here]
        for mine, theirs in zip(here, there, strict=True):
            assert theirs[5:] == pytest.approx(mine[5:], abs=CENT), (mine, theirs)
        assert {str(word) for one in here for word in (one[0], one[3])} >= EVERYTHING
        same_end(story)


def told(broker: LiveBroker) -> list[tuple[Any, ...]]:
    """What a desk would book, without what it does not: kinds, names, fills and money."""
    return [
        row
        for one in broker.transactions(0)
        if one.kind is not TransactionKind.NOTED
        for row in facts(one)
    ]


def facts(one: Transaction) -> Iterator[tuple[Any, ...]]:
    fill, kind, name = one.fill, one.kind.value, one.client_order_id
    if fill is not None:
        yield (
            *(kind, name, one.symbol, fill.reason, fill.units),
            *(fill.price, fill.realised, one.amount),
        )
    elif one.kind is TransactionKind.FINANCING:
        # OANDA charges a night of all instruments at once.
        assert not one.parts or math.isclose(sum(part for _, part in one.parts), one.amount)
        for symbol, amount in one.parts or ((one.symbol, one.amount),):
            yield kind, name, symbol, "", 0.0, amount, 0.0, 0.0
    else:
        why = one.reason if one.kind is TransactionKind.REPLACED else ""
        yield kind, name, one.symbol, why, 0.0, one.amount, 0.0, 0.0


def same_end(story: Both) -> None:
    mine, theirs = (broker.account() for broker in story.brokers)
    assert list(theirs.units) == list(mine.units)
    assert list(theirs.working) == list(mine.working)
    few = 5.01e-5
    assert theirs.cash == pytest.approx(mine.cash, abs=few)
    assert theirs.equity == pytest.approx(mine.equity, abs=few)
    assert theirs.margin_used == pytest.approx(mine.margin_used, abs=few)
    assert theirs.stop_price == pytest.approx(mine.stop_price, abs=1e-5, nan_ok=True)
    waiting = [[(o.client_order_id, o.units, o.filled) for o in b.working()] for b in story.brokers]
    assert waiting[0] == waiting[1]
    for number in range(1, story.asked + 1):
        mine_now, now = (ending(broker, f"order-{number}") for broker in story.brokers)
        assert now == mine_now


def ending(broker: LiveBroker, name: str) -> tuple[Any, ...] | None:
    """How an order stands. One that reversed a position and could only close it is FILLED to the
    paper exchange, and its rest CANCELLED to OANDA.
    """
    found = broker.find(name)
    if found is None:
        return None
    partly = found.filled not in (0.0, found.units)
    return "in part" if partly else found.state, found.filled, found.replaced_by
