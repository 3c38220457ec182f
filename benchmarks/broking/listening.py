"""Prices from the server's source to the desk's board."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from oandapyV20.endpoints.pricing import PricingInfo

from benchmarks.broking.desk import Dealing
from benchmarks.broking.prices import number_of
from benchmarks.broking.seen import Seen, seen_of
from infra.deadlines import readable
from infra.feeds.oanda.health import StreamHealth
from infra.feeds.oanda.prices import price_of

QUIET_S = 1.0


def listen(
    dealing: Dealing,
    warm_up_s: float,
    seconds: float,
    *,
    numbers: int,
    most: int,
    watch: Callable[[float], None],
) -> tuple[Seen, StreamHealth, int]:
    """What the desk saw after the warm-up until no price came any more; how its stream was; and of
    how many instruments it lacks the newest price that the server has.

    watch: called about every second after the warm-up, told the seconds that are left.
    """
    gateway = dealing.desk.gateway
    instruments = dealing.desk.plan.instruments
    seen = seen_of(instruments, numbers, most)
    with contextlib.closing(
        dealing.broker.subscribe(gateway.books.state.last_transaction)
    ) as stream:

        def hear(until: float, into: Seen | None) -> None:
            while time.monotonic() < until and readable([stream], until):
                update = stream.take()
                gateway.take(update)
                if into is not None:
                    into.take(update.quotes, time.time_ns())

        hear(time.monotonic() + warm_up_s, None)
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            hear(min(time.monotonic() + 1.0, ends), seen)
            watch(ends - time.monotonic())
        dealing.server.hold()
        hear(time.monotonic() + QUIET_S, seen)
        return seen, stream.health(), seen.behind(newest_of(dealing))


def newest_of(dealing: Dealing) -> dict[str, int]:
    """The newest number of every instrument in the server."""
    instruments = {one.symbol: one for one in dealing.desk.plan.instruments}
    asked = PricingInfo(dealing.connection.account, params={"instruments": ",".join(instruments)})
    found = {}
    for raw in dealing.connection.ask(asked)["prices"]:
        quote = price_of(raw).quote
        if quote is not None:
            found[quote.symbol] = number_of(quote, instruments[quote.symbol])
    return found
