"""`quorum v20-server` on the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import requests

from coordinator.cli.app import run
from coordinator.configuration.sources import load_settings
from coordinator.live.bootstrap import live_plan_of
from coordinator.live.exchange_terms import exchange_terms
from coordinator.live.v20_feed import open_served, served_terms
from tests.exchanges import START, WITHIN_S
from tests.quotes import MINUTE
from tests.v20_accounts import ACCOUNT

HUNG_S = 120.0
"""The process is ended after it, so that no test waits for ever."""


@contextmanager
def process(home: Path, *flags: str) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """The command in a process of its own, and what it says once it listens."""
    command = [sys.executable, "-m", "coordinator.cli.app", "v20-server", "--json", "--port", "0"]
    command[1:3] = ["-c", "from coordinator.cli.app import main; main()"]
    with subprocess.Popen(
        [*command, "--home", str(home), *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=home.parent,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    ) as started:
        hung = threading.Timer(HUNG_S, started.kill)
        hung.start()
        try:
            assert started.stdout is not None
            line = started.stdout.readline()
            assert line, started.stderr.read() if started.stderr else ""
            yield json.loads(line), started
        finally:
            started.kill()
            hung.cancel()


def ask(told: dict[str, Any], path: str, token: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{told['url']}{path}", headers=headers, timeout=WITHIN_S)


def test_it_serves_until_it_is_told_to_stop_and_keeps_the_account(tmp_path: Path) -> None:
    home = tmp_path / "served"
    flags = ("--instruments", "EUR_USD,USD_JPY", "--balance", "5000", "--history", "20")
    with process(home, *flags) as (told, started):
        path = Path(told["token_file"])
        assert path.stat().st_mode & 0o777 == 0o600
        token = path.read_text()
        assert token not in json.dumps(told)
        account = ask(told, f"{ACCOUNT}/summary", token).json()["account"]
        assert (account["balance"], account["currency"]) == ("5000.0000", "USD")
        history = ask(told, "/v3/instruments/EUR_USD/candles?granularity=M1&count=20", token)
        assert len(history.json()["candles"]) == 20
        assert ask(told, f"{ACCOUNT}/summary", "wrong").status_code == 401
        started.send_signal(signal.SIGINT)
        assert started.wait(WITHIN_S) == 0
        assert token not in (started.stderr.read() if started.stderr else "")
    with process(home, *flags) as (again, started):
        assert Path(again["token_file"]).read_text() == token
        assert again["last_transaction"] == told["last_transaction"]
        started.send_signal(signal.SIGTERM)
        assert started.wait(WITHIN_S) == 0


def refused(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["v20-server", *arguments]) == 2
    return " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "answers this machine only"),
        (["--feed", "tick"], "--feed: expected synthetic, ticks, bars"),
        (["--feed", "ticks"], "--feed ticks needs recorded ticks"),
        (["--data", "prices.csv"], "made-up prices need none"),
        (["--fills", "soon"], "--fills: expected at-once or next-quote"),
        (["--hours", "banking"], "--hours: expected always or market"),
        (["--heartbeat", "often"], "expected a length such as"),
        (["--instruments", "EUR_USX"], "unknown instrument 'EUR_USX', did you mean"),
        (["--faults", "nowhere.json"], "--faults: nowhere.json cannot be read"),
        (["--speed", "0"], "speed"),
        (["--balance", "-5"], "initial_balance"),
        (["--currency", "XXX"], "XXX"),
    ],
)
def test_wrong_input_is_told_in_one_paragraph(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refused([*arguments, "--home", str(tmp_path / "served"), "--port", "0"], capsys)
    assert message in told
    assert "Traceback" not in told


def test_a_token_that_others_can_read_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "token"
    path.write_text("a-secret")
    path.chmod(0o644)
    told = refused(["--home", str(tmp_path)], capsys)
    assert "chmod 600" in told
    assert "a-secret" not in told


def test_a_plan_of_faults_that_is_not_understood_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plan.json"
    path.write_text('{"faults": [{"kind": "LATENCI"}]}')
    told = refused(["--home", str(tmp_path / "served"), "--faults", str(path)], capsys)
    assert "did you mean 'LATENCY'" in told


def test_a_desk_on_paper_and_one_at_such_a_server_trade_on_the_same_terms() -> None:
    settings = load_settings(
        None,
        {
            "desk": {"initial_balance": 5_000.0},
            "data": {"instruments": ("GBP_USD", "USD_JPY"), "bar": "5m"},
            "broker": {
                "slippage_bps": 0.7, "closeout_fraction": 0.4, "financing_fee_annual": 0.03,
            },
        },
    )  # fmt: skip
    terms = served_terms(settings)
    assert terms == exchange_terms(settings, live_plan_of(settings).instruments)
    assert (terms.account_currency, terms.cash, terms.interval_s) == ("USD", 5_000.0, 300)
    assert (terms.closeout_fraction, terms.financing_fee) == (0.4, 0.03)
    assert terms.slippage == pytest.approx(7e-5)


def test_bars_are_played_after_some_that_are_history(tmp_path: Path) -> None:
    times = np.arange(START, START + 20 * MINUTE, MINUTE)
    prices = {name: 1.1 + np.arange(20) / 1e4 for name in ("open", "high", "low", "close")}
    frame = pd.DataFrame({"time": times.astype("datetime64[ns]"), **prices})
    frame.to_parquet(tmp_path / "EUR_USD.parquet")
    data = {"source": str(tmp_path), "instruments": ("EUR_USD",), "clock": "UTC"}
    settings = load_settings(None, {"data": data})
    terms = served_terms(settings)
    given = {"settings": settings, "feed": "bars", "instruments": terms.instruments}
    source = open_served(None, rows=5, **given)  # type: ignore[arg-type]
    assert len(source.history(["EUR_USD"], 60, 100)) == 5
    (first, *_) = source.quotes(START + 6 * MINUTE)
    assert (first.time, first.mid) == (START + 5 * MINUTE, pytest.approx(1.1005))
    later = open_served(first.time, rows=5, **given)  # type: ignore[arg-type]
    assert later.quotes(START + 6 * MINUTE)[0].time > first.time
    half = open_served(None, rows=500, **given)  # type: ignore[arg-type]
    assert len(half.history(["EUR_USD"], 60, 100)) == 10
