"""A v20 server in a process of its own, to be killed.

python -m tests.v20_process FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from infra.brokers.v20_server.running import run_v20_server
from tests.exchange_process import Waves
from tests.v20_accounts import V20_TERMS


def main(folder: str) -> None:
    run_v20_server(
        V20_TERMS,
        folder=Path(folder),
        open_source=Waves,
        listening=lambda server: print(server.url, flush=True),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
