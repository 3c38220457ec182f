"""The switchboard: who may call in, who is heard, who is let go."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import threading
from functools import partial
from multiprocessing.connection import Client
from pathlib import Path

import pytest

from infra.transport import MOST_GREETINGS, SocketChannel, Switchboard
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


def hung_up_on(caller: socket.socket) -> bool:
    """Reads until the other side hangs up; raises TimeoutError where it does not."""
    caller.settimeout(WITHIN_S)
    with contextlib.suppress(ConnectionError):
        while caller.recv(4096):
            pass
    return True


def still_held(caller: socket.socket) -> bool:
    caller.setblocking(False)
    try:
        while caller.recv(4096):
            pass
    except BlockingIOError:
        return True
    return False


def test_of_callers_who_say_nothing_only_so_many_are_held_and_a_good_one_gets_in() -> None:
    board = Switchboard(KEY, "127.0.0.1", greet_within_s=600.0)
    with contextlib.closing(board), contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.socket()) for _ in range(100)]
        for caller in silent:
            caller.connect(board.address)
        channel = SocketChannel.dial(board.address, KEY, "echo")
        line = board.lines({"echo"}, WITHIN_S)["echo"]
        line.post("hello")
        assert channel.receive() == "hello"
        too_many = len(silent) + 1 - MOST_GREETINGS
        assert all(hung_up_on(caller) for caller in silent[:too_many])
        assert all(still_held(caller) for caller in silent[too_many:])
        line.close()


@pytest.mark.parametrize("host", FAMILIES)
def test_a_caller_who_says_nothing_for_too_long_is_hung_up_on(host: str | None) -> None:
    board = Switchboard(KEY, host, greet_within_s=0.05)
    family = socket.AF_UNIX if host is None else socket.AF_INET
    with contextlib.closing(board), socket.socket(family) as silent:
        silent.connect(board.address)
        assert hung_up_on(silent)


def test_callers_who_are_being_greeted_are_hung_up_on_when_it_closes() -> None:
    with socket.socket() as silent:
        with switchboard("127.0.0.1") as board:
            silent.connect(board.address)
            assert silent.recv(1)  # the greeting has begun
        assert hung_up_on(silent)


@pytest.mark.parametrize("host", FAMILIES)
def test_a_coordinator_who_says_nothing_is_not_waited_for(host: str | None, tmp_path: Path) -> None:
    address = str(tmp_path / "line") if host is None else (host, 0)
    with socket.socket(socket.AF_UNIX if host is None else socket.AF_INET) as frozen:
        frozen.bind(address)
        frozen.listen()
        with pytest.raises(StreamLost, match=r"echo cannot reach .*: no answer within 0.05 s"):
            SocketChannel.dial(frozen.getsockname(), KEY, "echo", within_s=0.05)


def test_once_greeted_nobody_is_hurried() -> None:
    for host in FAMILIES:
        with switchboard(host) as board:
            theirs = SocketChannel.dial(board.address, KEY, "echo").with_deadlines("coordinator")
            ours = board.lines({"echo"}, WITHIN_S)["echo"].with_deadlines()
            for end in (ours, theirs):
                with socket.socket(fileno=os.dup(end.fileno())) as line:
                    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                        assert not any(line.getsockopt(socket.SOL_SOCKET, option, 16))
                end.close()


def test_across_nodes_both_ends_notice_that_the_other_has_vanished() -> None:
    with switchboard("127.0.0.1") as board:
        channel = SocketChannel.dial(board.address, KEY, "echo", heard_within_s=10.0)
        theirs = channel.with_deadlines("coordinator")
        ours = board.lines({"echo"}, WITHIN_S)["echo"].with_deadlines()
        for end, unheard_ms in ((ours, 0), (theirs, 10_000)):
            with socket.socket(fileno=os.dup(end.fileno())) as line:
                tcp = partial(line.getsockopt, socket.IPPROTO_TCP)
                assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                assert tcp(socket.TCP_KEEPIDLE) + 3 * tcp(socket.TCP_KEEPINTVL) == 10
                assert tcp(socket.TCP_KEEPCNT) == 3
                assert tcp(socket.TCP_NODELAY)
                assert tcp(socket.TCP_USER_TIMEOUT) == unheard_ms
            end.close()


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
