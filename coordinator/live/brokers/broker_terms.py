"""A broker's terms of its instruments, as settings that the desk's record keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from coordinator.configuration.settings import InstrumentSettings, Settings
from infra.brokers.oanda.facts import AccountFacts
from market.conversion import with_conversion_instruments
from market.errors import ConfigError, nearest
from market.instruments import Instrument

SHOWN = 20
TERMS = ("pip", "price_increment", "unit_increment", "margin_rate")
"""What an order that differs in it could be refused for."""


def with_broker_terms(settings: Settings, facts: AccountFacts) -> tuple[Settings, tuple[str, ...]]:
    """The settings with the broker's terms of what is traded and of what converts its profit, and
    those symbols.

    Prices and sizes are the broker's; a margin rate that is configured higher stays. A size is a
    multiple of the least that may be traded. Raises ConfigError for instruments that the broker
    does not offer, NoConversionPath.
    """
    book = _book(facts)
    for symbol in settings.data.instruments:
        if symbol not in book:
            raise ConfigError(
                f"data.instruments: OANDA does not offer {symbol} on this account"
                f"{nearest(symbol, book)} It offers {_listed(sorted(book))}"
            )
    traded = [book[symbol] for symbol in settings.data.instruments]
    available = [book[symbol] for symbol in sorted(book)]
    needed = with_conversion_instruments(traded, available, settings.desk.account_currency)
    entries = dict(settings.instruments)
    for instrument in needed:
        entries[instrument.symbol] = _entry(instrument, entries.get(instrument.symbol))
    symbols = tuple(instrument.symbol for instrument in needed)
    return settings.model_copy(update={"instruments": entries}), symbols


def differing_terms(planned: Sequence[Instrument], facts: AccountFacts) -> tuple[str, ...]:
    """In words, where the broker's terms are no longer those that a desk was planned with.

    A margin rate that the plan has higher is the desk's own caution.
    """
    book, found = _book(facts), []
    for instrument in planned:
        now = book.get(instrument.symbol)
        if now is None:
            found.append(f"{instrument.symbol} is not offered any more")
            continue
        for name in TERMS:
            was, is_now = getattr(instrument, name), getattr(now, name)
            if is_now != was and not (name == "margin_rate" and was > is_now):
                found.append(f"{instrument.symbol}: {name} is {is_now:g}, planned with {was:g}")
    return tuple(found)


def _book(facts: AccountFacts) -> dict[str, Instrument]:
    """What the account may trade: no less margin than its own, no step below the least size."""
    return {
        one.symbol: replace(
            one.instrument,
            unit_increment=max(one.instrument.unit_increment, one.minimum_units),
            margin_rate=max(one.instrument.margin_rate, facts.margin_rate),
        )
        for one in facts.instruments
    }


def _listed(symbols: Sequence[str]) -> str:
    more = f" and {len(symbols) - SHOWN} more" if len(symbols) > SHOWN else ""
    return f"{', '.join(symbols[:SHOWN])}{more}"


def _entry(instrument: Instrument, given: InstrumentSettings | None) -> InstrumentSettings:
    spread, margin, kind = instrument.typical_spread_pips, instrument.margin_rate, None
    if given is not None:
        spread = given.typical_spread_pips if given.typical_spread_pips is not None else spread
        margin, kind = max(margin, given.margin_rate or 0.0), given.asset_class
    return InstrumentSettings(
        asset_class=kind or instrument.asset_class,
        pip=instrument.pip,
        price_increment=instrument.price_increment,
        unit_increment=instrument.unit_increment,
        typical_spread_pips=spread,
        margin_rate=margin,
    )
