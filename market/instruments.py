"""Instruments and their registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from market.errors import InvalidError, UnknownInstrument, nearest

AssetClass = Literal["fx", "metal", "equity", "crypto"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """What can be traded: `base` is bought or sold, `quote` is paid or received.

    pip: the quoting unit of its spread (0.0001; 0.01 where JPY is quoted).
    price_increment, unit_increment: prices and sizes are multiples of these.
    typical_spread_pips: ask minus bid in pips, used where the data carries no spread.
    margin_rate: margin as a fraction of notional.
    """

    base: str
    quote: str
    asset_class: AssetClass
    pip: float
    price_increment: float
    unit_increment: float
    typical_spread_pips: float
    margin_rate: float

    def __post_init__(self) -> None:
        for field in ("pip", "price_increment", "unit_increment", "margin_rate"):
            if not getattr(self, field) > 0.0:
                raise InvalidError(
                    f"{self.base}_{self.quote}: {field} must be positive, "
                    f"found {getattr(self, field)}"
                )
        if not self.typical_spread_pips >= 0.0:
            raise InvalidError(f"{self.symbol}: typical_spread_pips must not be negative")

    @property
    def symbol(self) -> str:
        """The name used everywhere: `EUR_USD`."""
        return f"{self.base}_{self.quote}"

    @property
    def typical_spread(self) -> float:
        """Ask minus bid, in price units."""
        return self.typical_spread_pips * self.pip


def fx_pair(
    base: str, quote: str, *, spread_pips: float, margin_rate: float = 0.0333
) -> Instrument:
    """A currency pair with the quoting conventions of its quote currency.

    The default margin rate is 30:1, the ESMA limit for major pairs (2018/796).
    """
    pip = 0.01 if quote in ("JPY", "HUF", "KRW") else 0.0001
    return Instrument(
        base=base,
        quote=quote,
        asset_class="fx",
        pip=pip,
        price_increment=pip / 10.0,
        unit_increment=1.0,
        typical_spread_pips=spread_pips,
        margin_rate=margin_rate,
    )


def _standard() -> dict[str, Instrument]:
    # Spreads are round numbers of the size that retail dealers quote in normal hours.
    majors = {
        "EUR_USD": 1.2, "GBP_USD": 1.6, "AUD_USD": 1.4, "NZD_USD": 1.7, "USD_JPY": 1.4,
        "USD_CHF": 1.6, "USD_CAD": 1.8, "EUR_GBP": 1.5, "EUR_JPY": 1.9, "EUR_CHF": 1.9,
        "GBP_JPY": 2.9, "AUD_JPY": 2.1, "CHF_JPY": 2.9, "CAD_JPY": 2.4, "NZD_JPY": 2.6,
        "EUR_AUD": 2.6, "EUR_CAD": 2.6, "EUR_NZD": 3.8, "GBP_AUD": 3.8, "GBP_CAD": 3.9,
        "GBP_CHF": 3.3, "GBP_NZD": 5.5, "AUD_CAD": 2.4, "AUD_CHF": 2.4, "AUD_NZD": 2.9,
        "CAD_CHF": 2.6, "NZD_CAD": 2.9, "NZD_CHF": 2.8,
    }  # fmt: skip
    minors = {
        "USD_SEK": 35.0, "USD_NOK": 35.0, "EUR_SEK": 40.0, "EUR_NOK": 40.0, "USD_DKK": 25.0,
        "USD_SGD": 3.0, "USD_HKD": 4.0, "USD_PLN": 25.0, "USD_CZK": 120.0, "USD_HUF": 15.0,
        "USD_ZAR": 90.0, "USD_MXN": 60.0, "USD_TRY": 120.0, "USD_CNH": 12.0, "USD_THB": 300.0,
    }  # fmt: skip
    book: dict[str, Instrument] = {}
    for spreads, margin_rate in ((majors, 0.0333), (minors, 0.05)):
        for symbol, spread_pips in spreads.items():
            base, quote = symbol.split("_")
            book[symbol] = fx_pair(base, quote, spread_pips=spread_pips, margin_rate=margin_rate)
    for base, spread_pips, pip in (("XAU", 3.0, 0.1), ("XAG", 2.5, 0.01)):
        book[f"{base}_USD"] = Instrument(
            base=base,
            quote="USD",
            asset_class="metal",
            pip=pip,
            price_increment=pip / 100.0,
            unit_increment=1.0,
            typical_spread_pips=spread_pips,
            margin_rate=0.05,
        )
    return book


class Registry:
    """The instruments that this desk knows, by symbol."""

    def __init__(self, instruments: dict[str, Instrument] | None = None) -> None:
        self._book = dict(_standard() if instruments is None else instruments)

    def add(self, instrument: Instrument) -> None:
        """Make a further instrument known; the last one added under a symbol counts."""
        self._book[instrument.symbol] = instrument

    def symbols(self) -> tuple[str, ...]:
        """Every known symbol, sorted."""
        return tuple(sorted(self._book))

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._book

    def __getitem__(self, symbol: str) -> Instrument:
        try:
            return self._book[symbol]
        except KeyError:
            hint = nearest(symbol, self._book)
            raise UnknownInstrument(
                f"unknown instrument {symbol!r}{hint} Expected a symbol such as EUR_USD; "
                f"known are {', '.join(self.symbols())}. "
                "Add others under [instruments.XXX_YYY] in quorum.toml."
            ) from None
