"""`Asker`: asks the broker by request for what its streams did not bring."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from oandapyV20.endpoints.pricing import PricingInfo

from infra.feeds.oanda.backoff import Backoff
from infra.feeds.oanda.inbox import Inbox
from infra.feeds.oanda.ports import Connection
from market.accounts import Transaction
from market.errors import QuorumError


class Asker:
    """One thread: transactions that are missing, and prices while their stream is away, one
    request for all instruments every `poll_s`.

    listening: whether the transaction stream stands; before that the record proves nothing. away:
    whether prices must be asked for. failed: a defect ended the thread. record_trouble,
    price_trouble: why the newest request was in vain, empty where it was not. polled: answers with
    prices. The thread ends with the request that it waits for, if any; what that brings is not
    taken any more.
    """

    def __init__(
        self,
        connection: Connection,
        symbols: Sequence[str],
        inbox: Inbox,
        backfill: Callable[[int], Sequence[Transaction]],
        *,
        listening: Callable[[], bool],
        away: Callable[[], bool],
        failed: Callable[[Exception], None],
        backoff: Backoff,
        poll_s: float,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self.polled = 0
        self.record_trouble = self.price_trouble = ""
        self._connection = connection
        self._symbols = tuple(symbols)
        self._inbox = inbox
        self._backfill = backfill
        self._listening = listening
        self._away = away
        self._failed = failed
        self._backoff = backoff
        self._poll_s = poll_s
        self._elapsed = elapsed
        self._since = ""
        self._poll_due = self._fill_due = 0.0
        self._wanted = threading.Event()
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="oanda asker", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def look(self) -> None:
        """There may be something to ask for."""
        self._wanted.set()

    def leave(self) -> None:
        """End the thread; returns before it has."""
        self._leaving.set()
        self._wanted.set()

    def join(self, within_s: float) -> bool:
        """Wait for the thread; whether it has ended."""
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._wanted.wait()  # a stream stands, or does not: before that there is nothing to ask
            while not self._leaving.is_set():
                self._wanted.wait(self._wait_s())
                self._wanted.clear()
                now = self._elapsed()
                if self._lacking() and now >= self._fill_due and not self._leaving.is_set():
                    self._fill()
                if self._away() and now >= self._poll_due and not self._leaving.is_set():
                    self._poll()
                    self._poll_due = self._elapsed() + self._poll_s
        except Exception as error:
            self._failed(error)

    def _wait_s(self) -> float:
        waits = [self._poll_s]
        if self._lacking():
            waits.append(self._fill_due - self._elapsed())
        if self._away():
            waits.append(self._poll_due - self._elapsed())
        return max(0.0, min(waits))

    def _lacking(self) -> bool:
        return self._inbox.behind and self._listening()

    def _fill(self) -> None:
        asked = self._inbox.question()
        try:
            found = self._backfill(asked.after)
        except QuorumError as error:
            self.record_trouble = (
                f"transactions after {asked.after} could not be asked for: {error}"
            )
        else:
            if self._leaving.is_set():
                return
            self._inbox.filled(asked, found)
            if not self._inbox.behind:
                self._backoff.worked()
                self._fill_due, self.record_trouble = 0.0, ""
                return
            self.record_trouble = f"the broker's record lacks transactions after {asked.after}"
        self._fill_due = self._elapsed() + self._backoff.failed()

    def _poll(self) -> None:
        params = {"instruments": ",".join(self._symbols)}
        if self._since:
            params["since"] = self._since
        try:
            answer = self._connection.ask(PricingInfo(self._connection.account, params=params))
        except QuorumError as error:
            self.price_trouble = f"prices could not be asked for: {error}"
            return
        if self._leaving.is_set():
            return
        self.polled, self.price_trouble = self.polled + 1, ""
        self._since = str(answer.get("time") or self._since)
        prices = answer.get("prices")
        for price in prices if isinstance(prices, list) else ():
            if isinstance(price, dict):
                self._inbox.price_message(price)
