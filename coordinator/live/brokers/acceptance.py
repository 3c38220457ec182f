"""A person accepts that real money is at risk, by the account's id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from coordinator.configuration.settings import Settings
from coordinator.live.plan import LivePlan
from market.errors import ConfigError

LIVE = "live"
Ask = Callable[[str], str]
"""Shows a question on a terminal and gives what was typed."""


def is_accepted(settings: Settings) -> bool:
    """Whether nothing real is at risk, or a person has named the account that is."""
    oanda = settings.oanda
    if settings.live.broker == "paper" or oanda.environment != LIVE:
        return True
    return oanda.account is not None and oanda.accept_live_risk == oanda.account


def accepted(plan: LivePlan, ask: Ask | None) -> LivePlan:
    """The plan with its risk accepted: typed, or named before.

    ask: None where nobody is at a terminal. Raises ConfigError where it is not accepted.
    """
    settings = plan.settings
    if is_accepted(settings):
        return plan
    oanda = settings.oanda
    how = f"--i-accept-live-risk {oanda.account}"
    if oanda.accept_live_risk is not None:
        raise ConfigError(
            f"the risk of account {oanda.accept_live_risk!r} was accepted, and {oanda.account} is "
            f"to be traded. Nothing was started; to trade it say {how}"
        )
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
    confirmed = oanda.model_copy(update={"accept_live_risk": typed})
    return replace(plan, settings=settings.model_copy(update={"oanda": confirmed}))
