"""A v20 server with made-up prices for a desk that trades through OANDA's protocol."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from coordinator.configuration.settings import Settings
from coordinator.live.v20_feed import open_served, served_terms
from infra.brokers.v20_server.running import V20Server
from infra.brokers.v20_server.terms import V20Terms

INSTRUMENTS = ("EUR_USD", "USD_JPY", "GBP_USD")
SPEED = 5.0
HISTORY = 400
SECTIONS: dict[str, dict[str, Any]] = {
    "desk": {"initial_balance": 10_000_000.0},
    "data": {"bar": "5s", "instruments": list(INSTRUMENTS)},
    "committee": {"decision_threshold": 0.05},
    "sizing": {"stop_sigmas": 16.0, "tp_sl_ratio": 1.0, "max_risk_per_trade": 0.0001},
    "guardian": {"max_daily_loss": 0.25, "max_drawdown": 0.5},
    "optimizer": {"method": "exact"},
    # Faults are meant here, and orders are to flow all the same.
    "breakers": {"latency_s": 30.0, "failures": 10, "correlation": 0.95},
    "live": {"speed": SPEED, "reconcile_every_s": 5.0},
}
"""Bars of five seconds at five times real time, thresholds so low that orders flow."""


def settings_for(**sections: dict[str, Any]) -> Settings:
    """Those of the desk; each section on top of SECTIONS."""
    merged = {name: {**SECTIONS.get(name, {}), **sections.get(name, {})} for name in SECTIONS}
    return Settings.model_validate({**sections, **merged})


def through(url: str, **sections: dict[str, Any]) -> Settings:
    """The same for a desk at that server."""
    given = dict(sections)
    given["live"] = {"broker": "oanda", **given.get("live", {})}
    given["oanda"] = {"environment": "local", "url": url, **given.get("oanda", {})}
    return settings_for(**given)


@contextmanager
def served(folder: Path, token: str, port: int = 0) -> Iterator[V20Server]:
    """A server in a thread. port: of one that is started again."""
    settings = settings_for()
    exchange = served_terms(settings)
    server = V20Server(
        V20Terms(exchange=exchange, token=token, heartbeat_s=1.0),
        folder=folder,
        open_source=partial(
            open_served,
            settings=settings,
            feed="synthetic",
            instruments=exchange.instruments,
            rows=HISTORY,
        ),
        port=port,
        history_bars=HISTORY,
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()
