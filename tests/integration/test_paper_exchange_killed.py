"""A paper exchange in a process of its own, with faults, killed while orders flow."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np

from infra.brokers.paper.live.client import PaperExchangeClient
from infra.brokers.paper.live.records import encode
from infra.deadlines import readable
from market.accounts import Transaction, TransactionKind
from market.errors import OutcomeUnknown, TransientError
from market.orders import OrderRequest, TimeInForce
from tests.exchanges import KEY, SYMBOLS, WITHIN_S, if_touched, limit, order, stop_entry

KILLS = 2
BATCHES = 12
BATCH = 3
ACCEPTED = TransactionKind.ACCEPTED
ENTRIES = (None, None, limit(1.2), stop_entry(1.2), if_touched(1.201), limit(1.2, TimeInForce.IOC))
"""The price goes to and fro about 1.2, and reaches them all."""
Answered = TypeVar("Answered")


@contextmanager
def exchange(folder: Path, at: str, seed: int) -> Iterator[subprocess.Popen[str]]:
    """The process, once it listens; killed at the end if it has not ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.exchange_process", str(folder), at, str(seed)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def insisted(client: PaperExchangeClient, orders: list[OrderRequest]) -> None:
    """Sent until an answer came: a repetition under the same id never places twice."""
    while True:
        try:
            client.place_all(orders)
            return
        except (OutcomeUnknown, TransientError):
            continue


def asked(ask: Callable[[], Answered]) -> Answered:
    """A question that changes nothing, asked until it was answered."""
    while True:
        with contextlib.suppress(TransientError):
            return ask()


def all_ended(client: PaperExchangeClient) -> None:
    stream = asked(lambda: client.subscribe(0))
    while asked(client.working):
        assert readable([stream], time.monotonic() + WITHIN_S)
        stream.take()
    stream.close()


def test_killed_among_faults_it_loses_and_doubles_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    sent: list[OrderRequest] = []
    acknowledged: list[str] = []
    told: tuple[Transaction, ...] = ()
    with tempfile.TemporaryDirectory(prefix="quorum-") as sockets:
        at = str(Path(sockets) / "x")
        client = PaperExchangeClient(at, KEY, timeout_s=0.1)
        for life in range(KILLS + 1):
            last_life = life == KILLS
            with exchange(tmp_path, at, life) as process:
                if sent:
                    insisted(client, sent[-BATCH:])  # whose outcome nobody knows
                    now = asked(lambda: client.transactions(0))
                    assert list(map(encode, now[: len(told)])) == list(map(encode, told))
                    assert {t.client_order_id for t in now} >= set(acknowledged)
                for number in range(BATCHES):
                    orders = batch(rng, f"o{life}-{number}")
                    sent += orders
                    insisted(client, orders)
                    acknowledged += [one.client_order_id for one in orders]
                told = asked(lambda: client.transactions(0))
                if not last_life:
                    sent += batch(rng, f"o{life}-last")
                    threading.Timer(2e-3 * float(rng.random()), process.kill).start()
                    with contextlib.suppress(OutcomeUnknown, TransientError):
                        client.place_all(sent[-BATCH:])
                    process.wait()
                    continue
                all_ended(client)
                account = asked(client.account)
                told = asked(lambda: client.transactions(0))
                process.send_signal(signal.SIGTERM)
                assert process.wait(WITHIN_S) == 0
        client.hang_up()
    names = Counter(one.client_order_id for one in sent)
    assert names == Counter(t.client_order_id for t in told if t.kind is ACCEPTED)
    assert names == Counter(t.client_order_id for t in told if ends(t))
    assert [t.id for t in told] == list(range(1, len(told) + 1))
    cash, units = 0.0, dict.fromkeys(SYMBOLS, 0.0)
    for transaction in told[: account.last_transaction]:
        cash += transaction.amount
        if transaction.fill is not None:
            cash += transaction.fill.realised
            units[transaction.symbol] += transaction.fill.units
    assert account.cash == cash
    assert list(account.units) == list(units.values())


def batch(rng: np.random.Generator, name: str) -> list[OrderRequest]:
    return [
        order(
            f"{name}-{k}",
            float(rng.choice([-1_000.0, 1_000.0, 2_000.0])),
            str(rng.choice(SYMBOLS[:2])),
            stop=0.005,
            entry=ENTRIES[int(rng.integers(len(ENTRIES)))],
        )
        for k in range(BATCH)
    ]


def ends(transaction: Transaction) -> bool:
    """Whether this is the one end that every accepted order has."""
    fill = transaction.fill
    filled = fill is not None and fill.reason == "DECISION"
    return filled or transaction.kind in (TransactionKind.CANCELLED, TransactionKind.EXPIRED)
