"""`Records`: what OANDA keeps of an account's past."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from oandapyV20.endpoints import accounts, trades, transactions

from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.errors import Refused
from infra.brokers.oanda.paths import quoted
from infra.brokers.oanda.reading import reading
from market.errors import TransientError

Raw = Mapping[str, Any]
PAGE = 1_000
REACH = 5_000


class Records:
    """Raises as `OandaConnection.ask` does."""

    def __init__(self, connection: OandaConnection) -> None:
        self._connection = connection
        self._account = quoted(connection.account)

    def last_id(self) -> int:
        """The newest transaction's."""
        answer = self._connection.ask(accounts.AccountSummary(self._account))
        with reading("the account's summary"):
            return int(answer["lastTransactionID"])

    def transaction(self, number: int) -> Raw | None:
        """One transaction; None where there is none of that id."""
        endpoint = transactions.TransactionDetails(self._account, quoted(str(number)))
        return self._one(endpoint, "transaction")

    def trade(self, number: int) -> Raw | None:
        """A trade, open or closed; None where OANDA has it no more."""
        return self._one(trades.TradeDetails(self._account, quoted(str(number))), "trade")

    def since(self, after: int) -> Iterator[Raw]:
        """Every transaction above `after`, in order: OANDA answers with some at a time.

        Raises TransientError where OANDA's newest is below `after`: one of its machines lags behind
        another, or the id is another account's.
        """
        while True:
            endpoint = transactions.TransactionsSinceID(self._account, params={"id": str(after)})
            refused: Refused | None = None
            try:
                answer = self._connection.ask(endpoint)
            except Refused as error:
                refused = error
            if refused is not None:
                raise self._out_of_range(refused, after)
            with reading("the record"):
                told = sorted(answer["transactions"], key=_id)
                last = int(answer["lastTransactionID"])
            yield from told
            newest = _id(told[-1]) if told else after
            if newest >= last:
                if last < after:
                    raise _ahead(after, last)
                return
            if newest <= after:
                raise TransientError(
                    f"OANDA's newest transaction is {last}, and it tells none above {after}"
                )
            after = newest

    def newest_first(self, reach: int = REACH, *, below: int | None = None) -> Iterator[Raw]:
        """The newest transactions, newest first, so many at most. below: only those under this id;
        None for all.
        """
        last = self.last_id() if below is None else below - 1
        least = max(last - reach + 1, 1)
        while last >= least:
            first = max(last - PAGE + 1, least)
            params = {"from": str(first), "to": str(last)}
            answer = self._connection.ask(
                transactions.TransactionIDRange(self._account, params=params)
            )
            with reading("the record"):
                told = sorted(answer["transactions"], key=_id, reverse=True)
            yield from told
            last = first - 1

    def _one(self, endpoint: Any, name: str) -> Raw | None:
        refused: Refused | None = None
        try:
            found = self._connection.ask(endpoint).get(name)
        except Refused as error:
            refused = error
        if refused is None:
            return found if isinstance(found, dict) else None
        if refused.status == 404:
            return None
        raise refused

    def _out_of_range(self, refused: Refused, after: int) -> Exception:
        return _ahead(after, self.last_id()) if refused.status == 416 else refused


def _id(raw: Raw) -> int:
    return int(raw["id"])


def _ahead(after: int, last: int) -> TransientError:
    return TransientError(
        f"transaction {after} is known here and OANDA's newest is {last}; where that lasts, check "
        "that the journal belongs to this account"
    )
