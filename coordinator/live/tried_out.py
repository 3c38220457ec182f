"""What a desk on made-up prices does where nothing is said: nobody waits an hour to see a bar."""

from __future__ import annotations

from coordinator.configuration.settings import Settings

TRIED_OUT = {"data": {"bar": "5s"}}
"""Behind whatever is configured, and before the configuration's own defaults."""


def made_up(settings: Settings) -> bool:
    """Whether a desk of these settings trades on prices that are nobody's, as the market goes."""
    if settings.live.broker == "oanda":
        return settings.oanda.environment == "local"
    return settings.live.feed == "synthetic"
