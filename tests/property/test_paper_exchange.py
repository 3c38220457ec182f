"""The laws of the paper exchange: nothing is lost or doubled, whatever dies and whenever."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.brokers.paper.live.exchange import PaperExchange
from infra.brokers.paper.live.records import encode
from infra.brokers.paper.live.store import ExchangeStore
from infra.brokers.paper.live.terms import ExchangeTerms
from market.accounts import AccountState, OrderState, Transaction, TransactionKind
from market.errors import InvalidError
from market.ledger import book_fill, open_ledger
from market.orders import OrderRequest
from market.quotes import Quote
from tests.exchanges import CASH, SECOND, START, SYMBOLS, TERMS, order, quote
from tests.paper import FlatRates

QUICK = settings(max_examples=25, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Anything else, by the name of what is called."""

    verb: str
    arguments: tuple[Any, ...]
    named: Mapping[str, Any] = field(default_factory=dict)


Step = Place | Cancel | Close | Quotes | Ask
SIZES = [1_000.0, -1_000.0, 2_000.0, -3_000.0, 60_000.0, -90_000.0, 9e6, 0.5]
KINDS = ["place", "again", "cancel", "close", *["quotes"] * 5]


def story(seed: int) -> list[Step]:
    """What clients ask and what the market does, with bad quotes and repeated ids among it."""
    rng = np.random.default_rng(seed)
    made: list[Step] = []
    now, placed = START, ["nobody"]
    for number in range(60):
        kind, symbol = str(rng.choice(KINDS)), str(rng.choice(SYMBOLS))
        if kind == "place":
            orders = tuple(wish(rng, f"o{number}-{k}") for k in range(rng.integers(1, 5)))
            placed += [one.client_order_id for one in orders]
            made.append(Place(orders=orders))
        elif kind == "again":
            made.append(Place(orders=(wish(rng, str(rng.choice(placed))),)))
        elif kind == "cancel":
            made.append(Cancel(name=str(rng.choice(placed[-3:]))))
        elif kind == "close":
            made.append(Close(symbol=symbol, name=f"c{number}"))
        else:
            quotes = []
            for _ in range(rng.integers(1, 6)):
                now += int(rng.choice([1, 30, 4_000], p=[0.6, 0.3, 0.1])) * SECOND
                on = str(rng.choice(SYMBOLS))
                mid = LEVELS[on] * (1.0 + float(rng.integers(-8, 9)) * 1e-3)
                quotes.append(quote(on, now, mid, 1e-4 * LEVELS[on]))
            if rng.random() < 0.3:
                quotes += [quotes[-1], replace(quotes[-1], bid=math.nan), quotes[0]]
            made.append(Quotes(quotes=tuple(quotes), now=now))
    return made


def wish(rng: np.random.Generator, name: str) -> OrderRequest:
    symbol = "EUR_QQQ" if rng.random() < 0.05 else str(rng.choice(SYMBOLS))
    level = LEVELS.get(symbol, 1.0)
    protected, trails, bounded = rng.random(3) < (0.6, 0.3, 0.2)
    return order(
        name,
        float(rng.choice(SIZES, p=[0.2, 0.2, 0.2, 0.2, 0.06, 0.06, 0.03, 0.05])),
        symbol,
        stop=0.004 * level if protected else math.nan,
        take_profit=0.004 * level if protected else math.nan,
        trailing=0.003 * level if trails else None,
        bounds=(0.999 * level, 1.001 * level) if bounded else (0.0, math.inf),
    )


class Run:
    """An exchange, and a driver that knows what it did."""

    def __init__(self, folder: Path, terms: ExchangeTerms = TERMS_HERE) -> None:
        self.folder = folder
        self.terms = terms
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
        return PaperExchange(self.terms, store, time=START, interest=RATES), store

    def _asked(self, step: Step) -> Any:
        if isinstance(step, Place):
            return self.exchange.place_all(step.orders)
        if isinstance(step, Cancel):
            return self.exchange.cancel(step.name)
        if isinstance(step, Ask):
            return getattr(self.exchange, step.verb)(*step.arguments, **step.named)
        assert isinstance(step, Close)
        return self.exchange.close(step.symbol, step.name)


@contextmanager
def run(terms: ExchangeTerms = TERMS_HERE) -> Iterator[Run]:
    with tempfile.TemporaryDirectory(
        prefix="quorum-", dir=MEMORY if MEMORY.is_dir() else None
    ) as folder:
        made = Run(Path(folder), terms)
        yield made
        made.exchange.release()


@QUICK
@given(SEEDS)
def test_an_exchange_that_is_killed_at_any_moment_goes_on_as_if_nothing_had_been(
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    with run() as whole, run() as killed:
        for step in story(seed):
            told = whole.do(step)
            if rng.random() < 0.2:
                killed.kill()
            assert killed.do(step) == told
            if not isinstance(step, Quotes) and rng.random() < 0.2:
                # It died before it could answer: the client asks again under the same id.
                killed.kill()
                killed.do(step)
            elif rng.random() < 0.2:
                killed.exchange.save()
        assert killed.record() == whole.record()


@QUICK
@given(SEEDS)
def test_nothing_is_lost_or_doubled(seed: int) -> None:
    with run() as made:
        for step in story(seed):
            made.do(step)
        exchange = made.exchange
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
