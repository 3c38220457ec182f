"""A server of a live desk that stands by itself."""

from __future__ import annotations

import threading

import pytest

from infra.live.standing import Serve, StandingServer
from market.errors import FatalError
from market.shell import DEFECT

WITHIN_S = 20.0


def ended(serve: Serve, died: list[int]) -> StandingServer:
    """A server whose `serve` has returned or raised. died: with which statuses it would have."""
    server = StandingServer("gateway", serve, "a test", died.append)
    server.leave()
    return server


@pytest.mark.parametrize(
    ("error", "said", "statuses"),
    [
        (FatalError("the disk is full"), "the disk is full", []),
        (ValueError("no such thing"), "a defect: ValueError: no such thing", [DEFECT]),
    ],
)
def test_what_ended_a_server_is_told_and_a_defect_ends_its_process(
    error: Exception, said: str, statuses: list[int]
) -> None:
    died: list[int] = []

    def fail(_: threading.Event) -> None:
        raise error

    status = ended(fail, died).status()
    assert (status["ended"], status["failure"]) == (True, said)
    assert died == statuses


def test_a_server_serves_until_it_is_told_to_leave() -> None:
    serving = threading.Event()

    def serve(leaving: threading.Event) -> None:
        serving.set()
        leaving.wait(WITHIN_S)

    server = StandingServer("gateway", serve, "a test")
    assert serving.wait(WITHIN_S)
    assert not server.status()["ended"]
    server.leave()
    assert (server.status()["ended"], server.status()["failure"]) == (True, "")
