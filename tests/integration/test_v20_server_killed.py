"""A v20 server that is killed at any moment: whatever it told its clients is still so."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import requests

from tests.exchanges import WITHIN_S
from tests.v20_accounts import ACCOUNT, TOKEN
from tests.v20_process import process

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
ORDER = {"type": "MARKET", "instrument": "EUR_USD"}


def transactions(url: str) -> list[dict[str, Any]]:
    path = f"{url}{ACCOUNT}/transactions/sinceid?id=0"
    found: list[dict[str, Any]] = requests.get(path, headers=HEADERS, timeout=WITHIN_S).json()[
        "transactions"
    ]
    return found


def placed(url: str, name: str, units: int) -> dict[str, Any]:
    order = {**ORDER, "units": str(units), "clientExtensions": {"id": name}}
    answer = requests.post(
        f"{url}{ACCOUNT}/orders", json={"order": order}, headers=HEADERS, timeout=WITHIN_S
    )
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_what_was_answered_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    fills: list[dict[str, Any]] = []
    before: list[dict[str, Any]] = []
    for life in range(3):
        with process(tmp_path) as (url, started):
            after = transactions(url)
            assert after[: len(before)] == before
            assert [int(one["id"]) for one in after] == list(range(1, len(after) + 1))
            told = [one for one in after if one["type"] == "ORDER_FILL"]
            assert told == fills
            for number in range(5):
                answer = placed(url, f"order-{life}-{number}", 100 * (number - 1) or 50)
                fills.append(answer["orderFillTransaction"])
            before = transactions(url)
            started.send_signal(signal.SIGKILL)
            started.wait(WITHIN_S)


def test_it_stops_cleanly_when_it_is_asked_to(tmp_path: Path) -> None:
    with process(tmp_path) as (url, started):
        placed(url, "one", 100)
        started.send_signal(signal.SIGTERM)
        assert started.wait(WITHIN_S) == 0
