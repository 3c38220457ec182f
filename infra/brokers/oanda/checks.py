"""Whether an account at OANDA is the one that a desk was set up for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from infra.brokers.oanda.facts import AccountFacts
from market.errors import ConfigError, nearest
from market.instruments import Instrument

CLOCK_WITHIN_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """subject: what was looked at. found: in words. mend: what to do, empty where it holds."""

    subject: str
    holds: bool
    found: str
    mend: str = ""

    def __str__(self) -> str:
        return self.found if self.holds else f"{self.found}: {self.mend}"


def account_checks(
    facts: AccountFacts,
    instruments: Sequence[Instrument],
    account_currency: str,
    *,
    clock: bool = True,
) -> tuple[Check, ...]:
    """Everything that must hold before the desk trades this account.

    clock: False for a v20 server of one's own, whose clock may be that of a recorded market.
    """
    return (
        _currency(facts, account_currency),
        _netting(facts),
        *((_clock(facts),) if clock else ()),
        *(_instrument(facts, instrument) for instrument in instruments),
        *_strange_positions(facts, instruments),
    )


def require_account(
    facts: AccountFacts,
    instruments: Sequence[Instrument],
    account_currency: str,
    *,
    clock: bool = True,
) -> None:
    """Raises ConfigError that names everything that does not hold."""
    checks = account_checks(facts, instruments, account_currency, clock=clock)
    wrong = [str(check) for check in checks if not check.holds]
    if wrong:
        raise ConfigError(f"account {facts.account} cannot be traded. " + ". ".join(wrong))


def _currency(facts: AccountFacts, desk: str) -> Check:
    return Check(
        subject="currency",
        holds=facts.currency == desk,
        found=f"the account is in {facts.currency}, the desk in {desk}",
        mend=f"set desk.account_currency to {facts.currency}, or trade an account in {desk}",
    )


def _netting(facts: AccountFacts) -> Check:
    return Check(
        subject="hedging",
        holds=not facts.hedging,
        found=f"hedging is {'on' if facts.hedging else 'off'}",
        mend="the desk keeps one netted position an instrument; switch hedging off at OANDA, or "
        "use a sub-account without it",
    )


def _clock(facts: AccountFacts) -> Check:
    return Check(
        subject="clock",
        holds=abs(facts.offset_s) <= CLOCK_WITHIN_S,
        found=f"OANDA's clock is {facts.offset_s:+.2f} s from this machine's, give or take "
        f"{facts.offset_within_s:.2f} s",
        mend=f"expected within {CLOCK_WITHIN_S:g} s; have this machine's clock set by NTP",
    )


def _instrument(facts: AccountFacts, desk: Instrument) -> Check:
    subject = f"instrument {desk.symbol}"
    known = {one.symbol: one for one in facts.instruments}
    found = known.get(desk.symbol)
    if found is None:
        hint = nearest(desk.symbol, known).removesuffix(".")
        return Check(
            subject=subject,
            holds=False,
            found=f"this account cannot trade {desk.symbol}{hint}",
            mend="take it out of desk.instruments",
        )
    differing = [
        f"{name} is {theirs:g} at OANDA and {ours:g} at the desk"
        for name, theirs, ours in (
            ("price increment", found.instrument.price_increment, desk.price_increment),
            ("unit increment", found.instrument.unit_increment, desk.unit_increment),
            ("pip", found.instrument.pip, desk.pip),
        )
        if not abs(theirs - ours) <= 1e-9 * theirs
    ]
    margin = max(found.instrument.margin_rate, facts.margin_rate)
    if desk.margin_rate < margin * (1.0 - 1e-2):
        differing.append(f"margin is {margin:g} at OANDA and {desk.margin_rate:g} at the desk")
    told = "; ".join(differing)
    return Check(
        subject=subject,
        holds=not differing,
        found=f"{desk.symbol}: {told}" if differing else f"{desk.symbol} as the desk has it",
        mend=f"set [instruments.{desk.symbol}] to OANDA's values" if differing else "",
    )


def _strange_positions(facts: AccountFacts, instruments: Sequence[Instrument]) -> Iterator[Check]:
    desk = {instrument.symbol for instrument in instruments}
    for symbol, units in facts.positions:
        if symbol not in desk:
            yield Check(
                subject=f"position {symbol}",
                holds=False,
                found=f"the account holds {units:g} {symbol}, which the desk does not trade",
                mend="close it, add it to desk.instruments, or use an account of the desk's own",
            )
