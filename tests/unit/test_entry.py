"""Ctrl-C ends `quorum` quietly, also while it is still being loaded."""

from __future__ import annotations

import subprocess
import sys

from coordinator.cli.entry import INTERRUPTED

PRESSED_WHILE_LOADING = """
import sys

class Pressed:
    def find_spec(self, name, *_):
        if name == "coordinator.cli.app":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Pressed())
from coordinator.cli.entry import main
main()
"""


def test_an_interrupt_while_the_commands_are_loaded_shows_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PRESSED_WHILE_LOADING], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (INTERRUPTED, "", "")
