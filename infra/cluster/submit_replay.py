"""Run `quorum replay` on the head of a cluster.

    ray submit ray_cluster.yaml infra/cluster/submit_replay.py -- --to 2001-12-31

`ray submit` copies this one file to the head's home folder and runs it there, so it relies on
the project that `ray up` put on every node. What follows `--` are the flags of `quorum replay`.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path


def main() -> None:
    """Become `quorum replay`, connected to the cluster of this machine."""
    package = find_spec("coordinator")
    if package is None or package.origin is None:
        raise SystemExit(
            "the project is not on this node's PYTHONPATH: run `ray up ray_cluster.yaml` first"
        )
    project = Path(package.origin).resolve().parent.parent
    os.chdir(project)  # quorum.toml is read and runs/ is written there
    os.environ.setdefault("RAY_ADDRESS", "auto")
    os.execv(sys.executable, [sys.executable, "-m", "coordinator", "replay", *sys.argv[1:]])


if __name__ == "__main__":
    main()
