"""`ExchangeStream`: the reader's end of a paper exchange's stream."""

from __future__ import annotations

from infra.brokers.paper.live.messages import Taken, Update
from infra.brokers.paper.live.records import quotes_of, transaction_of
from infra.deadlines import DeadlineLine
from market.accounts import StreamUpdate, Transaction
from market.quotes import Quote


class ExchangeStream:
    """A `BrokerStream`. The exchange conflates while updates that were sent are not taken."""

    def __init__(self, line: DeadlineLine) -> None:
        self._line = line
        self._time = 0

    def fileno(self) -> int:
        """Readable once something came, for `select`."""
        return self._line.fileno()

    def take(self) -> StreamUpdate:
        """What came since the last call, without waiting. Raises StreamLost at its end."""
        updates = [message for message in self._line.take() if isinstance(message, Update)]
        quotes: list[Quote] = []
        transactions: list[Transaction] = []
        for update in updates:
            quotes += quotes_of(update.quotes)
            transactions += map(transaction_of, update.transactions)
            self._time = update.time
        if updates:
            self._line.post(Taken(updates=len(updates)))
        return StreamUpdate(
            time=self._time,
            quotes=tuple(quotes),
            transactions=tuple(transactions),
            skipped=sum(update.skipped for update in updates),
        )

    def close(self) -> None:
        """Hang up."""
        self._line.close()
