"""The live gateway where it runs: books, broker and switchboard put together, and the loop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from infra.feeds.live.board import PriceBoard
from infra.feeds.live.hours import standard_hours
from infra.feeds.live.silence import SilenceWatch
from infra.feeds.live.staleness import StalenessLimits
from infra.live.gateway import LiveGateway
from infra.live.home import DeskHome
from infra.live.loop import GatewayLoop
from infra.live.opening import open_books
from infra.transport import Switchboard
from market.errors import OutcomeUnknown, TransientError
from market.events import SessionStarted
from market.instruments import Instrument
from market.ports import LiveBroker

RETRY_S = 0.2
log = logging.getLogger("quorum")


def serve_gateway(
    leaving: threading.Event,
    *,
    home: DeskHome,
    broker: Callable[[], LiveBroker],
    description: str,
    started: SessionStarted,
    rows: int,
    seated: Sequence[str],
    instruments: Sequence[Instrument],
    staleness: StalenessLimits,
    approvals_key: bytes,
    reconcile_every_s: float,
) -> None:
    """Serve until `leaving`, or until `quorum stop` has settled the desk.

    started, rows, seated: as of `open_books`. staleness: (M,) when a price is
    old, and when silence is told.
    Raises JournalError, JournalUnwritable and ConfigError where the desk cannot be taken up.
    """
    account = broker()

    def first() -> tuple[int, float]:
        """The market's clock and the account's cash, for a session that begins."""
        while True:
            try:
                bars = account.history(started.interval_s, 1)
                return int(bars.time[-1]) if len(bars) else 0, account.account().cash
            except (TransientError, OutcomeUnknown) as error:
                log.info("waiting for the broker: %s", error)
                if leaving.wait(RETRY_S):
                    raise

    books = open_books(home.journal, started, rows, seated, first)
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
        silence=SilenceWatch(
            instruments, staleness.silent_after, standard_hours(), books.state.time
        ),
        tell=log.info,
    )
    while not leaving.is_set():
        try:
            gateway.open(description)
            break
        except (TransientError, OutcomeUnknown) as error:
            log.info("waiting for the broker: %s", error)
            leaving.wait(RETRY_S)
    loop = GatewayLoop(
        gateway,
        Switchboard(home.line_key(), at=home.gateway_address),
        account.subscribe,
        reconcile_every_s=reconcile_every_s,
        tell=log.info,
    )
    loop.run(leaving.is_set)
