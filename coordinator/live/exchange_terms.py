"""On what terms a paper exchange trades, from the settings."""

from __future__ import annotations

from collections.abc import Sequence

from coordinator.configuration.durations import bar_seconds
from coordinator.configuration.settings import Settings
from infra.brokers.paper.live.terms import ExchangeTerms
from market.instruments import Instrument


def exchange_terms(settings: Settings, instruments: Sequence[Instrument]) -> ExchangeTerms:
    """The account of these settings. instruments: (M,) that it trades and converts by.

    Raises ConfigError for a bar that is none.
    """
    broker = settings.broker
    return ExchangeTerms(
        instruments=tuple(instruments),
        account_currency=settings.desk.account_currency,
        cash=settings.desk.initial_balance,
        slippage=broker.slippage_bps * 1e-4,
        closeout_fraction=broker.closeout_fraction,
        financing_fee=broker.financing_fee_annual,
        interval_s=bar_seconds(settings.data.bar),
    )
