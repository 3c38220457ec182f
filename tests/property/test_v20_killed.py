"""A v20 account that is killed between any two of its writes, and opened again."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.brokers.paper.live.exchange import PaperExchange
from infra.brokers.paper.live.records import Kept, Terms
from infra.brokers.paper.live.store import Changes, ExchangeStore
from infra.brokers.v20_server.account import V20Account
from infra.brokers.v20_server.log import V20Log
from infra.brokers.v20_server.terms import Fills, V20Terms
from tests.exchanges import SECOND, START, TERMS, quote
from tests.v20_accounts import TOKEN
from tests.v20_messages import faults_of, is_here


class Killed(Exception):
    """Nothing that this process still had in memory is left."""


@dataclass(slots=True)
class Deaths:
    """Counts durable writes. at: the one before, or after, which the process is killed."""

    at: int = -1
    before: bool = True
    count: int = 0
    done: list[str] = field(default_factory=list)

    def around(self, write: Callable[[], None]) -> None:
        here = self.count == self.at
        self.count += 1
        if here and self.before:
            raise Killed
        write()
        if here:
            raise Killed


class MortalStore(ExchangeStore):
    def __init__(self, path: Path, deaths: Deaths) -> None:
        super().__init__(path)
        self._deaths = deaths

    def write(self, changes: Changes, kept: Kept, terms: Terms | None = None) -> None:
        self._deaths.around(lambda: ExchangeStore.write(self, changes, kept, terms))


class MortalLog(V20Log):
    def __init__(self, path: Path, deaths: Deaths) -> None:
        self._deaths = deaths
        super().__init__(path)

    def _write(self, *statements: tuple[str, Iterable[tuple[object, ...]]]) -> None:
        self._deaths.around(lambda: V20Log._write(self, *statements))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    do: Callable[[V20Account], Any]
    was_done: Callable[[V20Account], bool]
    is_market: bool = False


class Life:
    """An account that goes on after it was killed, as its clients do: what is not there is asked
    for again under the same name.
    """

    def __init__(self, folder: Path, fills: Fills, deaths: Deaths) -> None:
        self._folder = folder
        self._terms = V20Terms(exchange=TERMS, token=TOKEN, fills=fills)
        self._deaths = deaths
        self.times_killed = 0
        self._markets: list[Step] = []
        self._open()

    def _open(self) -> None:
        while True:
            self.store = MortalStore(self._folder / "exchange.sqlite", self._deaths)
            self.log = MortalLog(self._folder / "v20.sqlite", self._deaths)
            try:
                exchange = PaperExchange(TERMS, self.store, time=START)
                self.account = V20Account(self._terms, exchange, self.log)
                return
            except Killed:
                self._died()

    def _died(self) -> None:
        self.times_killed += 1
        self.close()

    def close(self) -> None:
        self.store.close()
        self.log.close()

    def do(self, step: Step) -> None:
        if step.is_market:
            self._markets.append(step)
        while True:
            if self.times_killed and step.was_done(self.account):
                return
            try:
                step.do(self.account)
                return
            except Killed:
                self._died()
                self._open()
                self._come_again()

    def _come_again(self) -> None:
        """A source of prices goes on after the clock that the account kept."""
        for market in self._markets:
            if not market.was_done(self.account):
                market.do(self.account)


def has_order(name: str) -> Callable[[V20Account], bool]:
    return lambda account: any(
        one.get("clientExtensions", {}).get("id") == name
        for one in account.transactions(0, 1_000)
        if one["type"].endswith("_ORDER")
    )


def story() -> list[Step]:
    """Orders of every kind, exits at prices and distances, a replacement and a close."""
    steps: list[Step] = []

    def market(second: int, mid: float) -> None:
        now = START + second * SECOND
        quotes = (quote("EUR_USD", now, mid, 0.0002), quote("GBP_USD", now, mid + 0.2, 0.0002))
        steps.append(
            Step(
                do=lambda a: a.take(quotes, now),
                was_done=lambda a: bool(a.clock >= now),
                is_market=True,
            )
        )

    def order(name: str, **facts: Any) -> None:
        body = {
            "type": "MARKET",
            "instrument": "EUR_USD",
            "units": "1000",
            "clientExtensions": {"id": name},
        } | facts
        steps.append(Step(do=lambda a: a.create_order({"order": body}), was_done=has_order(name)))

    market(1, 1.1)
    order("a", takeProfitOnFill={"price": "1.10800"}, stopLossOnFill={"price": "1.09000"})
    market(2, 1.1005)
    order("b", type="LIMIT", price="1.09900", instrument="EUR_USD", units="500")
    order("c", type="STOP", price="1.30500", instrument="GBP_USD", units="-700",
          trailingStopLossOnFill={"distance": "0.00200"})  # fmt: skip
    market(3, 1.0985)
    replacement = {
        "type": "LIMIT",
        "instrument": "EUR_USD",
        "units": "300",
        "price": "1.07000",
        "clientExtensions": {"id": "e"},
    }
    order("d", type="LIMIT", price="1.08000")
    steps.append(
        Step(do=lambda a: a.replace_order("@d", {"order": replacement}), was_done=has_order("e"))
    )
    market(4, 1.1)
    market(5, 1.1085)
    order("f", units="-2000")
    market(6, 1.1086)
    closing = {"shortUnits": "ALL", "shortClientExtensions": {"id": "g"}}
    steps.append(Step(do=lambda a: a.close_position("EUR_USD", closing), was_done=has_order("g")))
    market(7, 1.1087)
    return steps


def lived(folder: Path, fills: Fills, deaths: Deaths) -> tuple[list[dict[str, Any]], Any, int]:
    life = Life(folder, fills, deaths)
    try:
        for step in story():
            life.do(step)
        told = life.account.transactions(0, 10_000)
        _, body = life.account.account()
        return told, body, life.times_killed
    finally:
        life.close()


def essence(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All but what a second request for the same may change."""
    return [
        {name: part for name, part in one.items() if name not in ("requestID", "batchID")}
        for one in told
    ]


@pytest.mark.parametrize("fills", ["at once", "next quote"])
def test_killed_at_any_write_it_tells_the_same_story_without_a_gap(fills: Fills) -> None:
    with tempfile.TemporaryDirectory() as folder:
        deaths = Deaths()
        told, account, _ = lived(Path(folder), fills, deaths)
    if is_here():
        assert [faults_of(one, "Transaction") for one in told] == [[]] * len(told)
    assert {one["type"] for one in told} >= {
        "LIMIT_ORDER", "STOP_ORDER", "ORDER_FILL", "ORDER_CANCEL", "TAKE_PROFIT_ORDER",
        "TRAILING_STOP_LOSS_ORDER",
    }  # fmt: skip
    for at in range(deaths.count):
        for before in (True, False):
            with tempfile.TemporaryDirectory() as folder:
                again, after, killed = lived(Path(folder), fills, Deaths(at=at, before=before))
            assert killed == 1
            assert [one["id"] for one in again] == [str(n + 1) for n in range(len(again))]
            assert essence(again) == essence(told), f"killed at write {at}, before it: {before}"
            assert after == account
