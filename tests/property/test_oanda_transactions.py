"""Whatever a stream does to transactions, each is given once and in the order of their ids."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.feeds.oanda.sequence import Question, TransactionSequence
from market.accounts import Transaction, TransactionKind

ACTIONS = ("happen", "happen", "arrive", "arrive", "again", "lose", "cut", "beat", "ask", "answer")


def transaction(number: int) -> Transaction:
    return Transaction(
        id=number, time=number, kind=TransactionKind.NOTED, client_order_id="", symbol=""
    )


class World:
    """A broker's record, a stream that repeats, reorders and loses, and requests under way."""

    def __init__(self, after: int, rng: random.Random) -> None:
        self.after = self.newest = after
        self.rng = rng
        self.sequence = TransactionSequence(after)
        self.given: list[int] = []
        self.on_their_way: list[int] = []
        self.arrived: list[int] = []
        self.questions: list[tuple[Question, int]] = []

    def do(self, action: str) -> None:
        getattr(self, action)()
        expected = list(range(self.after + 1, self.sequence.last + 1))
        assert self.given == expected

    def happen(self) -> None:
        self.newest += 1
        self.on_their_way.append(self.newest)

    def arrive(self) -> None:
        if self.on_their_way:
            number = self.on_their_way.pop(self.rng.randrange(len(self.on_their_way)))
            self.arrived.append(number)
            self.take(number)

    def again(self) -> None:
        if self.arrived:
            self.take(self.rng.choice(self.arrived))

    def lose(self) -> None:
        if self.on_their_way:
            del self.on_their_way[self.rng.randrange(len(self.on_their_way))]

    def cut(self) -> None:
        self.on_their_way.clear()
        self.sequence.missed()

    def beat(self) -> None:
        self.sequence.announced(self.newest)

    def ask(self) -> None:
        """The broker reads its record at this moment; the answer comes later."""
        self.questions.append((self.sequence.question(), self.newest))

    def answer(self) -> None:
        if self.questions:
            asked, newest = self.questions.pop(self.rng.randrange(len(self.questions)))
            record = [transaction(number) for number in range(asked.after + 1, newest + 1)]
            self.rng.shuffle(record)
            self.note(self.sequence.filled(asked, record))

    def take(self, number: int) -> None:
        self.note(self.sequence.take(transaction(number)))

    def note(self, given: tuple[Transaction, ...]) -> None:
        self.given += [one.id for one in given]


@settings(max_examples=300)
@given(
    after=st.integers(0, 5),
    actions=st.lists(st.sampled_from(ACTIONS), max_size=60),
    seed=st.integers(0, 2**32),
)
def test_any_interleaving_gives_each_transaction_once_and_in_order(
    after: int, actions: list[str], seed: int
) -> None:
    world = World(after, random.Random(seed))
    for action in actions:
        world.do(action)
    # Whatever was lost, the next heartbeat tells of it and the record fills it in.
    world.do("beat")
    while world.questions:
        world.do("answer")
    if world.sequence.behind:
        world.do("ask")
        world.do("answer")
    assert not world.sequence.behind
    assert world.given == list(range(after + 1, world.newest + 1))


@settings(max_examples=100)
@given(actions=st.lists(st.sampled_from(ACTIONS), max_size=40), seed=st.integers(0, 2**32))
def test_nothing_is_behind_that_was_not_missed_or_told_of(actions: list[str], seed: int) -> None:
    world = World(0, random.Random(seed))
    for action in actions:
        world.do(action)
    if not world.sequence.behind:
        assert world.sequence.last >= max(world.arrived, default=0)


def numbers(given: tuple[Transaction, ...]) -> list[int]:
    return [one.id for one in given]


def whole(after: int) -> TransactionSequence:
    sequence = TransactionSequence(after)
    assert sequence.filled(sequence.question(), ()) == ()
    assert not sequence.behind
    return sequence


def test_what_follows_a_gap_waits_for_the_record() -> None:
    sequence = whole(5)
    assert numbers(sequence.take(transaction(8))) == []
    assert sequence.behind
    asked = sequence.question()
    assert asked.after == 5
    assert numbers(sequence.filled(asked, [transaction(6), transaction(7)])) == [6, 7, 8]
    assert (sequence.filled_in, sequence.duplicates) == (2, 0)


def test_an_answer_proves_nothing_of_a_silence_that_began_after_the_question() -> None:
    sequence = TransactionSequence(5)
    asked = sequence.question()
    sequence.missed()
    assert numbers(sequence.filled(asked, [transaction(6)])) == [6]
    assert sequence.behind
    assert numbers(sequence.filled(sequence.question(), [transaction(7)])) == [7]
    assert not sequence.behind


def test_a_heartbeat_that_is_ahead_tells_of_what_was_lost() -> None:
    sequence = whole(5)
    sequence.announced(5)
    assert not sequence.behind
    sequence.announced(6)
    assert sequence.behind


def test_a_gap_that_the_record_shows_twice_is_the_brokers_and_the_reader_sees_it() -> None:
    sequence = whole(5)
    record = [transaction(7), transaction(8)]
    assert numbers(sequence.filled(sequence.question(), record)) == []
    assert sequence.behind
    assert numbers(sequence.filled(sequence.question(), record)) == [7, 8]
    assert not sequence.behind


def test_a_gap_that_the_record_shows_once_was_only_late() -> None:
    sequence = whole(5)
    record = [transaction(7), transaction(8)]
    assert numbers(sequence.filled(sequence.question(), record)) == []
    found = [transaction(6), *record]
    assert numbers(sequence.filled(sequence.question(), found)) == [6, 7, 8]
