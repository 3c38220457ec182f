"""The switchboard: who may call in, who is heard, who is let go."""

from __future__ import annotations

import contextlib
import socket
import stat
import threading
from multiprocessing.connection import Client
from pathlib import Path

import pytest

from infra.transport import SocketChannel
from market.errors import FatalError, MemberLost, StreamLost
from market.shell import MemberShell
from tests.sockets import FAMILIES, KEY, WITHIN_S, Echo, asked, switchboard


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
        channel = SocketChannel.dial(board.address, KEY, "echo")
        line = board.lines({"echo"}, WITHIN_S)["echo"]
        line.post("still here")
        assert channel.receive() == "still here"
        line.close()


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
