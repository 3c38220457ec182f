"""`Pricing`: what the account can trade at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from infra.brokers.v20.times import nanoseconds_of, rfc3339
from infra.brokers.v20_server.core import Core, one_listed
from infra.brokers.v20_server.listing import Listed
from infra.brokers.v20_server.prices import client_price
from infra.brokers.v20_server.wire import Answer, Json, Malformed
from market.errors import DataError


class Pricing:
    def __init__(self, core: Core) -> None:
        self._core = core

    def price(self, symbol: str) -> Json | None:
        """A ClientPrice; None before the first quote. Raises NotFound."""
        core = self._core
        listed = one_listed(core, symbol)
        quote = core.exchange.last_quote(symbol)
        if quote is None:
            return None
        tradeable = symbol not in core.exchange.closed
        return client_price(
            listed, time=quote.time, bid=quote.bid, ask=quote.ask, tradeable=tradeable
        )

    def prices(self, symbols: Sequence[str]) -> list[Json]:
        """Those that there are. Raises NotFound."""
        found = (self.price(symbol) for symbol in symbols)
        return [one for one in found if one is not None]

    def asked(self, query: Mapping[str, str]) -> Answer:
        """`GET …/pricing`. Raises Malformed and NotFound."""
        core = self._core
        symbols = [symbol for symbol in query.get("instruments", "").split(",") if symbol]
        if not symbols:
            raise Malformed("Invalid value specified for 'instruments': it is missing")
        prices = self.prices(symbols)
        if "since" in query:
            try:
                since = nanoseconds_of(query["since"])
            except DataError as error:
                raise Malformed(f"Invalid value specified for 'since': {error}") from None
            prices = [one for one in prices if nanoseconds_of(one["time"]) > since]
        for one in prices:
            listed = core.listed[one["instrument"]]
            self._convert(one, listed)
            if query.get("includeUnitsAvailable", "").lower() == "true":
                self._available(one, listed)
        body: Json = {"prices": prices, "time": rfc3339(core.exchange.clock)}
        if query.get("includeHomeConversions", "").lower() == "true":
            body["homeConversions"] = self._conversions()
        return 200, body

    def _rate(self, listed: Listed) -> float:
        return float(self._core.exchange.marks.rate[listed.column])

    def _convert(self, price: Json, listed: Listed) -> None:
        rate = self._rate(listed)
        if math.isfinite(rate):
            text = f"{rate:.10f}"
            price["quoteHomeConversionFactors"] = {"positiveUnits": text, "negativeUnits": text}

    def _available(self, price: Json, listed: Listed) -> None:
        core, rate = self._core, self._rate(listed)
        held = core.exchange.held(listed.symbol)
        per_unit = float(core.exchange.marks.mid[listed.column]) * rate
        per_unit *= listed.instrument.margin_rate
        free = max(core.exchange.equity() - core.exchange.margin_used(), 0.0)
        opens = free / per_unit if math.isfinite(per_unit) and per_unit > 0.0 else 0.0
        reduces = {"long": max(-held, 0.0), "short": max(held, 0.0)}

        def both(long: float, short: float) -> Json:
            units, step = listed.units, listed.instrument.unit_increment
            return {
                "long": units(math.floor(long / step) * step),
                "short": units(math.floor(short / step) * step),
            }

        whole = {side: opens + 2.0 * units for side, units in reduces.items()}
        price["unitsAvailable"] = {
            "default": both(whole["long"], whole["short"]),
            "reduceFirst": both(whole["long"], whole["short"]),
            "reduceOnly": both(reduces["long"], reduces["short"]),
            "openOnly": both(
                0.0 if held < 0.0 else opens,
                0.0 if held > 0.0 else opens,
            ),
        }

    def _conversions(self) -> list[Json]:
        rates = {}
        for listed in self._core.listed.values():
            rate = self._rate(listed)
            if math.isfinite(rate):
                rates[listed.instrument.quote] = rate
        return [
            {
                "currency": currency,
                "accountGain": f"{rate:.10f}",
                "accountLoss": f"{rate:.10f}",
                "positionValue": f"{rate:.10f}",
            }
            for currency, rate in sorted(rates.items())
        ]
