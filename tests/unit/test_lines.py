"""Lines: a member answers the same in its own process and across a connection."""

from __future__ import annotations

import contextlib
import pickle
import threading
from dataclasses import dataclass

import numpy as np
import pytest

from infra.transport import SocketChannel
from market.errors import (
    DataError,
    FatalError,
    LedgerMismatch,
    MemberFailed,
    QuorumError,
    StreamLost,
)
from market.lines import NO_ANSWER, serve
from tests.sockets import (
    FAMILIES,
    KEY,
    WITHIN_S,
    Echo,
    Raise,
    Unpicklable,
    asked,
    line_to,
    some_line,
    switchboard,
)

KINDS = ["local", "unix", "tcp"]


@pytest.mark.parametrize("kind", KINDS)
def test_answers_come_in_the_order_of_the_messages(kind: str) -> None:
    with some_line(kind) as line:
        for number in range(5):
            line.post(number)
        assert [line.reply() for _ in range(5)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("kind", KINDS)
def test_a_members_own_error_is_raised_at_the_caller_and_the_line_goes_on(kind: str) -> None:
    with some_line(kind) as line:
        with pytest.raises(LedgerMismatch, match="books differ"):
            asked(line, Raise(LedgerMismatch, "books differ"))
        assert asked(line, "still there") == "still there"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("error", [ValueError, Unpicklable, KeyError])
def test_any_other_error_arrives_as_one_of_ours_that_names_it(
    kind: str, error: type[Exception]
) -> None:
    with some_line(kind) as line:
        with pytest.raises(MemberFailed, match=f"Echo failed: {error.__name__}: .*odd"):
            asked(line, Raise(error, "odd"))
        assert asked(line, 1) == 1


@pytest.mark.parametrize("host", FAMILIES)
def test_arrays_pass_bit_for_bit_and_large_ones_too(host: str | None) -> None:
    sent = np.random.default_rng(1).standard_normal((6, 5_000))
    sent[0, :3] = [np.nan, -0.0, np.inf]
    with line_to(Echo(), host) as line:
        got = asked(line, sent)
    assert isinstance(got, np.ndarray)
    assert got.tobytes() == sent.tobytes()


@pytest.mark.parametrize("host", FAMILIES)
def test_when_the_member_is_gone_the_line_says_so(host: str | None) -> None:
    with switchboard(host) as board:
        channel = SocketChannel.dial(board.address, KEY, "echo")
        line = board.lines({"echo"}, WITHIN_S)["echo"]
        channel.close()
        with pytest.raises(StreamLost, match="echo is gone"):
            line.reply()
        with pytest.raises(StreamLost, match="echo is gone"):
            line.post(np.zeros(10_000_000))
        line.close()


def test_a_member_whose_answer_cannot_be_sent_hangs_up_rather_than_keep_silent() -> None:
    @dataclass(slots=True)
    class Secretive:
        def answer(self, message: object) -> object:
            return lambda: message

    with switchboard() as board:

        def run() -> None:
            with contextlib.suppress(AttributeError, TypeError, pickle.PicklingError):
                serve(SocketChannel.dial(board.address, KEY, "secretive"), Secretive())

        threading.Thread(target=run, daemon=True).start()
        line = board.lines({"secretive"}, WITHIN_S)["secretive"]
        with pytest.raises(StreamLost, match="secretive is gone"):
            asked(line, "what do you know?")
        line.close()


@pytest.mark.parametrize("host", FAMILIES)
def test_a_member_stops_serving_when_the_coordinator_hangs_up(host: str | None) -> None:
    member = Echo()
    with line_to(member, host) as line:
        assert asked(line, "hello") == "hello"
    assert member.heard == ["hello"]


def test_serving_ends_quietly_when_the_coordinator_hangs_up_during_an_answer() -> None:
    @dataclass(slots=True)
    class HangsUp:
        sent: int = 0

        def receive(self) -> object:
            return "question"

        def send(self, message: object) -> None:
            self.sent += 1
            raise StreamLost(f"nobody hears {message}")

        def expect(self) -> None:
            raise AssertionError("every message of an echo is answered")

        def close(self) -> None:
            self.sent += 10

    channel = HangsUp()
    serve(channel, Echo())
    assert channel.sent == 11, "one answer tried, then hung up"


def test_errors_of_the_tree_survive_the_way_through_a_socket() -> None:
    with line_to(Echo()) as line:
        for kind in (DataError, StreamLost, FatalError):
            with pytest.raises(kind, match="row 3"):
                asked(line, Raise(kind, "row 3"))
        assert issubclass(MemberFailed, QuorumError)


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_that_prepares_for_the_next_has_no_answer_of_its_own(kind: str) -> None:
    @dataclass(slots=True)
    class Prepares(Echo):
        def answer(self, message: object) -> object:
            return NO_ANSWER if message == "prepare" else Echo.answer(self, message)

    with some_line(kind, Prepares()) as line:
        for number in range(3):
            line.post("prepare")
            line.post(number)
            assert line.reply() == number
        for message in ("prepare", "one", "prepare", "prepare", "two"):
            line.post(message)
        assert [line.reply(), line.reply()] == ["one", "two"]


def test_a_member_that_expects_a_message_hears_it_however_late_and_the_end_of_the_line() -> None:
    with switchboard() as board:
        channel = SocketChannel.dial(board.address, KEY, "echo")
        line = board.lines({"echo"}, WITHIN_S)["echo"]
        channel.expect()
        line.post("late")
        channel.expect()
        assert channel.receive() == "late"
        line.close()
        channel.expect()
        with pytest.raises(StreamLost, match="hung up"):
            channel.receive()
        channel.close()
        channel.expect()
