"""`TransactionSequence`: each transaction once and in order, however they come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from market.accounts import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which transactions the record is asked for: those above `after`. silences: how often nobody
    had listened until then.
    """

    after: int
    silences: int


class TransactionSequence:
    """Takes transactions from a stream that repeats, reorders and loses them, and from the
    broker's record, which is whole; gives them in the order of their ids.

    after: the last one that the reader has. What follows a gap waits until the record has filled
    it. A gap that the record itself shows twice is the broker's: what follows is given, and the
    reader sees the gap.
    """

    def __init__(self, after: int) -> None:
        self.last = after
        self.duplicates = self.filled_in = 0
        self._waiting: dict[int, Transaction] = {}
        self._announced = after
        self._hole: tuple[int, int] | None = None
        self._silences = 1
        self._proved = 0

    @property
    def behind(self) -> bool:
        """Whether the record must be asked for what follows `last`."""
        return self._proved < self._silences or self.last < self._announced

    def missed(self) -> None:
        """Nobody listened for a while: there may be some that nobody knows of."""
        self._silences += 1

    def question(self) -> Question:
        """What to ask the record now."""
        return Question(after=self.last, silences=self._silences)

    def announced(self, newest: int) -> None:
        """The broker named its newest transaction."""
        self._announced = max(self._announced, newest)

    def take(self, transaction: Transaction) -> tuple[Transaction, ...]:
        """One from the stream; those that can be given now."""
        if transaction.id <= self.last or transaction.id in self._waiting:
            self.duplicates += 1
            return ()
        self._waiting[transaction.id] = transaction
        self.announced(transaction.id)
        return self._given()

    def filled(self, asked: Question, found: Iterable[Transaction]) -> tuple[Transaction, ...]:
        """The record's answer, in any order; those that can be given now.

        It proves nothing of a silence that began after the question.
        """
        ids: set[int] = set()
        for transaction in found:
            ids.add(transaction.id)
            if transaction.id > self.last and transaction.id not in self._waiting:
                self._waiting[transaction.id] = transaction
                self.filled_in += 1
        self._proved = max(self._proved, asked.silences)
        self._announced = max(self._announced, max(ids, default=0))
        given = self._given()
        above = [one for one in ids if one > self.last]
        if above:
            # The record goes on beyond what it does not hold.
            hole = (self.last, min(above))
            if hole == self._hole:
                self.last = hole[1] - 1
                given += self._given()
            self._hole = hole
        return given

    def _given(self) -> tuple[Transaction, ...]:
        given: list[Transaction] = []
        while (following := self._waiting.pop(self.last + 1, None)) is not None:
            given.append(following)
            self.last += 1
        return tuple(given)
