"""The live gateway where it runs: books, broker and switchboard put together, and the loop."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from infra.feeds.live.board import PriceBoard
from infra.feeds.live.hours import standard_hours
from infra.feeds.live.silence import SilenceWatch
from infra.feeds.live.staleness import StalenessLimits
from infra.journal.anchoring import Anchors, anchor_sink, anchored_at
from infra.live.cancel_budget import CancelLimits
from infra.live.gateway import Differs, LiveGateway, nothing_differs
from infra.live.home import DeskHome
from infra.live.loop import HEARD_WITHIN_S, GatewayLoop
from infra.live.opening import open_books
from infra.live.stopping import of_a_halt
from infra.live.waiting import AskedBefore, WaitingRoom
from infra.logs import DeskLog
from infra.metrics import Meters
from infra.transport import Switchboard
from market.breaker_rules import BreakerLimits
from market.errors import JournalUnwritable, QuorumError
from market.events import SessionStarted
from market.instruments import Instrument
from market.modes import Mode
from market.overrides import OverrideRules
from market.ports import LiveBroker
from market.quotes import PriceKind
from market.stage_grants import StageGrant
from market.stage_needs import StageNeeds


def serve_gateway(
    leaving: threading.Event,
    *,
    home: DeskHome,
    broker: Callable[[], LiveBroker],
    description: str,
    prices: PriceKind,
    speed: float,
    needs: StageNeeds,
    override_rules: OverrideRules,
    started: SessionStarted,
    rows: int,
    seated: Sequence[str],
    instruments: Sequence[Instrument],
    staleness: StalenessLimits,
    breakers: BreakerLimits,
    guardian_limits: Mapping[str, float],
    cancels: CancelLimits = CancelLimits(),  # noqa: B008  (frozen)
    approvals_key: bytes,
    reconcile_every_s: float,
    journal_key: bytes | None,
    anchors_at: str | None,
    anchor_every_s: float,
    events_per_file: int,
    open_log: Callable[[], DeskLog],
    open_meters: Callable[[], Meters],
    real: bool,
    grant: StageGrant | None = None,
    differs: Differs = nothing_differs,
    absent_after_s: float = 0.0,
    heard_within_s: float = HEARD_WITHIN_S,
    run: str = "",
    asks_history: bool = False,
) -> None:
    """Serve until `leaving`, or until `quorum stop` has settled the desk.

    prices, speed: what the broker's prices are and how fast its time runs. real, grant, differs,
    absent_after_s, asks_history: as of `LiveGateway`. heard_within_s, run: as of `GatewayLoop`.
    needs: what a desk must have shown to be given more capital. override_rules: what a person may
    override. People are answered from the first moment, also while the broker cannot be reached.
    started, rows, seated: as of `open_books`. staleness: (M,) when a price is old, and when silence
    is told. breakers: the gateway's own. guardian_limits: by halt, told beside them. cancels: how
    often may be cancelled. journal_key: seals the events; None seals none. anchors_at: a file or an
    http(s) address that the journal is anchored at; None: nowhere. events_per_file: of the journal,
    until the next is begun.
    Raises JournalError, JournalUnwritable and ConfigError where the desk cannot be taken up.
    """
    account, log, meters = broker(), open_log(), open_meters()

    def first() -> tuple[int, float]:
        """The market's clock and the account's cash, for a session that begins."""
        bars = account.history(started.interval_s, 1)
        return int(bars.time[-1]) if len(bars) else 0, account.account().cash

    asked = AskedBefore(home.asked_before)
    room = WaitingRoom(
        partial(Switchboard, home.line_key(), at=home.gateway_address), started, asked, log.tell
    )
    try:
        books = open_books(
            home.journal,
            started,
            rows,
            seated,
            partial(room.until_reached, first, leaving),
            key=journal_key,
            anchors=_anchors(anchors_at, anchor_every_s, log, meters),
            anchored=() if anchors_at is None else anchored_at(anchors_at),
            events_per_file=events_per_file,
            tell=log.tell,
        )
    except QuorumError:
        room.close()
        log.close()
        if room.stopped:
            return
        raise
    gateway = LiveGateway(
        broker=account,
        books=books,
        board=PriceBoard(
            started.symbols,
            started.interval_s,
            staleness.stale_after,
            closed_until=books.state.window.last_time,
        ),
        instruments=instruments,
        account_currency=started.account_currency,
        key=approvals_key,
        versions=started.versions,
        history_bars=rows,
        needs=needs,
        override_rules=override_rules,
        silence=SilenceWatch(
            instruments, staleness.silent_after, standard_hours(), books.state.time
        ),
        breakers=breakers,
        guardian_limits=guardian_limits,
        real=real,
        wall=time.time_ns if real else lambda: 0,
        grant=grant,
        absent_after_s=absent_after_s,
        differs=differs,
        cancels=cancels,
        asks_history=asks_history,
        tell=log.tell,
        meters=meters,
    )
    settled = False
    try:
        _take_over(asked, gateway)
        loop = GatewayLoop(
            gateway,
            room.switchboard(),
            account.subscribe,
            reconcile_every_s=reconcile_every_s,
            heard_within_s=heard_within_s,
            tell=log.tell,
            meters=meters,
            opening=partial(gateway.open, description, prices, speed),
            people=room.people,
            run=run,
        )
        loop.run(leaving.is_set)
        settled = loop.stopped
    finally:
        if not settled:
            with contextlib.suppress(JournalUnwritable):
                books.close()
        log.close()


def _take_over(asked: AskedBefore, gateway: LiveGateway) -> None:
    """A halt that was asked for before there were books goes into them."""
    halt = asked.read()
    if halt is not None:
        by, reason = halt
        gateway.change_mode(Mode.HALTED, by, of_a_halt(reason))
        asked.forget()


def _anchors(where: str | None, every_s: float, log: DeskLog, meters: Meters) -> Anchors | None:
    if where is None:
        return None
    return Anchors(anchor_sink(where), every_s=every_s, tell=log.tell, meters=meters)
