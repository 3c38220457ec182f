"""`Gaps`: prices that stand elsewhere for good, since a market reopened away from its close."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from infra.brokers.v20_server.log import V20Log
from market.instruments import Instrument
from market.quotes import Quote


class Gaps:
    """A gap is one of currencies, so that the prices of all instruments still agree: the value of
    the account's stays, and what moves another moves every instrument that it is in.
    """

    def __init__(
        self, instruments: Sequence[Instrument], account_currency: str, log: V20Log
    ) -> None:
        self._instruments = {one.symbol: one for one in instruments}
        self._home = account_currency
        self._log = log
        self._factors: dict[str, float] = log.gaps()

    def open_away(self, symbols: Iterable[str], share: float) -> tuple[str, ...]:
        """Move the prices of these instruments by so much of themselves, durably; those whose
        prices are others then. An instrument whose currencies have both moved already by another of
        them, as a cross has, goes where these take it.
        """
        values: dict[str, float] = {}
        for symbol in symbols:
            one = self._instruments[symbol]
            if one.base != self._home:
                values.setdefault(one.base, 1.0 + share)
            else:
                values.setdefault(one.quote, 1.0 / (1.0 + share))
        moved = []
        for symbol, one in self._instruments.items():
            factor = values.get(one.base, 1.0) / values.get(one.quote, 1.0)
            if factor != 1.0:
                self._factors[symbol] = self._factors.get(symbol, 1.0) * factor
                moved.append(symbol)
        self._log.keep_gaps(self._factors)
        return tuple(moved)

    def shifted(self, quote: Quote) -> Quote:
        """A quote of the source where the market stands."""
        factor = self._factors.get(quote.symbol)
        if factor is None:
            return quote
        return Quote(
            symbol=quote.symbol, time=quote.time, bid=quote.bid * factor, ask=quote.ask * factor
        )
