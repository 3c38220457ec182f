"""The laws of orders that rest: none fills worse, sooner or larger than it was asked to."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from market.accounts import OrderState, Transaction, TransactionKind
from market.orders import Entry, EntryKind, Fill, OrderRequest, TimeInForce
from market.quotes import Quote
from tests.exchanges import SECOND, START, SYMBOLS, order, quote
from tests.property.test_paper_exchange import (
    LEVELS,
    QUICK,
    SEEDS,
    TERMS_HERE,
    Ask,
    Cancel,
    Close,
    Place,
    Quotes,
    Run,
    Step,
    run,
)

LIQUIDITY = st.sampled_from([math.inf, 1_000.0, 700.5])
KINDS = ["place", "place", "cancel", "replace", "other", "other", *["quotes"] * 6]
SIZES = [1_000.0, -1_000.0, 2_000.0, -3_000.0, 60_000.0, -90_000.0, 9e6]
GIVEN_TIMES = [force for force in TimeInForce if force not in (TimeInForce.FOK, TimeInForce.IOC)]


def entry(rng: np.random.Generator, level: float, now: int) -> Entry | None:
    kind = str(rng.choice(["none", *EntryKind]))
    if kind == "none":
        return None
    if kind == EntryKind.MARKET:
        force = TimeInForce(str(rng.choice([TimeInForce.FOK, TimeInForce.IOC])))
        return Entry(kind=EntryKind.MARKET, price=math.nan, time_in_force=force)
    force = TimeInForce(str(rng.choice([*TimeInForce, *GIVEN_TIMES])))
    return Entry(
        kind=EntryKind(kind),
        price=round(level * (1.0 + float(rng.integers(-60, 61)) * 1e-4), 5),
        time_in_force=force,
        good_until=now + int(rng.integers(0, 200)) * SECOND if force is TimeInForce.GTD else 0,
    )


def wish(rng: np.random.Generator, name: str, now: int) -> OrderRequest:
    symbol = str(rng.choice(SYMBOLS))
    level = LEVELS[symbol]
    protected, trails, bounded = rng.random(3) < (0.4, 0.2, 0.2)
    return order(
        name,
        float(rng.choice(SIZES, p=[0.2, 0.2, 0.2, 0.2, 0.08, 0.08, 0.04])),
        symbol,
        stop=0.004 * level if protected else math.nan,
        take_profit=0.004 * level if protected else math.nan,
        trailing=0.003 * level if trails else None,
        bounds=(0.997 * level, 1.003 * level) if bounded else (0.0, math.inf),
        entry=entry(rng, level, now),
    )


def other(rng: np.random.Generator, number: int) -> Step:
    symbol = str(rng.choice(SYMBOLS))
    level = LEVELS[symbol]
    kind = int(rng.integers(6))
    if kind == 0:
        return Close(symbol=symbol, name=f"c{number}")
    if kind == 1:
        return Ask(verb="reduce", arguments=(symbol, 1_500.0, f"r{number}"))
    if kind == 2:
        return Ask(verb="set_tradeable", arguments=(symbol, bool(rng.random() < 0.6)))
    if kind == 3:
        exits = {"stop_price": 0.99 * level, "take_profit_price": 1.01 * level}
        return Ask(verb="protect", arguments=(symbol,), named=exits)
    if kind == 4:
        return Ask(verb="protect", arguments=(symbol,), named={"trailing": 0.002 * level})
    return Ask(verb="meet", arguments=(symbol,))


def story(seed: int) -> list[Step]:
    """What clients ask and what the market does."""
    rng = np.random.default_rng(seed)
    made: list[Step] = []
    now, placed = START, ["nobody"]
    for number in range(60):
        kind = str(rng.choice(KINDS))
        if kind == "place":
            orders = tuple(wish(rng, f"o{number}-{k}", now) for k in range(rng.integers(1, 4)))
            placed += [one.client_order_id for one in orders]
            made.append(Place(orders=orders))
            if rng.random() < 0.3:
                made.append(Ask(verb="meet", arguments=(orders[0].symbol,)))
        elif kind == "cancel":
            made.append(Cancel(name=str(rng.choice(placed[-4:]))))
        elif kind == "replace":
            old, new = str(rng.choice(placed[-4:])), wish(rng, f"p{number}", now)
            made.append(Ask(verb="replace", arguments=(old, new)))
            placed.append(new.client_order_id)
        elif kind == "other":
            made.append(other(rng, number))
        else:
            quotes = []
            for _ in range(rng.integers(1, 5)):
                now += int(rng.choice([1, 30, 20_000], p=[0.6, 0.35, 0.05])) * SECOND
                on = str(rng.choice(SYMBOLS))
                mid = round(LEVELS[on] * (1.0 + float(rng.integers(-80, 81)) * 1e-4), 5)
                quotes.append(quote(on, now, mid, float(rng.choice([1e-4, 6e-4])) * mid))
            made.append(Quotes(quotes=tuple(quotes), now=now))
    return made


def told_by(made: Run, seed: int) -> tuple[Transaction, ...]:
    for step in story(seed):
        made.do(step)
    return made.exchange.transactions(0)


def asked_in(seed: int) -> dict[str, OrderRequest]:
    found: dict[str, OrderRequest] = {}
    for step in story(seed):
        if isinstance(step, Place):
            found |= {one.client_order_id: one for one in step.orders}
        elif isinstance(step, Ask) and step.verb == "replace":
            found[step.arguments[1].client_order_id] = step.arguments[1]
    return found


def entries(told: Sequence[Transaction]) -> list[Fill]:
    """The fills of orders, without those of exits."""
    return [t.fill for t in told if t.fill is not None and t.fill.reason == "DECISION"]


@QUICK
@given(SEEDS, LIQUIDITY)
def test_a_limit_order_never_fills_worse_than_its_price(seed: int, liquidity: float) -> None:
    asked = asked_in(seed)
    with run(replace(TERMS_HERE, liquidity=liquidity)) as made:
        for fill in entries(told_by(made, seed)):
            one = asked.get(fill.client_order_id)
            if one is None or one.entry is None or one.entry.kind is not EntryKind.LIMIT:
                continue
            worse = fill.price > one.entry.price if one.units > 0 else fill.price < one.entry.price
            assert not worse


@QUICK
@given(SEEDS, LIQUIDITY)
def test_a_stop_order_never_fills_before_its_price_was_quoted(seed: int, liquidity: float) -> None:
    asked = asked_in(seed)
    with run(replace(TERMS_HERE, liquidity=liquidity)) as made:
        told = told_by(made, seed)
        begun = {t.client_order_id: t for t in told if t.kind is TransactionKind.ACCEPTED}
        for fill in entries(told):
            one = asked.get(fill.client_order_id)
            if one is not None and one.entry is not None and one.entry.kind is EntryKind.STOP:
                since = begun[fill.client_order_id].time
                quotes = seen(made, one.symbol, since, fill.time)
                assert any(came(quote, one.units, one.entry.price) for quote in quotes)


def seen(made: Run, symbol: str, since: int, until: int) -> list[Quote]:
    """What an order can have seen: the quote that stood when it was accepted, and later ones."""
    quotes = [q for step in made.fed for q in step.quotes if q.symbol == symbol]
    standing = [q for q in quotes if q.time <= since][-1:]
    return standing + [q for q in quotes if since < q.time <= until]


def came(quote: Quote, units: float, price: float) -> bool:
    return quote.ask >= price if units > 0.0 else quote.bid <= price


@QUICK
@given(SEEDS, LIQUIDITY)
def test_the_parts_of_an_order_never_exceed_its_units_nor_what_a_quote_fills(
    seed: int, liquidity: float
) -> None:
    asked = asked_in(seed)
    with run(replace(TERMS_HERE, liquidity=liquidity)) as made:
        told = told_by(made, seed)
        parts: dict[str, list[float]] = defaultdict(list)
        for fill in entries(told):
            parts[fill.client_order_id].append(fill.units)
            assert abs(fill.units) <= liquidity
        for name, units in parts.items():
            found = made.exchange.find(name)
            assert found is not None
            assert found.filled == sum(units)
            assert len({math.copysign(1.0, part) for part in units}) == 1
            if name in asked:
                assert abs(sum(units)) <= abs(asked[name].units)
            if name in asked and abs(sum(units)) < abs(asked[name].units):
                cancelled = [t for t in told if t.client_order_id == name][-1].kind
                assert found.state is not OrderState.FILLED or cancelled.value == "cancelled"


@QUICK
@given(SEEDS, LIQUIDITY)
def test_an_order_ends_once_and_nothing_fills_under_it_afterwards(
    seed: int, liquidity: float
) -> None:
    ends = {
        TransactionKind.CANCELLED: OrderState.CANCELLED,
        TransactionKind.EXPIRED: OrderState.EXPIRED,
        TransactionKind.REPLACED: OrderState.REPLACED,
        TransactionKind.REJECTED: OrderState.REJECTED,
    }
    with run(replace(TERMS_HERE, liquidity=liquidity)) as made:
        told = told_by(made, seed)
        assert [t.id for t in told] == list(range(1, len(told) + 1))
        assert [t.time for t in told] == sorted(t.time for t in told)
        waiting = {one.client_order_id for one in made.exchange.working()}
        ended: dict[str, TransactionKind] = {}
        for t in told:
            if t.fill is not None and t.fill.reason == "DECISION":
                assert t.client_order_id not in ended
            elif t.kind in ends:
                assert t.client_order_id not in ended
                ended[t.client_order_id] = t.kind
        assert not waiting & ended.keys()
        for name, kind in ended.items():
            found = made.exchange.find(name)
            assert found is not None
            assert found.state in (ends[kind], OrderState.FILLED)
            assert found.state is ends[kind] or found.filled != 0.0


@QUICK
@given(SEEDS, LIQUIDITY)
def test_orders_that_rest_survive_a_kill_at_any_moment(seed: int, liquidity: float) -> None:
    rng = np.random.default_rng(seed)
    terms = replace(TERMS_HERE, liquidity=liquidity)
    with run(terms) as whole, run(terms) as killed:
        for step in story(seed):
            told = whole.do(step)
            if rng.random() < 0.2:
                killed.kill()
            assert killed.do(step) == told
        killed.kill()
        assert killed.record() == whole.record()
