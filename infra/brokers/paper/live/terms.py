"""`ExchangeTerms`: on what terms a paper exchange trades."""

from __future__ import annotations

import math
from dataclasses import dataclass

from market.errors import InvalidError
from market.instruments import Instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeTerms:
    """The account and how it is filled.

    instruments: the M columns of every array, in the desk's order. cash: the opening deposit,
    account currency. slippage: fraction of price against the trader. closeout_fraction: positions
    are closed when equity falls to this fraction of the margin used. financing_fee: annual decimal
    on notional, charged where interest rates are given. interval_s: length of the bars that it
    keeps as history; divides a day. rate_valid_s: market seconds after which the last quote of an
    instrument no longer converts the profit of another for new risk, nor fills an order that is
    met with it. liquidity: units that one quote can fill of one order.
    """

    instruments: tuple[Instrument, ...]
    account_currency: str
    cash: float
    slippage: float
    closeout_fraction: float = 0.5
    financing_fee: float = 0.0
    interval_s: int = 60
    rate_valid_s: float = 300.0
    liquidity: float = math.inf

    def __post_init__(self) -> None:
        if not self.liquidity > 0.0:
            raise InvalidError(
                f"the liquidity of a paper exchange must be positive, found {self.liquidity}; "
                "leave it out for quotes that fill any size"
            )

    @property
    def symbols(self) -> tuple[str, ...]:
        """(M,) the instruments' names."""
        return tuple(instrument.symbol for instrument in self.instruments)
