"""An account at OANDA, looked at from the address to the streams; nothing is traded or changed."""

from __future__ import annotations

import contextlib
import math
import statistics
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import closing
from typing import Any

from oandapyV20.endpoints import accounts
from oandapyV20.endpoints.pricing import PricingStream
from oandapyV20.endpoints.transactions import TransactionsStream

from coordinator.configuration.settings import Settings
from coordinator.doctor.finding import Finding, failed, passed, warned
from coordinator.live.brokers.broker_terms import with_broker_terms
from coordinator.live.brokers.oanda_access import LOCAL, OandaAccess, access_of, tokens_of
from coordinator.live.brokers.preflight import CLOCK, checks_of, faults_of
from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.credentials import TOKEN_VARIABLE, TokenFile
from infra.brokers.oanda.errors import Refused
from infra.brokers.oanda.facts import AccountFacts, account_facts
from infra.brokers.oanda.paths import quoted
from market.errors import InvalidError, QuorumError, TransientError

STREAM_WITHIN_S = 10.0
REQUESTS = 5
MOST_A_SECOND = 120.0
"""OANDA refuses more with 429."""
SLOW_S = 0.5
"""Above this the desk's breaker for slow answers is near: breakers.latency_s."""


def examine_oanda(settings: Settings, variables: MutableMapping[str, str]) -> Iterator[Finding]:
    """Every line in order; what depends on a line that failed is not tried, and says so.

    variables: the environment; a token in it is taken out.
    """
    try:
        access = access_of(settings)
    except InvalidError as error:
        yield failed("account", str(error), "correct [oanda] of the configuration, or the flags")
        return
    yield passed("account named", access.said)
    try:
        tokens = tokens_of(settings.oanda, variables)
    except InvalidError as error:
        yield failed("token found", str(error), "OANDA's site makes tokens: Manage API Access")
        return
    source = str(tokens.path) if isinstance(tokens, TokenFile) else TOKEN_VARIABLE
    yield passed("token found", source)
    with closing(access.connect(tokens)) as connection:
        yield from AccountExamination(settings, access, connection).findings()


class AccountExamination:
    """One account on one connection."""

    def __init__(
        self,
        settings: Settings,
        access: OandaAccess,
        connection: OandaConnection,
        *,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._access = access
        self._connection = connection
        self._elapsed = elapsed
        self._facts: AccountFacts | None = None
        self._summary: dict[str, Any] = {}
        self._latencies: list[float] = []
        self._limited = 0

    def findings(self) -> Iterator[Finding]:
        """Line by line, as each is found."""
        steps: tuple[tuple[str, str, Callable[[], Finding]], ...] = (
            ("address", "", self._address),
            ("token accepted", "address", self._token),
            ("account", "token accepted", self._account),
            ("permissions", "account", self._permissions),
            ("account state", "permissions", self._state),
            ("instruments", "permissions", self._instruments),
            ("price stream", "permissions", self._price_stream),
            ("transaction stream", "permissions", self._transaction_stream),
            ("latency", "permissions", self._latency),
            (CLOCK, "permissions", self._clock),
            ("rate limit", "latency", self._rate_limit),
        )
        broken: set[str] = set()
        for subject, needs, look in steps:
            if needs in broken:
                broken.add(subject)
                yield warned(subject, "not tried", f"mend {needs!r} first")
                continue
            try:
                finding = look()
            except QuorumError as error:
                finding = failed(subject, str(error), _mend_of(error))
            if finding.state == "fail":
                broken.add(subject)
            yield finding

    def _ask(self, endpoint: Any) -> dict[str, Any]:
        began = self._elapsed()
        try:
            answer = self._connection.ask(endpoint)
        except TransientError as error:
            self._limited += "429" in str(error)
            raise
        self._latencies.append(self._elapsed() - began)
        return answer

    def _address(self) -> Finding:
        where = f"{self._access.at.api} and {self._access.at.stream}"
        with contextlib.suppress(Refused):  # whatever it refuses, it is there
            self._ask(accounts.AccountList())
        return passed("address", f"{where} answer")

    def _token(self) -> Finding:
        self._ask(accounts.AccountList())
        return passed("token accepted", f"by {self._access.environment}")

    def _account(self) -> Finding:
        answer = self._ask(accounts.AccountList())
        known = [str(one.get("id")) for one in answer.get("accounts", [])]
        if self._access.account in known:
            return passed("account", f"{self._access.account}, one of {len(known)} of this token")
        return failed(
            "account",
            f"{self._access.account} is not among those of this token: {', '.join(known)}",
            "name one of these with --account, or use the token of the account's owner",
        )

    def _permissions(self) -> Finding:
        summary = accounts.AccountSummary(quoted(self._access.account))
        self._summary = self._ask(summary).get("account", {})
        self._facts = account_facts(self._connection)
        return passed(
            "permissions", "the account may be read; that orders are taken only an order shows"
        )

    def _state(self) -> Finding:
        facts = self._known()
        told = (
            f"{facts.currency}, {'hedging' if facts.hedging else 'netting'}, balance "
            f"{facts.balance:,.2f}, margin used {self._summary.get('marginUsed', 'unknown')}, "
            f"available {self._summary.get('marginAvailable', 'unknown')}, "
            f"{len(facts.positions)} positions open, {facts.waiting} orders working"
        )
        wrong = faults_of(facts, self._settings.desk.account_currency, own_clock=True)
        if wrong:
            return failed("account state", told, "; ".join(wrong))
        if facts.positions or facts.waiting:
            return warned(
                "account state", told, "a new desk needs an empty account; --resume goes on"
            )
        return passed("account state", told)

    def _clock(self) -> Finding:
        checks = checks_of(self._known(), self._settings.desk.account_currency)
        clock = next(one for one in checks if one.subject == CLOCK)
        if self._access.environment == LOCAL:
            return passed(CLOCK, f"{clock.found}; a local server's clock is its market's")
        if not clock.holds:
            return failed(CLOCK, clock.found, clock.mend)
        return passed(CLOCK, clock.found)

    def _instruments(self) -> Finding:
        facts = self._known()
        settings, symbols = with_broker_terms(self._settings, facts)
        traded = self._settings.data.instruments
        others = [symbol for symbol in symbols if symbol not in traded]
        beside = f", with {', '.join(others)} to convert by" if others else ""
        margins = [settings.instruments[symbol].margin_rate or math.nan for symbol in traded]
        return passed(
            "instruments",
            f"{', '.join(traded)} of {len(facts.instruments)} offered{beside}; margin "
            f"{min(margins):.2%} to {max(margins):.2%}",
        )

    def _price_stream(self) -> Finding:
        names = ",".join(self._settings.data.instruments)
        endpoint = PricingStream(self._access.account, params={"instruments": names})
        with closing(self._connection.new_stream(endpoint, STREAM_WITHIN_S)) as stream:
            return price_heard(stream, self._elapsed)

    def _transaction_stream(self) -> Finding:
        endpoint = TransactionsStream(self._access.account)
        began = self._elapsed()
        with closing(self._connection.new_stream(endpoint, STREAM_WITHIN_S)) as stream:
            message = next(stream)
        kind = str(message.get("type", "a message")).lower()
        return passed("transaction stream", f"a {kind} after {self._elapsed() - began:.1f} s")

    def _latency(self) -> Finding:
        found = []
        for _ in range(REQUESTS):
            began = self._elapsed()
            self._ask(accounts.AccountSummary(quoted(self._access.account)))
            found.append(self._elapsed() - began)
        median = statistics.median(found)
        told = f"median {1e3 * median:.0f} ms, worst {1e3 * max(found):.0f} ms of {REQUESTS}"
        if median > SLOW_S:
            limit = self._settings.breakers.latency_s
            mend = f"run the desk nearer to the broker; its breaker trips above {limit:g} s"
            return warned("latency", told, mend)
        return passed("latency", told)

    def _rate_limit(self) -> Finding:
        rate = 1.0 / statistics.median(self._latencies)
        told = (
            f"{len(self._latencies)} requests, {self._limited} refused with 429; one line makes "
            f"{rate:,.0f} a second here, of {MOST_A_SECOND:.0f} that OANDA allows"
        )
        if self._limited:
            return warned("rate limit", told, "something else uses this token's requests")
        return passed("rate limit", told)

    def _known(self) -> AccountFacts:
        if self._facts is None:
            raise TransientError("the account was not read")
        return self._facts


def price_heard(messages: Iterator[dict[str, Any]], elapsed: Callable[[], float]) -> Finding:
    """Whether a stream brings a price in time; heartbeats alone are none. elapsed: seconds that
    never step back. Raises StreamLost where the stream ends or is silent.
    """
    began, others = elapsed(), 0
    for message in messages:
        after_s = elapsed() - began
        if message.get("type") == "PRICE":
            told = f"a price after {after_s:.1f} s"
            if message.get("tradeable", True) is not True:
                told += f"; {message.get('instrument')} is closed, market hours"
            return passed("price stream", told)
        others += 1
        if after_s >= STREAM_WITHIN_S:
            break
    return failed(
        "price stream",
        f"{others} heartbeats and no price in {STREAM_WITHIN_S:g} s",
        "a stream begins with a price of every instrument: try again, and see status.oanda.com",
    )


def _mend_of(error: QuorumError) -> str:
    if isinstance(error, Refused) and error.status == 401:
        return "make a new token at OANDA and put it in the token's place; no restart is needed"
    if isinstance(error, Refused) and error.status == 403:
        return "practice and live have tokens of their own: check environment, account and token"
    if isinstance(error, TransientError):
        return "check the network, a proxy, the environment's address, and status.oanda.com"
    return "see what this message names"
