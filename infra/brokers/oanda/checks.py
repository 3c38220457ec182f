"""Whether an account at OANDA is the one that a desk was set up for."""

from __future__ import annotations

from dataclasses import dataclass

from infra.brokers.oanda.facts import AccountFacts

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
    account_currency: str,
    *,
    clock: bool = True,
) -> tuple[Check, ...]:
    """Everything that must hold of the account itself before a desk trades it.

    clock: False for a v20 server of one's own, whose clock may be that of a recorded market.
    """
    return (
        _currency(facts, account_currency),
        _netting(facts),
        *((_clock(facts),) if clock else ()),
    )


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
