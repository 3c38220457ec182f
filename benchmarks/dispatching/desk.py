"""A live gateway, its guardian and a paper exchange, and decisions that order everywhere."""

from __future__ import annotations

import multiprocessing
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from agents.guardian.guardian import RiskGuardian
from agents.guardian.limits import RiskLimits, StressLimits
from benchmarks.deciding.desk import CASH, desk_plan
from coordinator.live.plan import LivePlan, live_session_started
from infra.brokers.paper.live.client import PaperExchangeClient
from infra.brokers.paper.live.running import run_exchange
from infra.brokers.paper.live.terms import ExchangeTerms
from infra.clock import PacedClock
from infra.feeds.live.board import PriceBoard
from infra.feeds.live.synthetic import SyntheticPrices
from infra.live.gateway import LiveGateway
from infra.live.opening import open_books
from market.breaker_rules import BreakerLimits
from market.errors import QuorumError
from market.events import DecisionTaken
from market.instruments import Instrument
from market.live_messages import Decided
from market.messages import Reviewed, RiskContext
from market.ports import LiveBroker, PriceSource

UNITS = 1_000.0
SPEED = 30.0
"""Of the market's clock, as a multiple of real time: prices must come for orders to fill."""


def terms_of(plan: LivePlan) -> ExchangeTerms:
    """The account of a plan's desk."""
    return ExchangeTerms(
        instruments=plan.instruments,
        account_currency="USD",
        cash=CASH,
        slippage=0.0,
        interval_s=plan.desk.interval_s,
    )


def open_synthetic(
    after: int | None, instruments: Sequence[Instrument], speed: float
) -> PriceSource:
    """Made-up prices, faster than real time."""
    start = time.time_ns() if after is None else after
    return SyntheticPrices(instruments, 1, PacedClock(start, speed), begin=start)


def serve(plan: LivePlan, folder: str, key: bytes, speed: float) -> None:
    """An exchange in a process of its own, until it is terminated."""
    run_exchange(
        terms_of(plan),
        store=Path(folder) / "exchange.sqlite",
        open_source=partial(open_synthetic, instruments=plan.instruments, speed=speed),
        at=(str(Path(folder) / "e"),),
        key=key,
        history_bars=plan.rows,
    )


@contextmanager
def exchange_process(
    plan: LivePlan,
    folder: Path,
    *,
    speed: float = SPEED,
    client: type[PaperExchangeClient] = PaperExchangeClient,
) -> Iterator[PaperExchangeClient]:
    """A client of an exchange that runs in a process of its own."""
    key = secrets.token_bytes(32)
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(plan, str(folder), key, speed), daemon=True
    )
    process.start()
    made = client(str(folder / "e"), key, timeout_s=5.0)
    try:
        until = time.monotonic() + 120.0
        while time.monotonic() < until:
            try:
                made.account()
                break
            except QuorumError:
                time.sleep(0.05)
        yield made
    finally:
        made.hang_up()
        process.terminate()
        process.join()


class Ordering:
    """Decisions that the guardian approves in every instrument, through a live gateway.

    description: of the broker. breakers, absent_after_s: as of `LiveGateway`.
    """

    def __init__(
        self,
        plan: LivePlan,
        broker: LiveBroker,
        folder: Path,
        *,
        description: str = "paper exchange",
        breakers: BreakerLimits = BreakerLimits(),  # noqa: B008  (frozen)
        absent_after_s: float = 0.0,
    ) -> None:
        self.plan = plan
        self.broker = broker
        self.key = secrets.token_bytes(32)
        count = len(plan.instruments)
        self.guardian = RiskGuardian(
            plan.instruments,
            account_currency="USD",
            traits=plan.desk.traits,
            agents=1,
            limits=open_limits(plan.desk.limits),
            equity=CASH,
            key=self.key,
            rearm_after=None,
        )
        started = live_session_started(plan, time=0, feed="made-up prices")
        books = open_books(
            folder / "journal.sqlite", started, plan.rows, plan.seated, lambda: (0, CASH)
        )
        self.gateway = LiveGateway(
            broker=broker,
            books=books,
            board=PriceBoard(plan.desk.symbols, plan.desk.interval_s, np.full(count, 10**12)),
            instruments=plan.instruments,
            account_currency="USD",
            key=self.key,
            versions=(),
            history_bars=plan.rows,
            breakers=breakers,
            absent_after_s=absent_after_s,
            tell=unheard,
        )
        self.gateway.open(description)
        self.epoch = self.gateway.attach().epoch
        self.sequence = 0
        self._ordered = np.zeros(count)
        # Collars are around prices that there are; they last for the minutes of a measurement.
        close = broker.history(plan.desk.interval_s, plan.rows).close
        newest = len(close) - 1 - np.argmax(np.isfinite(close)[::-1], axis=0)
        self._mid = close[newest, np.arange(count)]  # not every bar has a price of every instrument
        self._returns = np.random.default_rng(1).normal(0.0, 1e-3, (61, count))

    def review(self, columns: Sequence[int]) -> Reviewed:
        """The guardian's verdicts on an order in each of these instruments, sides alternating."""
        count = len(self.plan.instruments)
        units = np.zeros(count)
        chosen = list(columns)
        units[chosen] = np.where(self._ordered[chosen] > 0.0, -UNITS, UNITS)
        self._ordered += units  # sides alternate in each instrument, so that no limit is reached
        state = self.gateway.books.state
        self.sequence += 1
        return self.guardian.review(
            RiskContext(
                session=self.plan.desk.session,
                epoch=self.epoch,
                sequence=self.sequence,
                time=self.gateway.now,
                expires=self.gateway.now + 10**12,
                equity=CASH,
                units=state.ledger.units,
                working=np.zeros(count),
                stop_price=np.where(state.ledger.units == 0.0, np.nan, 0.5 * self._mid),
                mid=self._mid,
                spread=1e-4 * self._mid,
                rate=np.ones(count),
                age=np.zeros(count),
                filled=np.zeros(count),
                returns=self._returns,
                order_units=units,
                score=np.full(count, 0.9),
                stop_distance=0.05 * self._mid,
                take_profit_distance=0.05 * self._mid,
                trailing_distance=np.full(count, np.nan),
                bound=np.zeros(count, dtype=np.int64),
                group=np.zeros(count, dtype=np.int64),
                sigma=np.full(count, 1e-2),
                sigma_before=np.full(count, 1e-2),
                stage=self.gateway.staging.name,
            )
        )

    def send(self, reviewed: Reviewed) -> int:
        """How many orders have left for the broker, each a durable intent before. Where it takes
        them without being waited for they are under way, until the next are sent or `settle`.
        """
        done = self.gateway.execute(
            Decided(
                epoch=self.epoch,
                sequence=self.sequence,
                time=self.gateway.now,
                records=(self._taken(reviewed),),
                signed=reviewed.signed,
            )
        )
        return done.sent

    def _taken(self, reviewed: Reviewed) -> DecisionTaken:
        """The decision as a committee of the plan's size has it on record, with every verdict."""
        places, count = self.plan.places, len(self.plan.instruments)
        of_each, none = np.full(count, 0.9), np.zeros(count)
        return DecisionTaken(
            sequence=self.sequence,
            time=self.gateway.now,
            scores=np.tile(of_each, (len(places), 1)),
            evidence=np.zeros((sum(len(place.evidence) for place in places), count)),
            score=of_each,
            buy=of_each,
            sell=none,
            turnout=np.ones(count),
            outcome=np.ones(count, dtype=np.int64),
            multiplier=np.ones(count),
            bound=np.zeros(count, dtype=np.int64),
            approved=reviewed.signed.approved,
            refused=reviewed.refused,
        )

    def settle(self) -> None:
        """Return once what was sent is acknowledged, and that is booked."""
        self.gateway.dispatch.settle()

    def dispatch(self, reviewed: Reviewed) -> int:
        """How many orders the broker has acknowledged, each a durable intent before."""
        sent = self.send(reviewed)
        self.settle()
        return sent


def unheard(text: str, /, *, level: str = "info", **fields: object) -> None:
    """Nobody listens."""


FREE = 1e3
"""Of equity: a limit that is measured and never reached."""
MOST_ORDERS = 30_000
"""More than any measurement sends: a fast machine sends more in a second than a desk may."""


def open_limits(limits: RiskLimits) -> RiskLimits:
    """Limits that a thousand units in every instrument do not reach: all are measured still."""
    return limits._replace(
        max_open_positions=1_000.0,
        max_gross_leverage=50.0,
        max_currency_exposure=50.0,
        max_open_risk=1.0,
        correlation_threshold=0.99,
        max_daily_var=FREE,
        max_portfolio_var=FREE,
        stress=StressLimits(FREE, FREE, FREE, FREE, FREE),
        pace=limits.pace._replace(
            duplicate_ns=0.0,
            per_second=MOST_ORDERS,
            per_minute=MOST_ORDERS,
            max_fills=1_000,
            collar_ns=0.0,
        ),
    )


def ordering_plan(count: int) -> LivePlan:
    """So many made-up instruments."""
    return desk_plan(count, 20.0)
