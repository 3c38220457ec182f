"""The test run of `make test`: two pytest processes side by side, one Ray.

As `python -m tests [ARGUMENTS OF PYTEST]`. The tests that need Ray run in one process and all
others in the other. Both shuffle by the same seed, so that one number repeats the run. What the
others write lies in memory where there is room: a journal waits for the disk at every commit.
Before a run of all of them the kernels are compiled, or both would compile the same at once, and so
would every actor of the first desk.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

SEED = "--randomly-seed"
INTERRUPTED = 2
"""pytest's exit status after Ctrl-C."""
NOTHING_TO_RUN = 5
"""pytest's exit status where no test was chosen, as by a name that no test with Ray has."""
MEMORY = Path("/dev/shm")
ROOM = 2**30
"""Bytes that have to be free in memory; the tests leave some 50 million in it."""


@contextlib.contextmanager
def in_memory(folder: Path = MEMORY, room: int = ROOM) -> Iterator[dict[str, str]]:
    """What a process is told so that its temporary files lie in memory until this ends; nothing
    where there is no such folder, or too little room in it.
    """
    if not os.access(folder, os.W_OK) or shutil.disk_usage(folder).free < room:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="quorum-tests-", dir=folder) as made:
        Path(made).chmod(0o755)  # as the folder is that it stands for; a test's own are closed
        yield {"TMPDIR": made}


def started(
    chosen: str,
    arguments: Sequence[str],
    output: IO[bytes] | None,
    told: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """The tests that carry these marks, in a process of their own. told: of its environment."""
    kept = f"cache_dir=.pytest_cache/{chosen.replace(' ', '_')}"
    command = [sys.executable, "-m", "pytest", *arguments, "-m", chosen, "-o", kept]
    return subprocess.Popen(
        command,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        env={**os.environ, **(told or {})},
    )


def compile_kernels() -> None:
    """The kernels of a replay, as they are and with every access checked, side by side: seconds
    where they are in the cache. What is wrong with them is for the tests to say.
    """
    command = [sys.executable, "-m", "tests.bounds"]
    processes = [
        subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **flags},
        )
        for flags in ({}, {"NUMBA_BOUNDSCHECK": "1"})
    ]
    for process in processes:
        process.wait()


def ended(process: subprocess.Popen[bytes]) -> int:
    """Its exit status. Ctrl-C reaches it as well; it is waited for, since it has to clean up."""
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def verdict(codes: Sequence[int]) -> int:
    """Of both processes: the first failure; nothing to run is one only where both found nothing."""
    failures = [code for code in codes if code not in {0, NOTHING_TO_RUN}]
    if failures:
        return failures[0]
    return NOTHING_TO_RUN if all(code == NOTHING_TO_RUN for code in codes) else 0


def main(arguments: list[str]) -> int:
    """Run both, show the one as it goes and then the other; the exit status of pytest."""
    everything = not arguments
    if not any(argument.startswith(SEED) for argument in arguments):
        arguments = [*arguments, f"{SEED}={secrets.randbelow(2**32)}"]
    # A shell's background job begins with interrupts ignored, and so would all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if everything:
        try:
            compile_kernels()
        except KeyboardInterrupt:
            return INTERRUPTED
    with tempfile.TemporaryFile() as told, in_memory() as there:
        on_ray = started("ray", arguments, told)
        others = started("not ray", arguments, None, there)
        codes = [ended(others), ended(on_ray)]
        told.seek(0)
        if codes[1] != NOTHING_TO_RUN:
            print("\nThe tests that need Ray:", flush=True)
            sys.stdout.buffer.write(told.read())
            sys.stdout.flush()
    return verdict(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
