"""`Halts`: which instruments are not tradeable now, and for which of two reasons."""

from __future__ import annotations

from collections.abc import Mapping

from infra.brokers.paper.live.exchange import PaperExchange
from infra.brokers.v20.times import SECOND_NS
from infra.feeds.live.hours import AlwaysOpen, TradingHours
from market.instruments import AssetClass


class Halts:
    """One is tradeable where nobody has halted it and its market is open. In a closed market its
    prices do not move; one that was halted is quoted on, unless it was frozen.

    hours: by asset class; of others the market never closes. None: no market closes, and what the
    exchange has closed from before was halted.
    """

    def __init__(
        self, exchange: PaperExchange, hours: Mapping[AssetClass, TradingHours] | None
    ) -> None:
        self._exchange = exchange
        never = AlwaysOpen()
        self._hours = {
            one.symbol: (hours or {}).get(one.asset_class, never)
            for one in exchange.terms.instruments
        }
        self._shut = set(exchange.closed if hours is not None else ())
        self._asked = set(exchange.closed - self._shut)
        self._frozen: set[str] = set()
        self._second = -1 if hours is not None else None

    @property
    def asked(self) -> frozenset[str]:
        """Those that somebody has halted."""
        return frozenset(self._asked)

    def ask(self, symbol: str, tradeable: bool, *, frozen: bool = False) -> None:
        """Halt one, or take it up again. frozen: its prices stand still meanwhile. Raises
        InvalidError where it is not traded here.
        """
        self._exchange.set_tradeable(symbol, tradeable and symbol not in self._shut)
        (self._asked.discard if tradeable else self._asked.add)(symbol)
        (self._frozen.add if frozen and not tradeable else self._frozen.discard)(symbol)

    def turn(self, time: int) -> bool:
        """Close and open what the hours of this moment (UTC ns) say; whether any turned. Markets
        open and close at whole seconds.
        """
        second = time // SECOND_NS
        if self._second is None or second == self._second:
            return False
        self._second = second
        turned = False
        for symbol, hours in self._hours.items():
            shut = hours.session_at(time) is None
            if shut != (symbol in self._shut):
                (self._shut.add if shut else self._shut.discard)(symbol)
                self._exchange.set_tradeable(symbol, not shut and symbol not in self._asked)
                turned = True
        return turned

    def moves(self, symbol: str) -> bool:
        """Whether its prices move."""
        return symbol not in self._shut and symbol not in self._frozen
