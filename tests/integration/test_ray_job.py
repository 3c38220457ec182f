"""`ray job submit` to a head of its own: the uploaded project runs, and only with the token."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from coordinator.in_process import run_in_process
from tests.runs import plan_with

pytestmark = pytest.mark.ray
PROJECT = Path(__file__).resolve().parents[2]
NOT_YET = "No available agent to submit job"
ATTEMPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A running head and the environment with its token."""

    url: str
    environment: dict[str, str]


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    token = tmp_path_factory.mktemp("head") / "token"
    token.write_text(secrets.token_hex(32))
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"} | {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
    }
    # Every port is its own: another Ray may be at work on this machine.
    dashboard, *others = free_ports(5)
    names = (
        "port",
        "dashboard-agent-listen-port",
        "dashboard-agent-grpc-port",
        "metrics-export-port",
    )
    ports = [f"--{name}={port}" for name, port in zip(names, others, strict=True)]
    folder = Path(tempfile.mkdtemp(prefix="quorum-head-"))  # short: sockets live in it
    start = ["-m", "ray.scripts.scripts", "start", "--head", "--block", f"--temp-dir={folder}"]
    shape = ["--include-dashboard=true", f"--dashboard-port={dashboard}", "--num-cpus=2"]
    with subprocess.Popen(
        [sys.executable, *start, *shape, *ports],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "Ray runtime started" in line:
                break
        yield Head(url=f"http://127.0.0.1:{dashboard}", environment=environment)
        process.terminate()
        process.stdout.read()
    shutil.rmtree(folder, ignore_errors=True)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def submitted(command: list[str], head: Head) -> subprocess.CompletedProcess[str]:
    """The finished job; a head that has only just started may not take one at once."""
    for _ in range(ATTEMPTS):
        done = subprocess.run(
            command, cwd=PROJECT, env=head.environment, check=False, capture_output=True, text=True
        )
        if NOT_YET not in done.stderr:
            break
    return done


def test_a_submitted_job_decides_as_this_process_does(head: Head, tmp_path: Path) -> None:
    submit = ["-m", "ray.scripts.scripts", "job", "submit", "--address", head.url]
    replay = ["-m", "coordinator", "replay", "--json", "--out", str(tmp_path / "runs")]
    small = ["--agents", "mean_reversion", "--instruments", "EUR_USD", "--to", "1999-12-31"]
    command = [sys.executable, *submit, "--working-dir", ".", "--", sys.executable, *replay, *small]
    done = submitted(command, head)
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode == 0, done.stdout + done.stderr
    plan = plan_with(
        committee={"agents": ["mean_reversion"]},
        data={"instruments": ["EUR_USD"], "end": "1999-12-31"},
    )
    here = tmp_path / "here"
    here.mkdir()
    assert [run["digest"] for run in told] == [run_in_process(plan, here).digest]


def test_nobody_submits_a_job_without_the_token(head: Head) -> None:
    with pytest.raises(HTTPError) as refused:
        urlopen(f"{head.url}/api/jobs/")
    assert refused.value.code == 401
