"""A v20 server in a process of its own, to be killed.

python -m tests.v20_process FOLDER [PORT]
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from infra.brokers.v20_server.running import run_v20_server
from tests.exchange_process import Waves
from tests.exchanges import TERMS
from tests.v20_accounts import V20_TERMS

ROOT = Path(__file__).resolve().parents[1]
HUNG_S = 120.0
EXCHANGE = replace(TERMS, interval_s=3_600)
"""No bar closes while a test runs."""


@contextmanager
def process(folder: Path, port: int = 0) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The server's address and its process, which is killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.v20_process", str(folder), str(port)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as started:
        hung = threading.Timer(HUNG_S, started.kill)
        hung.start()
        try:
            assert started.stdout is not None
            yield started.stdout.readline().strip(), started
        finally:
            started.kill()
            hung.cancel()


def main(folder: str, port: str = "0") -> None:
    run_v20_server(
        replace(V20_TERMS, exchange=EXCHANGE),
        folder=Path(folder),
        open_source=Waves,
        port=int(port),
        listening=lambda server: print(server.url, flush=True),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
