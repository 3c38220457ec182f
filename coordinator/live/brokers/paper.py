"""The paper exchange: an actor of the desk's own, on made-up or recorded prices."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from coordinator.bootstrap import interest_of
from coordinator.configuration.settings import Settings
from coordinator.live.brokers.resuming import refuse_another_broker, refuse_other_prices
from coordinator.live.brokers.venue import Prepared, Venue
from coordinator.live.exchange_terms import exchange_terms
from coordinator.live.plan import LivePlan
from coordinator.live.prices import check_prices, open_prices, price_kind, prices_said
from infra.brokers.paper.live.client import PaperExchangeClient
from infra.brokers.paper.live.running import open_exchange
from infra.brokers.paper.live.server import ExchangeServer
from infra.live.home import DeskHome


class PaperChoice:
    """Trades on paper."""

    def check(self, settings: Settings) -> None:
        """Feed and data go together."""
        check_prices(settings)

    def prepared(self, settings: Settings, home: DeskHome, *, resume: bool) -> Prepared:
        """A paper account is what its settings say."""
        if resume:
            refuse_another_broker(home)
            refuse_other_prices(home, price_kind(settings), prices_said(settings))
        return Prepared(settings=settings)

    def looked_at(self, plan: LivePlan, *, resume: bool) -> LivePlan:
        """What is wrong with the prices is told here, where somebody reads it."""
        if not resume:
            open_prices(
                None, settings=plan.settings, instruments=plan.instruments, rows=plan.primed_rows
            )
        return plan

    def venue(self, plan: LivePlan, home: DeskHome) -> Venue:
        """An exchange behind a socket in the desk's home."""
        settings = plan.settings
        feed = prices_said(settings)
        return Venue(
            description=f"paper exchange on {feed}",
            feed=feed,
            prices=price_kind(settings),
            speed=settings.live.speed,
            open_broker=partial(
                PaperExchangeClient,
                home.exchange_address,
                home.line_key(),
                timeout_s=settings.live.broker_timeout_s,
            ),
            real=False,
            exchange=exchange_builder(plan, home),
        )

    def handed_over(self, home: DeskHome) -> AbstractContextManager[None]:
        """It has no credentials but the desk's own key; what another broker's left is removed."""
        home.forget_left_token()
        return nullcontext()


def exchange_builder(plan: LivePlan, home: DeskHome) -> Callable[[], ExchangeServer]:
    """Opens the paper account, its fills and its prices, where it runs."""
    settings = plan.settings
    return partial(
        open_exchange,
        exchange_terms(settings, plan.instruments),
        store=home.exchange_store,
        open_source=partial(
            open_prices, settings=settings, instruments=plan.instruments, rows=plan.primed_rows
        ),
        at=(home.exchange_address,),
        key=home.line_key(),
        interest=interest_of(settings),
        history_bars=plan.rows,
    )
