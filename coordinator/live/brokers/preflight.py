"""Whether a desk can trade an account, before anything of it is started."""

from __future__ import annotations

import math
from collections.abc import Iterator

from coordinator.configuration.settings import Settings
from infra.brokers.oanda.facts import AccountFacts
from market.errors import ConfigError

MOST_OFFSET_S = 1.0
"""Between our clock and the broker's: approvals expire by one, orders by the other."""


def refuse_account(settings: Settings, facts: AccountFacts, offset_s: float, *, new: bool) -> None:
    """Raise ConfigError that names everything for which this account cannot be traded so.

    offset_s: of the broker's clock over ours, NaN where it is not known. new: nothing may be held
    or be working yet.
    """
    wrong = [*account_faults(settings, facts), *clock_faults(offset_s)]
    if new:
        wrong += held_already(facts)
    if wrong:
        raise ConfigError(f"account {facts.account} cannot be traded: {'; '.join(wrong)}")


def account_faults(settings: Settings, facts: AccountFacts) -> Iterator[str]:
    """What is wrong with the account itself, each with its mend."""
    currency = settings.desk.account_currency
    if facts.currency != currency:
        yield (
            f"it is kept in {facts.currency}, the desk in {currency}; set desk.account_currency "
            f'to "{facts.currency}", or choose an account in {currency}'
        )
    if facts.hedging:
        yield (
            "it is a hedging account, which holds long and short positions of one instrument side "
            "by side, and the desk nets them; open an account without hedging"
        )
    if not facts.balance > 0.0:
        yield f"its balance is {facts.balance:,.2f} {facts.currency}; pay money in"


def clock_faults(offset_s: float) -> Iterator[str]:
    """What is wrong with the clocks."""
    if math.isnan(offset_s):
        yield "the broker told no time, so the clocks cannot be compared"
    elif abs(offset_s) > MOST_OFFSET_S:
        way = "ahead of" if offset_s > 0.0 else "behind"
        yield (
            f"the broker's clock is {abs(offset_s):.1f} s {way} this machine's, and at most "
            f"{MOST_OFFSET_S:g} s is allowed; synchronise this machine's, such as by chrony or "
            "systemd-timesyncd"
        )


def held_already(facts: AccountFacts) -> Iterator[str]:
    """What a new desk would take over without knowing how it came to be."""
    if facts.positions:
        yield (
            f"it holds {facts.positions} positions already; resume the desk that opened them "
            "with --resume and its --home, or close them at OANDA"
        )
    if facts.pending_orders:
        yield (
            f"{facts.pending_orders} orders work on it already; resume the desk that placed them "
            "with --resume and its --home, or cancel them at OANDA"
        )
