"""A planted token is nowhere to be found, whatever goes wrong while a desk trades with it.

It is looked for in everything that a desk on Ray writes, shows or starts, while the broker refuses
it, fails, falls silent and answers nonsense.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from coordinator.cli.app import run
from coordinator.configuration.document import as_toml
from infra.brokers.oanda.credentials import TOKEN_VARIABLE
from infra.brokers.v20_server.faults import Fault, FaultKind, FaultPlan
from infra.journal.reader import read_events
from infra.live.home import DeskHome
from market.events import OrderIntended
from tests.v20_desks import served, through
from tests.waiting import DESK_WITHIN_S, desk_told, ended, until

PROJECT = Path(__file__).resolve().parents[2]
TOKEN = "planted-5f3a9c17d2e84b06"
WRONG = "mistaken-8d1e77c40b9f4a35"
SECRETS = (TOKEN.encode(), WRONG.encode())
BAD_DAY = FaultPlan(
    faults=(
        Fault(kind=FaultKind.SERVER_ERROR, on="GET", every=7, times=None),
        Fault(kind=FaultKind.HTML_ERROR, on="GET", first=3, every=11, times=None),
        Fault(kind=FaultKind.NOT_UTF8, on="GET", first=5, every=13, times=None),
        Fault(kind=FaultKind.TIMEOUT_AFTER, on="POST", first=2, every=5, times=None, seconds=1.0),
        Fault(kind=FaultKind.REDIRECT, on="POST", first=3, every=7, times=None),
        Fault(kind=FaultKind.STREAM_DROP, first=1, times=4, seconds=1.0),
    ),
    seed=3,
)
LIST = """
import json, sys, ray
ray.init(address=sys.argv[1], namespace="quorum", logging_level="error", log_to_driver=False)
from ray.util.state import list_actors, list_jobs, list_nodes, list_workers
at = {"address": sys.argv[1]}
told = [list_actors(detail=True, **at), list_jobs(detail=True, **at)]
told += [list_workers(detail=True, **at), list_nodes(**at)]
told.append(ray.get_runtime_context().runtime_env)
told.append(ray.util.list_named_actors(all_namespaces=True))
print(repr(told))
"""

pytestmark = pytest.mark.ray


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder with a short name: Ray's sockets lie in it."""
    folder = Path(tempfile.mkdtemp(prefix="qs-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def descendants(root: int) -> list[int]:
    """Every process that this one started, directly or not."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, IndexError):
                stat = (entry / "stat").read_text()
                parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


def cluster_of(root: int) -> str:
    """The address of the Ray that this process has started, from its raylet."""
    for pid in descendants(root):
        with contextlib.suppress(OSError):
            for word in Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
                if word.startswith(("--gcs-address=", "--gcs_address=")):
                    return word.partition("=")[2]
    raise AssertionError("no raylet runs")


def processes_with(root: int, words: Sequence[bytes]) -> list[str]:
    found = []
    for pid in descendants(root):
        for name in ("environ", "cmdline"):
            with contextlib.suppress(OSError):
                content = Path(f"/proc/{pid}/{name}").read_bytes()
                if any(word in content for word in words):
                    found.append(f"{pid} {name}")
    return found


def files_with(folder: Path, words: Sequence[bytes]) -> list[str]:
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with contextlib.suppress(OSError):
                content = path.read_bytes()
                if any(word in content for word in words):
                    found.append(str(path.relative_to(folder)))
    return found


def put(path: Path, token: str) -> None:
    """Another token in the place of one, in one step."""
    beside = path.with_suffix(".other")
    beside.write_text(token)
    beside.chmod(0o600)
    beside.replace(path)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints, both streams."""
    capsys.readouterr()
    run(list(arguments))
    out = capsys.readouterr()
    return out.out + out.err


def test_a_planted_token_is_found_nowhere_but_with_the_gateway(
    scratch: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = DeskHome(folder=scratch / "desk")
    printed: list[str] = []
    with served(tmp_path / "server", TOKEN) as server:
        config = scratch / "quorum.toml"
        config.write_text(as_toml(through(server.url, ray={"dashboard": True})))
        environment = {
            **os.environ,
            TOKEN_VARIABLE: TOKEN,
            "PYTHONPATH": str(PROJECT),
            "RAY_TMPDIR": str(scratch),
        }
        environment.pop("RAY_ADDRESS", None)
        others = {name: value for name, value in environment.items() if name != TOKEN_VARIABLE}
        command = [sys.executable, "-m", "coordinator", "trade", "--home", str(home.folder)]
        with subprocess.Popen(
            [*command, "--config", str(config), "--json"],
            cwd=scratch,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as desk:
            try:
                over = ended(desk)
                decides = desk_told(
                    home, lambda told: told.get("decisions", 0) > 0, "it decides", over=over
                )
                assert home.broker_token.stat().st_mode & 0o777 == 0o600
                server.inject(BAD_DAY)
                enough = decides["events"] + 60
                desk_told(home, lambda told: told["events"] > enough, "it trades on", over=over)
                put(home.broker_token, WRONG)
                until(
                    lambda: "401" in "".join(_lines(home)),
                    "the token is refused",
                    DESK_WITHIN_S,
                    pause_s=0.1,
                    over=over,
                )
                put(home.broker_token, TOKEN)
                server.inject(FaultPlan(faults=(), seed=3))
                desk_told(
                    home, lambda told: told["broker_connected"], "it is heard again", over=over
                )
                cluster = cluster_of(desk.pid)
                listed = subprocess.run(
                    [sys.executable, "-c", LIST, cluster],
                    cwd=scratch,
                    env={**others, "RAY_AUTH_MODE": "token"},
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert "gateway" in listed.stdout, listed.stderr
                printed.append(listed.stdout + listed.stderr)
                assert processes_with(desk.pid, SECRETS) == []
                assert len(processes_with(desk.pid, (b"RAY_TMPDIR",))) > 5, "it looks indeed"
                printed.append(told(capsys, "status", "--json", "--home", str(home.folder)))
                printed.append(told(capsys, "breakers", "--json", "--home", str(home.folder)))
            finally:
                desk.send_signal(2)
                out, err = desk.communicate(timeout=DESK_WITHIN_S)
            printed += [out, err]
    assert desk.returncode == 0, err
    assert json.loads(out)["events"] > 0
    assert not home.broker_token.exists(), "it is removed when the desk is taken down"
    order = next(
        event.order.client_order_id
        for event in read_events(home.journal)
        if isinstance(event, OrderIntended)
    )
    printed.append(told(capsys, "why", order, "--run", str(home.folder)))
    for form in ("json", "csv"):
        exported = scratch / f"export.{form}"
        told(capsys, "audit", "export", str(home.folder), "--format", form, "--out", str(exported))
        assert exported.stat().st_size > 0
    assert list(scratch.glob("**/session_*/logs/*")), "Ray's logs lie where they are looked for"
    assert "desk/journal.sqlite" in files_with(scratch, (b"OANDA local",)), "it looks indeed"
    assert files_with(scratch, SECRETS) == []
    for text in printed:
        assert TOKEN not in text
        assert WRONG not in text


def _lines(home: DeskHome) -> list[str]:
    return [path.read_text() for path in home.logs.glob("*.jsonl")]
