"""The broker that the settings name."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

from coordinator.configuration.settings import Settings
from coordinator.live.brokers.paper import PaperChoice
from coordinator.live.brokers.venue import BrokerChoice


def broker_named(
    settings: Settings, environment: MutableMapping[str, str] | None = None
) -> BrokerChoice:
    """Who prepares the broker of these settings.

    environment: the process's own by default. A token in it is taken out, so that nobody inherits
    it; whoever needs it later must go on with what this returns.
    """
    if settings.live.broker == "paper":
        return PaperChoice()
    from coordinator.live.brokers.oanda import OandaChoice  # noqa: PLC0415

    return OandaChoice(os.environ if environment is None else environment)
