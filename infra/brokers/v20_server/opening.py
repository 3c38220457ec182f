"""Opening the account of a v20 server: a new one, or the one that its folder holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from infra.brokers.v20_server.account import V20Account
from infra.brokers.v20_server.terms import V20Terms
from market.ports import Interest, PriceSource

HISTORY_BARS = 1_000
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
    """The account, everything that happened told, and the source of the prices that come next."""
    raise NotImplementedError
