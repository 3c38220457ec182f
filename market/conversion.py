"""From any quote currency into the account currency, through the crosses that are at hand."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.bars import Floats
from market.compiled import constant, lean_kernel
from market.errors import NoConversionPath
from market.instruments import Instrument

Indices = NDArray[np.int64]


class Conversion(NamedTuple):
    """How profit and loss reach the account currency, and which currencies a position touches.

    path_column: (M, K) the columns of the instruments to chain, from the quote currency of
        instrument m towards the account currency; -1 ends the chain.
    path_power: (M, K) +1 multiplies by that instrument's mid, -1 divides.
    base, quote: (M,) index of each leg's currency.
    account: index of the account currency.
    currencies: C, the number of currencies.
    """

    path_column: Indices
    path_power: Indices
    base: Indices
    quote: Indices
    account: int
    currencies: int


def currency_names(instruments: Sequence[Instrument], account_currency: str) -> tuple[str, ...]:
    """Every currency that the instruments or the account touch, sorted: the order of indices."""
    legs = {leg for instrument in instruments for leg in (instrument.base, instrument.quote)}
    return tuple(sorted(legs | {account_currency}))


def shortest_path(
    currency: str, account_currency: str, instruments: Sequence[Instrument]
) -> list[tuple[int, int]]:
    """Fewest-hop chain of (column, power) from `currency` to `account_currency`.

    Raises NoConversionPath when the instruments do not connect the two.
    """
    arrived: dict[str, list[tuple[int, int]]] = {currency: []}
    waiting = deque([currency])
    while waiting:
        here = waiting.popleft()
        if here == account_currency:
            return arrived[here]
        for column, instrument in enumerate(instruments):
            for origin, destination, power in (
                (instrument.base, instrument.quote, 1),
                (instrument.quote, instrument.base, -1),
            ):
                if origin == here and destination not in arrived:
                    arrived[destination] = [*arrived[here], (column, power)]
                    waiting.append(destination)
    raise NoConversionPath(
        f"no chain of instruments leads from {currency} to the account currency "
        f"{account_currency}; add one such as {currency}_{account_currency} or "
        f"{account_currency}_{currency} to the data, or change desk.account_currency"
    )


def conversion(instruments: Sequence[Instrument], account_currency: str) -> Conversion:
    """The conversion table of a panel whose columns are `instruments`.

    Raises NoConversionPath when a quote currency cannot reach the account currency.
    """
    paths = [
        shortest_path(instrument.quote, account_currency, instruments) for instrument in instruments
    ]
    hops = max((len(path) for path in paths), default=0) + 1
    column = np.full((len(paths), hops), -1, dtype=np.int64)
    power = np.zeros((len(paths), hops), dtype=np.int64)
    for row, path in enumerate(paths):
        for hop, (through, sign) in enumerate(path):
            column[row, hop], power[row, hop] = through, sign
    names = currency_names(instruments, account_currency)
    return Conversion(
        path_column=constant(column),
        path_power=constant(power),
        base=constant(np.array([names.index(i.base) for i in instruments], dtype=np.int64)),
        quote=constant(np.array([names.index(i.quote) for i in instruments], dtype=np.int64)),
        account=names.index(account_currency),
        currencies=len(names),
    )


def with_conversion_instruments(
    traded: Sequence[Instrument], available: Sequence[Instrument], account_currency: str
) -> list[Instrument]:
    """The traded instruments, then those that are only needed to convert their profit and loss.

    Raises NoConversionPath when even all of `available` do not suffice.
    """
    pool = [*traded, *(other for other in available if other not in traded)]
    needed = list(traded)
    for instrument in traded:
        for column, _ in shortest_path(instrument.quote, account_currency, pool):
            if pool[column] not in needed:
                needed.append(pool[column])
    return needed


@lean_kernel
def quote_rate(paths: Conversion, mid: Floats, column: int, own_mid: float) -> float:
    """Account currency for one unit of the quote currency of `column`.

    mid: (M,) prices of the other instruments at that moment. own_mid: the instrument's own mid
    at that moment, used where its own price is part of the chain. NaN where a price is missing.
    """
    rate = 1.0
    for hop in range(paths.path_column.shape[1]):
        through = paths.path_column[column, hop]
        if through < 0:
            break
        price = own_mid if through == column else mid[through]
        rate = rate * price if paths.path_power[column, hop] > 0 else rate / price
    return rate
