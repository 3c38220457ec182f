"""Opening the account of a v20 server: a new one, or the one that its folder holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from infra.brokers.paper.live.exchange import PaperExchange
from infra.brokers.paper.live.store import ExchangeStore
from infra.brokers.v20_server.account import V20Account
from infra.brokers.v20_server.log import V20Log
from infra.brokers.v20_server.terms import V20Terms
from market.ports import Interest, PriceSource

HISTORY_BARS = 1_000
EXCHANGE, LOG = "exchange.sqlite", "v20.sqlite"
OpenSource = Callable[[int | None], PriceSource]
"""Opens the prices: from their beginning (None), or after that time of the market, UTC ns."""


def open_account(
    terms: V20Terms,
    *,
    folder: Path,
    open_source: OpenSource,
    interest: Interest | None = None,
    history_bars: int = HISTORY_BARS,
) -> tuple[V20Account, PriceSource]:
    """The account, everything that happened told, and the source of the prices that come next.

    history_bars: closed bars that a new account has from its source. Raises InvalidError where
    the folder holds another account, or another server has it.
    """
    store = ExchangeStore(folder / EXCHANGE)
    log = None
    try:
        log = V20Log(folder / LOG)
        kept = store.kept()
        source = open_source(None if kept is None else kept.clock)
        interval_s = terms.exchange.interval_s
        exchange = PaperExchange(
            terms.exchange,
            store,
            time=source.now(),
            interest=interest,
            history=(
                source.history(terms.exchange.symbols, interval_s, history_bars)
                if kept is None
                else None
            ),
        )
        exchange.warm_up()
        return V20Account(terms, exchange, log), source
    except BaseException:
        store.close()
        if log is not None:
            log.close()
        raise
