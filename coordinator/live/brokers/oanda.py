"""OANDA: an account that is there without us, examined before anything is started."""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from coordinator.configuration.durations import bar_seconds
from coordinator.configuration.settings import Settings
from coordinator.live.bootstrap import journal_key_of
from coordinator.live.brokers.broker_terms import differing_terms, with_broker_terms
from coordinator.live.brokers.granting import grant_for
from coordinator.live.brokers.oanda_access import (
    LIVE,
    LOCAL,
    OandaAccess,
    access_of,
    token_file_of,
    tokens_of,
)
from coordinator.live.brokers.preflight import faults_of, refuse_account, strange_positions
from coordinator.live.brokers.resuming import refuse_another_broker
from coordinator.live.brokers.venue import Prepared, Venue
from coordinator.live.plan import LivePlan
from infra.brokers.oanda.broker import OandaBroker
from infra.brokers.oanda.candles import granularity_for
from infra.brokers.oanda.credentials import TOKEN_VARIABLE, TokenFile, TokenSource, TokenText
from infra.brokers.oanda.facts import account_facts
from infra.live.earned import earned_by
from infra.live.home import DeskHome
from infra.live.opening import session_at
from market.errors import ConfigError, TransientError
from market.instruments import Instrument
from market.ports import LiveBroker
from market.quotes import PriceKind

ABSENT_AFTER_S = 10.0
"""An order that OANDA does not know yet may still be on its way inside it."""
HEARD_WITHIN_S = 15.0
"""Its streams send a heartbeat every five seconds."""


class OandaChoice:
    """Trades through OANDA. variables: the process's environment; a token is taken out of it."""

    def __init__(self, variables: MutableMapping[str, str]) -> None:
        self._variables = variables
        self._known: TokenSource | None = None

    def check(self, settings: Settings) -> None:
        """The settings name this broker, by which it is told whether money is real; an account is
        named; OANDA's candles make such bars; what belongs to real money is said of real money.
        """
        if settings.live.broker != "oanda":
            raise ConfigError(
                f"live.broker is {settings.live.broker}, and this desk would trade through OANDA; "
                "set it to oanda"
            )
        access_of(settings)
        granularity_for(bar_seconds(settings.data.bar))
        oanda = settings.oanda
        if settings.live.speed != 1.0 and oanda.environment != LOCAL:
            raise ConfigError(
                f"live.speed is {settings.live.speed:g}, and OANDA's time runs as it does; leave "
                "it out. Of a local server it is the speed of that server's prices"
            )
        if oanda.granted_by is not None and oanda.environment != LIVE:
            raise ConfigError(
                f"oanda.granted_by belongs to the environment live, and this desk trades on "
                f"{oanda.environment}, where every desk begins on paper; leave it out"
            )

    def prepared(self, settings: Settings, home: DeskHome, *, resume: bool) -> Prepared:
        """Ask for the account, and take balance and terms of the instruments from the broker."""
        access = access_of(settings)
        if resume:
            refuse_another_broker(home, access.said)
        currency, local = settings.desk.account_currency, access.environment == LOCAL
        with closing(access.connect(self._tokens(settings))) as connection:
            try:
                facts = account_facts(connection)
            except TransientError as error:
                ask = "start it: quorum v20-server" if local else "quorum doctor --broker oanda"
                raise TransientError(f"{error}; {ask}") from None
        refuse_account(facts, currency, new=not resume, own_clock=local)
        balance = session_at(home.journal).initial_balance if resume else facts.balance
        settings, symbols = with_broker_terms(settings, facts)
        account = settings.oanda.model_copy(update={"account": access.account})
        desk = settings.desk.model_copy(update={"initial_balance": balance})
        return Prepared(
            settings=settings.model_copy(update={"oanda": account, "desk": desk}),
            available=symbols,
        )

    def looked_at(self, plan: LivePlan, *, resume: bool) -> LivePlan:
        """A real desk begins where a practice desk has led."""
        oanda = plan.settings.oanda
        if oanda.environment != LIVE:
            return plan
        if oanda.granted_by is None:
            if resume:
                return plan
            raise ConfigError(
                "real money is traded by a desk that has earned a live stage on a practice account "
                "first; name that desk's home with --granted-by"
            )
        tried = DeskHome(folder=oanda.granted_by.resolve())
        earned = earned_by(tried, journal_key_of(plan.settings))
        return replace(plan, grant=grant_for(plan, earned, tried.folder))

    def venue(self, plan: LivePlan, home: DeskHome) -> Venue:
        """The account of the plan; its gateway finds the token in a file."""
        settings = plan.settings
        access = access_of(settings)
        file = token_file_of(self._tokens(settings), home.broker_token)
        return Venue(
            description=access.said,
            feed=access.said,
            prices=PriceKind.UNSTATED if access.environment == LOCAL else PriceKind.REAL,
            speed=settings.live.speed,
            real=access.environment == LIVE,
            open_broker=partial(
                open_oanda,
                access,
                file,
                instruments=plan.instruments,
                account_currency=settings.desk.account_currency,
                interval_s=plan.desk.interval_s,
                speed=settings.live.speed,
            ),
            differs=partial(
                account_differs,
                access=access,
                file=file,
                instruments=plan.instruments,
                account_currency=settings.desk.account_currency,
            ),
            absent_after_s=ABSENT_AFTER_S,
            heard_within_s=HEARD_WITHIN_S,
        )

    def handed_over(self, home: DeskHome) -> AbstractContextManager[None]:
        """A token of the environment lies in the desk's home while the desk is at work."""
        return _handed_over(self._known, home)

    def _tokens(self, settings: Settings) -> TokenSource:
        if self._known is None:
            self._known = tokens_of(settings.oanda, self._variables)
        return self._known


@contextmanager
def _handed_over(tokens: TokenSource | None, home: DeskHome) -> Iterator[None]:
    home.forget_left_token()
    if not isinstance(tokens, TokenText):
        yield
        home.forget_left_token()
        return
    home.make()
    home.keep_token(tokens.token())
    try:
        yield
    finally:
        home.forget_token()


def open_oanda(
    access: OandaAccess,
    file: Path,
    *,
    instruments: Sequence[Instrument],
    account_currency: str,
    interval_s: int,
    speed: float,
) -> LiveBroker:
    """The broker, in the gateway's process. file: with the token.

    Raises ConfigError where every process of the cluster was given a token.
    """
    if TOKEN_VARIABLE in os.environ:
        raise ConfigError(
            f"this cluster was started with {TOKEN_VARIABLE} in its environment, where each of its "
            "processes can read it; start Ray without it, and the desk with --token-file"
        )
    return OandaBroker(
        access.connect(TokenFile(file)),
        instruments=instruments,
        account_currency=account_currency,
        interval_s=interval_s,
        speed=speed,
    )


def account_differs(
    *,
    access: OandaAccess,
    file: Path,
    instruments: Sequence[Instrument],
    account_currency: str,
) -> str:
    """Why the account is no longer the one that the desk was planned for, empty where it is."""
    with closing(access.connect(TokenFile(file))) as connection:
        facts = account_facts(connection)
    found = faults_of(facts, account_currency, own_clock=access.environment == LOCAL)
    found += differing_terms(instruments, facts)
    found += strange_positions(facts, [instrument.symbol for instrument in instruments])
    if not found:
        return ""
    return (
        f"the account is not as the desk was planned: {'; '.join(found)}. What reduces a position "
        "still passes; stop the desk and take it up again as `quorum stop` tells, which takes the "
        "broker's present terms"
    )
