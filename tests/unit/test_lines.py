"""Lines and sockets: a member answers the same in its own process and across a connection."""

from __future__ import annotations

import contextlib
import pickle
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Client
from pathlib import Path

import numpy as np
import pytest

from infra.transport import SocketChannel, SocketLine, Switchboard
from market.errors import (
    DataError,
    FatalError,
    LedgerMismatch,
    MemberFailed,
    MemberLost,
    QuorumError,
    StreamLost,
)
from market.lines import Line, LocalLine, serve
from market.shell import MemberShell

KEY = b"the key of the lines"
WITHIN_S = 20.0
FAMILIES = [None, "127.0.0.1"]


@dataclass(slots=True)
class Echo:
    """Answers what it is told; raises what it finds in a `Raise`."""

    heard: list[object] = field(default_factory=list)

    def answer(self, message: object) -> object:
        self.heard.append(message)
        if isinstance(message, Raise):
            raise message.make()
        return message


@dataclass(frozen=True, slots=True)
class Raise:
    """Asks a member to raise an error, by its type and what it says."""

    kind: type[Exception]
    text: str

    def make(self) -> Exception:
        return self.kind(self.text)


class Unpicklable(Exception):
    """Holds what cannot be pickled, as many exceptions of libraries do."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()


@contextmanager
def switchboard(host: str | None = None) -> Iterator[Switchboard]:
    board = Switchboard(KEY, host)
    try:
        yield board
    finally:
        board.close()


@contextmanager
def line_to(member: Echo, host: str | None = None) -> Iterator[SocketLine]:
    """A line to a member that serves in a thread of its own."""
    with switchboard(host) as board:
        serving = threading.Thread(
            target=lambda: serve(SocketChannel.dial(board.address, KEY, "echo"), member),
            daemon=True,
        )
        serving.start()
        line = board.lines({"echo"}, WITHIN_S)["echo"]
        try:
            yield line
        finally:
            line.close()
            serving.join(WITHIN_S)
            assert not serving.is_alive()


def asked(line: Line, message: object) -> object:
    line.post(message)
    return line.reply()


@contextmanager
def some_line(kind: str) -> Iterator[Line]:
    if kind == "local":
        yield LocalLine(Echo())
    else:
        with line_to(Echo(), "127.0.0.1" if kind == "tcp" else None) as line:
            yield line


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

        def close(self) -> None:
            self.sent += 10

    channel = HangsUp()
    serve(channel, Echo())
    assert channel.sent == 11, "one answer tried, then hung up"


def test_a_caller_with_another_key_is_not_let_in() -> None:
    with switchboard() as board:
        with pytest.raises(StreamLost, match="mallory cannot reach the coordinator"):
            SocketChannel.dial(board.address, b"another key", "mallory")
        with pytest.raises(MemberLost, match="mallory did not call in within"):
            board.lines({"mallory"}, 0.0)


@pytest.mark.parametrize("host", FAMILIES)
def test_a_caller_who_says_nothing_keeps_nobody_waiting(host: str | None) -> None:
    with switchboard(host) as board:
        family = socket.AF_UNIX if host is None else socket.AF_INET
        with socket.socket(family) as silent:
            silent.connect(board.address)
            channel = SocketChannel.dial(board.address, KEY, "echo")
            line = board.lines({"echo"}, WITHIN_S)["echo"]
            line.post("hello")
            assert channel.receive() == "hello"
            line.close()


def test_a_caller_who_hangs_up_at_once_does_no_harm() -> None:
    with switchboard("127.0.0.1") as board:
        for _ in range(3):
            with socket.socket() as rude:
                rude.connect(board.address)
        with contextlib.closing(Client(board.address, authkey=KEY)):
            pass
        SocketChannel.dial(board.address, KEY, "echo")
        board.lines({"echo"}, WITHIN_S)["echo"].close()


def test_who_is_missing_is_named_and_who_came_is_let_go() -> None:
    with switchboard() as board:
        channel = SocketChannel.dial(board.address, KEY, "here")
        here = board.lines({"here"}, WITHIN_S)["here"]
        with pytest.raises(MemberLost, match=r"^away, gone did not call in within 0 s"):
            board.lines({"gone", "away"}, 0.0)
        here.close()
        with pytest.raises(StreamLost):
            channel.receive()


def test_who_calls_again_is_heard_on_the_newer_line() -> None:
    with switchboard() as board:
        first = SocketChannel.dial(board.address, KEY, "echo")
        older = board.lines({"echo"}, WITHIN_S)["echo"]
        second = SocketChannel.dial(board.address, KEY, "echo")
        newer = board.lines({"echo"}, WITHIN_S)["echo"]
        newer.post("hello")
        assert second.receive() == "hello"
        for line in (older, newer):
            line.close()
        for channel in (first, second):
            with pytest.raises(StreamLost):
                channel.receive()


def test_whom_nobody_asked_for_is_hung_up_on() -> None:
    with switchboard() as board:
        stranger = SocketChannel.dial(board.address, KEY, "stranger")
        SocketChannel.dial(board.address, KEY, "echo")
        lines = board.lines({"echo"}, WITHIN_S)
        assert set(lines) == {"echo"}
        lines["echo"].close()
    with pytest.raises(StreamLost, match="hung up"):
        stranger.receive()


def test_the_unix_socket_lies_in_a_folder_that_only_its_owner_enters_and_goes_with_it() -> None:
    with switchboard() as board:
        assert isinstance(board.address, str)
        folder = Path(board.address).parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()


def test_after_closing_nobody_can_call_in() -> None:
    with switchboard("127.0.0.1") as board:
        address = board.address
    with pytest.raises(StreamLost, match="cannot reach the coordinator"):
        SocketChannel.dial(address, KEY, "late")


def test_a_shell_builds_its_member_serves_it_and_says_how_it_is() -> None:
    shell = MemberShell("echo", Echo, "repeats")
    assert repr(shell) == "echo (repeats)"
    assert shell.status()["serving"] is False
    with pytest.raises(FatalError, match="before it was opened"):
        shell.serve(lambda name: SocketChannel.dial("nowhere", KEY, name))
    shell.open()
    with switchboard() as board:
        serving = threading.Thread(
            target=lambda: shell.serve(lambda name: SocketChannel.dial(board.address, KEY, name)),
            daemon=True,
        )
        serving.start()
        line = board.lines({"echo"}, WITHIN_S)["echo"]
        assert asked(line, 3) == 3
        assert shell.status()["serving"] is True
        line.close()
        serving.join(WITHIN_S)
    assert shell.status()["serving"] is False


def test_errors_of_the_tree_survive_the_way_through_a_socket() -> None:
    with line_to(Echo()) as line:
        for kind in (DataError, StreamLost, FatalError):
            with pytest.raises(kind, match="row 3"):
                asked(line, Raise(kind, "row 3"))
        assert issubclass(MemberFailed, QuorumError)
