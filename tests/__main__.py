"""The test run of `make test`: two pytest processes side by side, one Ray.

As `python -m tests [ARGUMENTS OF PYTEST]`. The tests that need Ray run in one process and all
others in the other. Both shuffle by the same seed, so that one number repeats the run.
"""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO

SEED = "--randomly-seed"
NOTHING_TO_RUN = 5
"""pytest's exit status where no test was chosen, as by a name that no test with Ray has."""


def started(
    chosen: str, arguments: Sequence[str], output: IO[bytes] | None
) -> subprocess.Popen[bytes]:
    """The tests that carry these marks, in a process of their own."""
    kept = f"cache_dir=.pytest_cache/{chosen.replace(' ', '_')}"
    command = [sys.executable, "-m", "pytest", *arguments, "-m", chosen, "-o", kept]
    return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT if output else None)


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
    if not any(argument.startswith(SEED) for argument in arguments):
        arguments = [*arguments, f"{SEED}={secrets.randbelow(2**32)}"]
    # A shell's background job begins with interrupts ignored, and so would all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryFile() as told:
        on_ray = started("ray", arguments, told)
        others = started("not ray", arguments, None)
        codes = [ended(others), ended(on_ray)]
        told.seek(0)
        if codes[1] != NOTHING_TO_RUN:
            print("\nThe tests that need Ray:", flush=True)
            sys.stdout.buffer.write(told.read())
            sys.stdout.flush()
    return verdict(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
