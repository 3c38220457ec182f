"""A person accepts that real money is at risk, by the account's id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from coordinator.configuration.settings import Settings
from coordinator.live.brokers.venue import Venue
from coordinator.live.plan import LivePlan
from market.errors import ConfigError

LIVE = "live"
Ask = Callable[[str], str]
"""Shows a question on a terminal and gives what was typed."""


def trades_real_money(settings: Settings) -> bool:
    """Whether these settings name a broker and an account whose orders move real money."""
    return settings.live.broker == "oanda" and settings.oanda.environment == LIVE


def is_accepted(plan: LivePlan, venue: Venue) -> bool:
    """Whether nothing real is at risk there, or a person has named the account that is."""
    return not venue.real or _is_named(plan)


def refuse_unaccepted(plan: LivePlan, venue: Venue) -> None:
    """Raise ConfigError for a venue whose risk nobody has accepted."""
    if not is_accepted(plan, venue):
        account = plan.settings.oanda.account
        raise ConfigError(
            f"nobody has accepted the risk of account {account}; say --i-accept-live-risk {account}"
        )


def _is_named(plan: LivePlan) -> bool:
    account = plan.settings.oanda.account
    return account is not None and plan.risk_accepted == account


def accepted(plan: LivePlan, ask: Ask | None, named: str | None = None) -> LivePlan:
    """The plan with its risk accepted for this one start: typed, or named.

    ask: None where nobody is at a terminal. named: the account, as whoever starts the desk says it
    beside the command; no configuration can. Raises ConfigError where it is not accepted.
    """
    settings = plan.settings
    if not trades_real_money(settings) or _is_named(plan):
        return plan
    oanda = settings.oanda
    how = f"--i-accept-live-risk {oanda.account}"
    if named is None:
        if ask is None:
            raise ConfigError(
                f"account {oanda.account} holds real money, and nobody is at a terminal to confirm "
                f"it. Nothing was started; say {how}"
            )
        typed = ask(
            f"Account {oanda.account} holds {plan.desk.initial_balance:,.2f} "
            f"{settings.desk.account_currency} of real money, and this desk will trade it. "
            "Type the account's id to go on"
        ).strip()
        if typed != oanda.account:
            raise ConfigError(
                f"expected {oanda.account}, found {typed!r}. Nothing was started and nothing traded"
            )
        return replace(plan, risk_accepted=typed)
    if named != oanda.account:
        raise ConfigError(
            f"the risk of account {named!r} was accepted, and {oanda.account} is to be traded. "
            f"Nothing was started; to trade it say {how}"
        )
    return replace(plan, risk_accepted=named)
