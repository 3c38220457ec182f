"""`Venue`: where a live desk trades, as its gateway needs it, and who prepares that."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from coordinator.configuration.settings import Settings
from coordinator.live.plan import LivePlan
from infra.brokers.paper.live.server import ExchangeServer
from infra.live.gateway import Differs, nothing_differs
from infra.live.home import DeskHome
from infra.live.loop import HEARD_WITHIN_S
from market.ports import LiveBroker
from market.quotes import PriceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """What is settled before a desk starts; it travels to the gateway's process, and holds no
    secret.

    description, feed: what the broker and its prices are, for the record. prices, speed: their
    kind, and how fast their time runs. open_broker: connects, where the gateway runs. real: whether
    orders move real money. exchange: what must run beside the gateway for there to be a broker;
    None for one that is there without us. differs: why the account is not the one that was
    planned for, empty where it is. absent_after_s: how long an unanswered order is looked for in
    vain, and an account may be older than the books. heard_within_s: after so long without a
    heartbeat the broker is called anew.
    """

    description: str
    feed: str
    prices: PriceKind
    open_broker: Callable[[], LiveBroker]
    real: bool
    speed: float = 1.0
    exchange: Callable[[], ExchangeServer] | None = None
    differs: Differs = nothing_differs
    absent_after_s: float = 0.0
    heard_within_s: float = HEARD_WITHIN_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a broker has made of the settings. available: the symbols that it has, to trade and to
    convert by; None for all that are known.
    """

    settings: Settings
    available: tuple[str, ...] | None = None


class BrokerChoice(Protocol):
    """A broker that a desk can be told to trade through."""

    def check(self, settings: Settings) -> None:
        """Raise ConfigError for what cannot be, before anything is asked or started."""
        ...

    def prepared(self, settings: Settings, home: DeskHome, *, resume: bool) -> Prepared:
        """The settings with what the broker says of account and instruments in them.

        Raises ConfigError, TransientError where it cannot be asked.
        """
        ...

    def looked_at(self, plan: LivePlan, *, resume: bool) -> LivePlan:
        """The plan, once what it trades on has been looked at. Raises DataError, ConfigError."""
        ...

    def venue(self, plan: LivePlan, home: DeskHome) -> Venue:
        """Where this plan trades."""
        ...

    def handed_over(self, home: DeskHome) -> AbstractContextManager[None]:
        """What the gateway needs beside the venue lies in the desk's home meanwhile."""
        ...
