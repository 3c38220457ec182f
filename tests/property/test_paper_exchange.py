"""The laws of the paper exchange: nothing is lost or doubled, whatever dies and whenever."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.brokers.paper.live.exchange import PaperExchange
from infra.brokers.paper.live.records import encode
from infra.brokers.paper.live.store import ExchangeStore
from market.accounts import AccountState, OrderState, Transaction, TransactionKind
from market.errors import InvalidError
from market.ledger import book_fill, open_ledger
from market.orders import OrderRequest
from market.quotes import Quote
from tests.exchanges import CASH, SECOND, START, SYMBOLS, TERMS, order, quote
from tests.paper import FlatRates

QUICK = settings(max_examples=40, deadline=None)
MEMORY = Path("/dev/shm")
"""Where the machine has it: these laws are not about the disk."""
LEVELS = {"EUR_USD": 1.10, "GBP_USD": 1.30, "USD_JPY": 150.0, "EUR_GBP": 0.85}
TERMS_HERE = replace(TERMS, slippage=1e-4, rate_valid_s=9_000.0)
RATES = FlatRates(annual={"EUR": 0.02, "USD": 0.05, "GBP": 0.04, "JPY": 0.001})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    orders: tuple[OrderRequest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    symbol: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes:
    quotes: tuple[Quote, ...]
    now: int


Step = Place | Cancel | Close | Quotes
SIZES = st.sampled_from([1_000.0, -1_000.0, 2_000.0, -3_000.0, 60_000.0, -90_000.0, 9e6, 0.5])


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    """What clients ask and what the market does, with bad quotes and repeated ids among it."""
    made: list[Step] = []
    now, placed = START, ["nobody"]
    for number in range(draw(st.integers(5, 40))):
        kind = draw(st.sampled_from(["place", "again", "cancel", "close", *["quotes"] * 4]))
        symbol = draw(st.sampled_from(SYMBOLS))
        level = LEVELS[symbol]
        if kind == "place":
            names = [f"o{number}-{k}" for k in range(draw(st.integers(1, 4)))]
            placed += names
            made.append(
                Place(
                    orders=tuple(
                        order(
                            name,
                            draw(SIZES),
                            draw(st.sampled_from((symbol, "EUR_USD", "EUR_QQQ"))),
                            stop=draw(st.sampled_from([math.nan, 0.004 * level])),
                            take_profit=draw(st.sampled_from([math.nan, 0.004 * level])),
                            trailing=draw(st.sampled_from([None, 0.003 * level])),
                            bounds=draw(st.sampled_from([(0.0, math.inf), (1.0, 2.0)])),
                        )
                        for name in names
                    )
                )
            )
        elif kind == "again":
            made.append(Place(orders=(order(draw(st.sampled_from(placed)), draw(SIZES)),)))
        elif kind == "cancel":
            made.append(Cancel(name=draw(st.sampled_from(placed))))
        elif kind == "close":
            made.append(Close(symbol=symbol, name=f"c{number}"))
        else:
            quotes = []
            for _ in range(draw(st.integers(1, 6))):
                now += draw(st.sampled_from([1, 30, 4_000])) * SECOND
                on = draw(st.sampled_from(SYMBOLS))
                mid = LEVELS[on] * (1.0 + draw(st.integers(-8, 8)) * 1e-3)
                quotes.append(quote(on, now, mid, 1e-4 * LEVELS[on]))
            if draw(st.booleans()):
                quotes += [quotes[-1], replace(quotes[-1], bid=math.nan), quotes[0]]
            made.append(Quotes(quotes=tuple(quotes), now=now))
    return made


class Run:
    """An exchange, and a driver that knows what it did."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fed: list[Quotes] = []
        self.kills = 0
        self.exchange, self.store = self._opened()

    def do(self, step: Step) -> str:
        """One step; what was answered, as text."""
        if isinstance(step, Quotes):
            self.fed.append(step)
            self.exchange.take(step.quotes, step.now)
            return ""
        try:
            return repr(self._asked(step))
        except InvalidError as error:
            return str(error)

    def kill(self) -> None:
        """What lies on disk at this moment goes on elsewhere; the market repeats what was lost."""
        self.kills += 1
        copy = self.folder / f"killed-{self.kills}"
        copy.mkdir()
        for path in self.store.path.parent.glob("exchange.sqlite*"):
            shutil.copy(path, copy)
        self.exchange.release()
        self.exchange, self.store = self._opened(copy)
        clock = self.exchange.clock
        for step in self.fed:
            if step.now > clock:
                self.exchange.take(step.quotes, step.now)

    def record(self) -> list[bytes]:
        """Everything that happened and what it left."""
        account = self.exchange.account()
        arrays = (account.units, account.average_price, account.working, account.stop_price)
        return [
            *self.store.transactions(0, -1),
            *(array.tobytes() for array in arrays),
            encode((account.cash, account.equity, account.margin_used)),
            encode(self.exchange.working()),
            self.exchange.history(60, 100).digest().encode(),
        ]

    def _opened(self, folder: Path | None = None) -> tuple[PaperExchange, ExchangeStore]:
        store = ExchangeStore((folder or self.folder) / "exchange.sqlite")
        return PaperExchange(TERMS_HERE, store, time=START, interest=RATES), store

    def _asked(self, step: Step) -> Any:
        if isinstance(step, Place):
            return self.exchange.place_all(step.orders)
        if isinstance(step, Cancel):
            return self.exchange.cancel(step.name)
        assert isinstance(step, Close)
        return self.exchange.close(step.symbol, step.name)


@contextmanager
def run() -> Iterator[Run]:
    with tempfile.TemporaryDirectory(
        prefix="quorum-", dir=MEMORY if MEMORY.is_dir() else None
    ) as folder:
        made = Run(Path(folder))
        yield made
        made.exchange.release()


def played(made: Run, tale: Sequence[Step]) -> Run:
    for step in tale:
        made.do(step)
    return made


@QUICK
@given(steps(), st.data())
def test_an_exchange_that_is_killed_at_any_moment_goes_on_as_if_nothing_had_been(
    tale: list[Step], data: st.DataObject
) -> None:
    with run() as whole, run() as killed:
        for step in tale:
            told = whole.do(step)
            if data.draw(st.booleans()):
                killed.kill()
            answer = killed.do(step)
            assert answer == told
            if not isinstance(step, Quotes) and data.draw(st.booleans()):
                # It died before it could answer: the client asks again under the same id.
                killed.kill()
                killed.do(step)
        assert killed.record() == whole.record()


@QUICK
@given(steps())
def test_nothing_is_lost_or_doubled(tale: list[Step]) -> None:
    with run() as made:
        exchange = played(made, tale).exchange
        told = exchange.transactions(0)
        assert [t.id for t in told] == list(range(1, len(told) + 1))
        assert [t.time for t in told] == sorted(t.time for t in told)
        assert_they_add_up_to_the_last_bit(told, exchange.account())
        assert_every_order_has_one_end(told, exchange)
        assert_no_order_fills_at_a_price_from_before_it(told)


def assert_they_add_up_to_the_last_bit(told: Sequence[Transaction], account: AccountState) -> None:
    books = open_ledger(len(SYMBOLS), 0.0)
    for transaction in told:
        books.cash[0] += transaction.amount
        fill = transaction.fill
        if fill is not None:
            column = SYMBOLS.index(fill.symbol)
            realised = book_fill(books, column, fill.units, fill.price, fill.rate)
            assert realised == fill.realised
    assert told[0].amount == CASH
    assert books.cash[0] == account.cash
    np.testing.assert_array_equal(books.units, account.units)
    np.testing.assert_array_equal(books.average_price, account.average_price)


def assert_every_order_has_one_end(told: Sequence[Transaction], exchange: PaperExchange) -> None:
    begun = Counter(t.client_order_id for t in told if t.kind is TransactionKind.ACCEPTED)
    refused = Counter(t.client_order_id for t in told if t.kind is TransactionKind.REJECTED)
    filled = Counter(
        t.client_order_id for t in told if t.fill is not None and t.fill.reason == "DECISION"
    )
    cancelled = Counter(t.client_order_id for t in told if t.kind is TransactionKind.CANCELLED)
    waiting = Counter(waits.client_order_id for waits in exchange.working())
    for counted in (begun, refused, filled, cancelled, waiting):
        assert not counted or max(counted.values()) == 1
    assert not begun.keys() & refused.keys()
    assert begun.keys() == filled.keys() | cancelled.keys() | waiting.keys()
    assert not waiting.keys() & (filled.keys() | cancelled.keys())
    ends = {
        **dict.fromkeys(refused, OrderState.REJECTED),
        **dict.fromkeys(waiting, OrderState.ACCEPTED),
        **dict.fromkeys(cancelled, OrderState.CANCELLED),
        **dict.fromkeys(filled, OrderState.FILLED),
    }
    for name, state in ends.items():
        found = exchange.find(name)
        assert found is not None
        assert found.state is state


def assert_no_order_fills_at_a_price_from_before_it(told: Sequence[Transaction]) -> None:
    accepted: dict[str, int] = {}
    for t in told:
        if t.kind is TransactionKind.ACCEPTED:
            accepted[t.client_order_id] = t.time
        elif t.fill is not None:
            assert t.fill.time > accepted[t.client_order_id]
