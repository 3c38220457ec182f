"""Whether a desk can trade an account, before anything of it is started."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from infra.brokers.oanda.checks import Check, account_checks
from infra.brokers.oanda.facts import AccountFacts
from market.errors import ConfigError

CLOCK = "clock"


def refuse_account(
    facts: AccountFacts, account_currency: str, *, new: bool, own_clock: bool = False
) -> None:
    """Raise ConfigError that names everything for which this account cannot be traded.

    new: nothing may be held or be working yet. own_clock: as of `faults_of`.
    """
    wrong = faults_of(facts, account_currency, own_clock=own_clock)
    if new:
        wrong += held_already(facts)
    if wrong:
        raise ConfigError(f"account {facts.account} cannot be traded. {'. '.join(wrong)}")


def faults_of(facts: AccountFacts, account_currency: str, *, own_clock: bool) -> list[str]:
    """Everything about the account itself that does not hold, in words.

    own_clock: the broker is a server of one's own, whose clock is its market's: it stands while the
    server is down and may run at any speed, so it is not compared with this machine's.
    """
    checks = checks_of(facts, account_currency, clock=not own_clock)
    return [str(check) for check in checks if not check.holds]


def checks_of(facts: AccountFacts, account_currency: str, *, clock: bool = True) -> Iterator[Check]:
    """What must hold of the account itself, whatever is traded on it."""
    yield from account_checks(facts, account_currency, clock=clock)
    yield Check(
        subject="balance",
        holds=facts.balance > 0.0,
        found=f"the balance is {facts.balance:,.2f} {facts.currency}",
        mend="" if facts.balance > 0.0 else "pay money in, or choose another account",
    )


def strange_positions(facts: AccountFacts, symbols: Collection[str]) -> Iterator[str]:
    """What somebody else holds on a desk's account. symbols: the desk's."""
    for symbol, units in facts.positions:
        if symbol not in symbols:
            yield (
                f"it holds {units:+g} {symbol}, which this desk does not trade: somebody else "
                "trades the account; close that position at OANDA"
            )


def held_already(facts: AccountFacts) -> Iterator[str]:
    """What a new desk would take over without knowing how it came to be."""
    resume = "resume the desk that did it with --resume and its --home, or end them at OANDA"
    if facts.positions:
        held = ", ".join(f"{units:+g} {symbol}" for symbol, units in facts.positions)
        yield f"it holds positions that this desk did not open ({held}); {resume}"
    if facts.waiting:
        yield f"{facts.waiting} orders that this desk did not place work on it; {resume}"
