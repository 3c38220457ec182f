"""Whether a desk can trade an account, before anything of it is started."""

from __future__ import annotations

from collections.abc import Iterator

from infra.brokers.oanda.checks import Check, account_checks
from infra.brokers.oanda.facts import AccountFacts
from market.errors import ConfigError

INSTRUMENT, POSITION = "instrument ", "position "


def refuse_account(facts: AccountFacts, account_currency: str, *, new: bool) -> None:
    """Raise ConfigError that names everything for which this account cannot be traded.

    new: nothing may be held or be working yet.
    """
    wrong = [str(check) for check in checks_of(facts, account_currency) if not check.holds]
    if new:
        wrong += held_already(facts)
    if wrong:
        raise ConfigError(f"account {facts.account} cannot be traded. {'. '.join(wrong)}")


def checks_of(facts: AccountFacts, account_currency: str) -> Iterator[Check]:
    """What must hold of the account itself, whatever is traded on it."""
    for check in account_checks(facts, (), account_currency):
        if not check.subject.startswith(POSITION):
            yield check
    yield Check(
        subject="balance",
        holds=facts.balance > 0.0,
        found=f"the balance is {facts.balance:,.2f} {facts.currency}",
        mend="" if facts.balance > 0.0 else "pay money in, or choose another account",
    )


def held_already(facts: AccountFacts) -> Iterator[str]:
    """What a new desk would take over without knowing how it came to be."""
    resume = "resume the desk that did it with --resume and its --home, or end them at OANDA"
    if facts.positions:
        held = ", ".join(f"{units:+g} {symbol}" for symbol, units in facts.positions)
        yield f"it holds positions that this desk did not open ({held}); {resume}"
    if facts.waiting:
        yield f"{facts.waiting} orders that this desk did not place work on it; {resume}"
