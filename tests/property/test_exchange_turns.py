"""A paper exchange that takes its quotes in runs is to the last bit one that takes them singly."""

from __future__ import annotations

import contextlib
import math
import random
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infra.brokers.paper.live.exchange import PaperExchange
from infra.brokers.paper.live.records import encode
from infra.brokers.paper.live.store import EVERY, ExchangeStore
from infra.brokers.paper.live.terms import ExchangeTerms
from market.accounts import TransactionKind
from market.bars import Floats, Times
from market.errors import InvalidError
from market.orders import OrderRequest, TimeInForce
from market.quotes import Quote
from tests.exchanges import SECOND, START, SYMBOLS, TERMS, limit, order, quote, stop_entry

MIDS = dict(zip(SYMBOLS, (1.1, 1.3, 150.0, 0.85), strict=True))
BEFORE_ROLLOVER = START + (9 * 3_600 + 59 * 60) * SECOND
"""A minute before 17:00 in New York."""
NAN = math.nan


class OneByOne(PaperExchange):
    """Takes each quote alone."""

    def _take_several(self, quotes: Sequence[tuple[int, Quote]]) -> int:  # noqa: ARG002
        return 0


class Counting(PaperExchange):
    """Counts the quotes that it takes in runs."""

    together = 0

    def _take_several(self, quotes: Sequence[tuple[int, Quote]]) -> int:
        taken = super()._take_several(quotes)
        self.together += taken
        return taken


class Paid:
    """Interest that differs by currency."""

    def on(self, at: Times, currencies: Sequence[str]) -> Floats:
        return np.tile(0.01 * np.arange(len(currencies)), (len(at), 1))


class Pair:
    """Both exchanges, asked and told the same; `sure` that they answer the same."""

    def __init__(self, folder: Path, terms: ExchangeTerms, start: int, paid: bool) -> None:
        self._folder, self._terms, self._paid = folder, terms, paid
        self.time = start
        self.number = self.together = 0
        self._open()

    def _open(self) -> None:
        interest = Paid() if self._paid else None
        self.runs, self.single = (
            kind(self._terms, ExchangeStore(self._folder / name), time=self.time, interest=interest)
            for kind, name in ((Counting, "runs"), (OneByOne, "single"))
        )

    def restart(self) -> None:
        self.together += self.runs.together
        for one in (self.runs, self.single):
            one.save()
            one.release()
        self._open()

    def both(self, name: str, *given: object) -> None:
        answers = []
        for one in (self.runs, self.single):
            try:
                answers.append(encode(getattr(one, name)(*given)))
            except InvalidError as error:
                answers.append(str(error).encode())
        assert answers[0] == answers[1]

    def left(self, one: PaperExchange) -> tuple[object, ...]:
        one.save()
        kept = one._store.kept()
        assert kept is not None
        return one.transaction_records(0, EVERY), encode(one.working()), encode(kept)

    def sure(self) -> None:
        assert self.left(self.runs) == self.left(self.single)

    def close(self) -> None:
        self.together += self.runs.together
        for one in (self.runs, self.single):
            one.release()


def an_order(chance: random.Random, pair: Pair) -> OrderRequest:
    pair.number += 1
    symbol = chance.choice(SYMBOLS)
    mid = MIDS[symbol]
    entry = chance.choice(
        [None] * 8
        + [
            limit(mid * (1.0 + chance.uniform(-0.003, 0.003))),
            stop_entry(mid * 1.002, TimeInForce.GTD, pair.time + chance.randrange(3, 40) * SECOND),
        ]
    )
    return order(
        f"o{pair.number}",
        chance.choice([1.0, -1.0]) * chance.choice([0.1, 0.2, 0.3, 1_000.0, 20_000.0, 4e6]),
        symbol,
        stop=chance.choice([NAN, 0.003 * mid]),
        take_profit=chance.choice([NAN, 0.004 * mid]),
        trailing=chance.choice([None, None, 0.002 * mid]),
        bounds=chance.choice([(0.0, math.inf), (mid * 0.9995, mid * 1.0005)]),
        reference=mid,
        entry=entry,
    )


def ask(chance: random.Random, pair: Pair) -> None:
    """Something that is rarely asked for."""
    symbol = chance.choice(SYMBOLS)
    pair.number += 1
    name = f"o{pair.number}"
    asked = chance.randrange(5)
    if asked == 0:
        pair.both("close", symbol, name)
    elif asked == 1:
        pair.both("reduce", symbol, 500.0, name)
    elif asked == 2:
        pair.both("meet", symbol)
    elif asked == 3:
        pair.both("set_tradeable", symbol, chance.random() < 0.5)
    else:
        pair.restart()


def some_quotes(chance: random.Random, pair: Pair) -> list[Quote]:
    quotes = []
    for _ in range(chance.randrange(1, 25)):
        pair.time += chance.choice([0, SECOND // 10, SECOND, 7 * SECOND])
        symbol = chance.choice(SYMBOLS)
        mid = MIDS[symbol] * (1.0 + chance.gauss(0.0, 2e-3))
        quotes.append(quote(symbol, pair.time, mid, 1e-4 * mid))
    return quotes


@pytest.mark.parametrize("seed", range(24))
def test_runs_and_single_quotes_leave_the_same_account(seed: int) -> None:
    chance = random.Random(seed)
    terms = replace(
        TERMS,
        instruments=tuple(replace(one, unit_increment=0.1) for one in TERMS.instruments),
        slippage=chance.choice([0.0, 1e-4]),
        rate_valid_s=chance.choice([5.0, 300.0]),
        cash=chance.choice([100_000.0, 3_000.0]),
        financing_fee=0.01,
    )
    with tempfile.TemporaryDirectory() as folder:
        start = chance.choice([START, BEFORE_ROLLOVER])
        pair = Pair(Path(folder), terms, start, paid=chance.random() < 0.5)
        with contextlib.closing(pair):
            for _ in range(25):
                for _ in range(chance.randrange(10)):
                    pair.both("place_all", (an_order(chance, pair),))
                if chance.random() < 0.2:
                    ask(chance, pair)
                quotes = some_quotes(chance, pair)
                for one in (pair.runs, pair.single):
                    one.take(quotes, pair.time)
                pair.sure()
            told = pair.runs.transactions(0)
    assert pair.together, "some were taken in runs"
    kinds = {one.kind for one in told}
    assert kinds >= {TransactionKind.FILLED, TransactionKind.ACCEPTED}


def test_a_position_that_rounding_alone_leaves_is_flat_for_whoever_opens_the_next() -> None:
    terms = replace(
        TERMS, instruments=tuple(replace(one, unit_increment=0.1) for one in TERMS.instruments)
    )
    with tempfile.TemporaryDirectory() as folder:
        pair = Pair(Path(folder), terms, START, paid=False)
        with contextlib.closing(pair):
            for name, units in (("a", 0.1), ("b", 0.2), ("c", -0.3), ("d", 0.5)):
                pair.both("place_all", (order(name, units, "EUR_USD", stop=0.01),))
            for later, mid in ((1, 1.1), (2, 1.0)):
                shown = [quote("EUR_USD", START + later * SECOND, mid)]
                for one in (pair.runs, pair.single):
                    one.take(shown, START + later * SECOND)
            pair.sure()
            last = pair.runs.transactions(0)[-1]
    assert last.fill is not None
    assert (last.fill.reason, last.client_order_id) == ("STOP_LOSS", "d")


def test_what_ends_in_the_middle_of_a_turn_costs_no_run_before_it() -> None:
    with tempfile.TemporaryDirectory() as folder:
        pair = Pair(Path(folder), TERMS, START, paid=False)
        with contextlib.closing(pair):
            until = START + 50 * SECOND
            pair.both("place_all", (order("g", 1.0, entry=limit(0.5, TimeInForce.GTD, until)),))
            pair.both("set_tradeable", "USD_JPY", False)
            quotes = [
                quote(SYMBOLS[n % 4], START + n * SECOND, MIDS[SYMBOLS[n % 4]])
                for n in range(1, 101)
            ]
            for one in (pair.runs, pair.single):
                one.take(quotes, START + 100 * SECOND)
            pair.sure()
            assert [one.kind for one in pair.runs.transactions(1)] == ["accepted", "expired"]
            singly = 25 + 12, "of the closed instrument, and where the limit order waited"
            assert pair.runs.together == len(quotes) - singly[0], singly[1]
