"""A person accepts that real money is at risk, by the account's id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from coordinator.live.plan import LivePlan
from market.errors import ConfigError

LIVE = "live"
Ask = Callable[[str], str]
"""Shows a question on a terminal and gives what was typed."""


def is_accepted(plan: LivePlan) -> bool:
    """Whether nothing real is at risk, or a person has named the account that is."""
    settings = plan.settings
    oanda = settings.oanda
    if settings.live.broker == "paper" or oanda.environment != LIVE:
        return True
    return oanda.account is not None and plan.risk_accepted == oanda.account


def accepted(plan: LivePlan, ask: Ask | None, named: str | None = None) -> LivePlan:
    """The plan with its risk accepted for this one start: typed, or named.

    ask: None where nobody is at a terminal. named: the account, as whoever starts the desk says it
    beside the command; no configuration can. Raises ConfigError where it is not accepted.
    """
    if is_accepted(plan):
        return plan
    settings = plan.settings
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
