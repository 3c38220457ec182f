"""Connecting to Ray: what `RAY_ADDRESS` may say, and how it is told that nobody is there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.ray_address import check_address
from market.errors import ConfigError
from tests.fake_heads import OF_A_SERVER, somebody_answers

PROJECT = Path(__file__).resolve().parents[2]


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that nobody listens at, nor can meanwhile: it is bound."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield int(bound.getsockname()[1])


@pytest.mark.parametrize(
    "address", ["ray://head:10001", "http://127.0.0.1:8265", "head", "head:", ":6379", "head:port"]
)
def test_an_address_of_another_kind_is_refused_with_what_is_expected(address: str) -> None:
    with pytest.raises(ConfigError, match="HOST:PORT") as refused:
        check_address(address)
    assert "ray job submit" in str(refused.value)


@pytest.mark.parametrize(
    "answer", [None, b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(9), b"\x00\x00\x00\x04"]
)
def test_an_address_where_something_else_listens_is_told_before_ray_waits_for_ever(
    answer: bytes | None,
) -> None:
    with somebody_answers(answer) as address, pytest.raises(OSError, match="is no Ray head"):
        check_address(address, within_s=0.2 if answer is None else 5.0)


def test_an_address_where_grpc_is_spoken_is_let_through() -> None:
    with somebody_answers(OF_A_SERVER) as address:
        check_address(address)
    check_address("auto")


def test_an_address_where_nobody_listens_is_told_before_ray_tries() -> None:
    with closed_port() as port, pytest.raises(ConnectionRefusedError):
        check_address(f"127.0.0.1:{port}")


def test_a_replay_names_the_cluster_that_it_cannot_reach(tmp_path: Path) -> None:
    with closed_port() as port:
        address = f"127.0.0.1:{port}"
        done = subprocess.run(
            [sys.executable, "-m", "coordinator", "replay", "--out", str(tmp_path)],
            cwd=PROJECT,
            env=os.environ | {"RAY_ADDRESS": address, "RAY_AUTH_MODE": "token"},
            check=False,
            capture_output=True,
            text=True,
        )
    told = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2
    assert address in told
    assert "RAY_AUTH_MODE (here token)" in told
    assert "Traceback" not in told
